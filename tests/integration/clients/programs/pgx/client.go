// What a program does with pgx. Argument: a URL. Prints a line for each thing that it found.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const types = `SELECT p.*, t.j, t.jb, t.by, t.u, a.ints, a.texts, a.nums FROM nasty.people p
	JOIN nasty.things t ON t.id = p.id JOIN nasty.arrays a ON a.id = p.id WHERE p.id > $1 ORDER BY p.id`
const slow = "SELECT count(*) FROM lineitem a, lineitem b, lineitem c WHERE a.l_comment < b.l_comment || c.l_comment"

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func rows(c *pgx.Conn, query string, arguments ...any) [][]any {
	found, err := c.Query(context.Background(), query, arguments...)
	check(err)
	all, err := pgx.CollectRows(found, func(row pgx.CollectableRow) ([]any, error) { return row.Values() })
	check(err)
	return all
}

func fails(ctx context.Context, c *pgx.Conn, query string) {
	_, err := c.Exec(ctx, query)
	var told *pgconn.PgError
	if errors.As(err, &told) {
		fmt.Println("error", told.Code, told.Position)
	} else {
		fmt.Println("error of pgx", err)
	}
}

func run(url string, mode pgx.QueryExecMode) {
	ctx := context.Background()
	config, err := pgx.ParseConfig(url)
	check(err)
	config.DefaultQueryExecMode = mode
	config.RuntimeParams["timezone"] = "UTC"
	c, err := pgx.ConnectConfig(ctx, config)
	check(err)
	defer c.Close(ctx)
	fmt.Println("--", mode)
	fmt.Println("simple", rows(c, "SELECT * FROM region ORDER BY 1"))
	for from := range 3 {
		fmt.Println("typed", rows(c, "SELECT id, name, salary, born, hired, active FROM nasty.people WHERE id > $1 ORDER BY id", from))
		found, err := c.Query(ctx, types, from)
		check(err)
		for found.Next() { // text or binary as the mode has it: the bytes
			fmt.Printf("prepared %q\n", found.RawValues())
		}
		check(found.Err())
	}
	batch := &pgx.Batch{}
	for key := range 5 {
		batch.Queue("SELECT n_name FROM nation WHERE n_nationkey = $1", key)
	}
	if mode != pgx.QueryExecModeSimpleProtocol {
		answers := c.SendBatch(ctx, batch)
		for range 5 {
			var name string
			check(answers.QueryRow().Scan(&name))
			fmt.Println("batch", name)
		}
		check(answers.Close())
	}
	transaction, err := c.Begin(ctx)
	check(err)
	_, err = transaction.Exec(ctx, "DECLARE c CURSOR FOR SELECT l_orderkey FROM lineitem CROSS JOIN (VALUES (1), (2)) v(copy)")
	check(err)
	count, sum := 0, int64(0)
	for {
		part := rows(c, "FETCH 20000 FROM c")
		for _, row := range part {
			sum += row[0].(int64)
		}
		count += len(part)
		if len(part) == 0 {
			break
		}
	}
	fmt.Println("cursor", count, sum)
	fails(ctx, c, "SELECT 1 / (id - 1) FROM nasty.people")
	fails(ctx, c, "SELECT 1")
	check(transaction.Rollback(ctx))
	fails(ctx, c, "SELECT nope FROM region")
	go func() { // pgx closes a connection whose context ends: cancel as another connection does
		time.Sleep(500 * time.Millisecond)
		check(c.PgConn().CancelRequest(ctx))
	}()
	fails(ctx, c, slow)
	fmt.Println("after", rows(c, "SELECT count(*) FROM region"))
}

func main() {
	for _, mode := range []pgx.QueryExecMode{
		pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec,
		pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
	} {
		run(os.Args[1], mode)
	}
}
