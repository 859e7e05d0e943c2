//! What a program does with tokio-postgres. Argument: a URL. Prints a line for each thing that it found.

use std::time::Duration;

use futures_util::TryStreamExt;
use tokio_postgres::{Client, Error, NoTls, SimpleQueryMessage};

const TYPES: &str = "SELECT p.id, p.name, p.born, p.hired, p.active, t.jb::text, t.by, a.ints, a.texts, a.bools
    FROM nasty.people p JOIN nasty.things t ON t.id = p.id JOIN nasty.arrays a ON a.id = p.id
    WHERE p.id > $1 ORDER BY p.id";
const SLOW: &str = "SELECT count(*) FROM lineitem a, lineitem b, lineitem c WHERE a.l_comment < b.l_comment || c.l_comment";

async fn fails(client: &Client, query: &str) {
    match client.query(query, &[]).await {
        Ok(rows) => println!("no error, {} rows", rows.len()),
        Err(error) => println!("error {:?}", error.code().map(|code| code.code())),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let url = std::env::args().nth(1).expect("a URL");
    let (mut client, connection) = tokio_postgres::connect(&url, NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute("SET TimeZone = 'UTC'").await?;
    for message in client.simple_query("SELECT 1; SELECT * FROM region ORDER BY 1").await? {
        if let SimpleQueryMessage::Row(row) = message {
            println!("simple {:?}", (0..row.len()).map(|i| row.get(i)).collect::<Vec<_>>());
        }
    }
    let prepared = client.prepare(TYPES).await?;
    for from in 0..3i32 {
        for row in client.query(&prepared, &[&from]).await? {
            println!(
                "prepared {} {} {:?} {:?} {} {:?} {:?} {:?} {:?} {:?}",
                row.get::<_, i32>(0),
                row.get::<_, &str>(1),
                row.get::<_, Option<chrono::NaiveDate>>(2),
                row.get::<_, Option<chrono::DateTime<chrono::Utc>>>(3),
                row.get::<_, bool>(4),
                row.get::<_, Option<&str>>(5),
                row.get::<_, Option<&[u8]>>(6),
                row.get::<_, Option<Vec<Option<i32>>>>(7),
                row.get::<_, Option<Vec<Option<String>>>>(8),
                row.get::<_, Option<Vec<Option<bool>>>>(9),
            );
        }
    }
    let transaction = client.transaction().await?;
    let many = "SELECT l_orderkey FROM lineitem CROSS JOIN (VALUES (1), (2)) v(copy)";
    let portal = transaction.bind(many, &[]).await?;
    let (mut count, mut sum) = (0, 0i64);
    loop {
        let rows = transaction.query_portal(&portal, 7000).await?;
        if rows.is_empty() {
            break;
        }
        count += rows.len();
        sum += rows.iter().map(|row| row.get::<_, i64>(0)).sum::<i64>();
    }
    println!("cursor {count} {sum}");
    transaction.commit().await?;
    let copied: Vec<_> = client.copy_out("COPY nation TO STDOUT").await?.try_collect().await?;
    println!("copied {:?}", copied.concat());
    fails(&client, "SELECT 1 / (id - 1) FROM nasty.people").await;
    fails(&client, "SELECT nope FROM region").await;
    let token = client.cancel_token();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(500)).await;
        token.cancel_query(NoTls).await
    });
    fails(&client, SLOW).await;
    println!("after {}", client.query_one("SELECT count(*) FROM region", &[]).await?.get::<_, i64>(0));
    Ok(())
}
