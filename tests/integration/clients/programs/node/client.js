// What a program does with node-postgres. Argument: a URL. Prints a line for each thing that it found.
const { Client } = require("pg");
const Cursor = require("pg-cursor");

const TYPES = `SELECT p.*, t.j, t.jb, t.by, t.u, a.ints, a.texts, a.nums FROM nasty.people p
    JOIN nasty.things t ON t.id = p.id JOIN nasty.arrays a ON a.id = p.id WHERE p.id > $1 ORDER BY p.id`;
const SLOW = "SELECT count(*) FROM lineitem a, lineitem b, lineitem c WHERE a.l_comment < b.l_comment || c.l_comment";
const url = process.argv[2];

async function connected() {
  const client = new Client({ connectionString: url, options: "-c TimeZone=UTC" });
  await client.connect();
  return client;
}

async function fails(client, query) {
  await client.query(query).then(
    () => console.log("no error"),
    (error) => console.log("error", error.code, error.position),
  );
}

async function main() {
  const client = await connected();
  console.log("simple", JSON.stringify((await client.query("SELECT * FROM region ORDER BY 1")).rows));
  console.log("several", (await client.query("SELECT 1; SELECT count(*) FROM lineitem")).map((r) => JSON.stringify(r.rows)));
  for (let from = 0; from < 4; from++) {
    const text = await client.query({ name: "types", text: TYPES, values: [from] });
    console.log("prepared", text.fields.map((f) => f.name + f.dataTypeID % 16384), JSON.stringify(text.rows));
    // It reads binary values as text: what it makes of these bytes is compared.
    const binary = await client.query({ text: "SELECT id, name, salary, hired, active FROM nasty.people WHERE id > $1 ORDER BY id",
      values: [from], binary: true, rowMode: "array" });
    console.log("binary", JSON.stringify(binary.rows));
  }
  const cursor = client.query(new Cursor("SELECT l_orderkey FROM lineitem CROSS JOIN (VALUES (1), (2)) v(copy)"));
  let count = 0, sum = 0;
  for (let rows = await cursor.read(7000); rows.length; rows = await cursor.read(7000)) {
    count += rows.length;
    for (const row of rows) sum += Number(row.l_orderkey);
  }
  await cursor.close();
  console.log("cursor", count, sum);
  await fails(client, "SELECT 1 / (id - 1) FROM nasty.people");
  await fails(client, "SELECT nope FROM region");
  const other = await connected();
  setTimeout(() => other.query("SELECT pg_cancel_backend($1)", [client.processID]), 500);
  await fails(client, SLOW);
  console.log("after", JSON.stringify((await client.query("SELECT count(*) FROM region")).rows));
  await other.end();
  await client.end();
}

main();
