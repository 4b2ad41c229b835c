// pgx 5, by database/sql and natively: each of its five query modes, batches, COPY, pools.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"handfast/clients/story"
)

var ctx = context.Background()

func answer(err error) *pgconn.PgError {
	var found *pgconn.PgError
	errors.As(err, &found)
	return found
}

func inMode(url string, mode pgx.QueryExecMode) {
	name := mode.String()
	config, err := pgx.ParseConfig(url)
	story.Must(err)
	config.DefaultQueryExecMode = mode
	conn, err := pgx.ConnectConfig(ctx, config)
	story.Must(err)
	defer conn.Close(ctx)
	for n := 0; n < 3; n++ {
		story.Must(pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
			for _, table := range []string{"counters", "tallies"} {
				tag, err := tx.Exec(ctx, "UPDATE "+table+" SET n = $1 WHERE id = $2", n, 6)
				if err != nil {
					return err
				}
				story.Saw(name, tag.String())
			}
			return nil
		}))
	}
	batch := &pgx.Batch{}
	batch.Queue("SELECT n, $1::text FROM tallies WHERE id = $2", story.Hard, 6)
	batch.Queue("UPDATE counters SET n = n + $1 WHERE id = 6", 1)
	batch.Queue("UPDATE tallies SET n = n + $1 WHERE id = 6", 1)
	batch.Queue("SELECT n FROM counters WHERE id = $1", 6)
	results := conn.SendBatch(ctx, batch)
	var n int64
	var words string
	story.Must(results.QueryRow().Scan(&n, &words))
	for i := 0; i < 2; i++ {
		tag, err := results.Exec()
		story.Must(err)
		story.Saw(name+" batch", tag.String())
	}
	var after int64
	story.Must(results.QueryRow().Scan(&after))
	story.Must(results.Close())
	story.Saw(name+" batch", n, words, after)
	_, err = conn.Exec(ctx, "INSERT INTO counters (id, n) VALUES ($1, $2)", 1, 1)
	story.Saw(name+" error", answer(err).Code, answer(err).Message, answer(err).Detail)
	tx, err := conn.Begin(ctx)
	story.Must(err)
	inner, err := tx.Begin(ctx)
	story.Must(err)
	_, err = inner.Exec(ctx, "UPDATE tallies SET n = 1000 WHERE id = $1", 6)
	story.Must(err)
	story.Must(inner.Rollback(ctx))
	story.Must(tx.Commit(ctx))
	story.Must(conn.QueryRow(ctx, "SELECT n FROM tallies WHERE id = $1", 6).Scan(&n))
	story.Saw(name+" savepoint", n)
}

func own(url string) {
	for _, mode := range []pgx.QueryExecMode{
		pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
	} {
		inMode(url, mode)
	}
	pool, err := pgxpool.New(ctx, url+"&pool_max_conns=2&timezone=Asia/Tokyo")
	story.Must(err)
	defer pool.Close()
	_, err = pool.Exec(ctx, "CREATE TABLE desk (id int, words text)")
	story.Must(err)
	rows := [][]any{}
	for i := 0; i < 500; i++ {
		rows = append(rows, []any{i, story.Hard})
	}
	copied, err := pool.CopyFrom(ctx, pgx.Identifier{"desk"}, []string{"id", "words"}, pgx.CopyFromRows(rows))
	story.Must(err)
	story.Saw("copied", copied)
	var zone string
	var some []string
	story.Must(pool.QueryRow(ctx, "SELECT current_setting('timezone'), array_agg(words) FROM desk WHERE id = ANY($1)", []int{3, 4}).Scan(&zone, &some))
	story.Saw("pool", zone, some)
	_, err = pool.Exec(ctx, "DROP TABLE desk")
	story.Must(err)
	conn, err := pool.Acquire(ctx)
	story.Must(err)
	story.Must(conn.Ping(ctx))
	_, err = conn.Exec(ctx, "LISTEN news")
	story.Must(err)
	_, err = pool.Exec(ctx, "SELECT pg_notify('news', 'hello')")
	story.Must(err)
	told, err := conn.Conn().WaitForNotification(ctx)
	story.Must(err)
	story.Saw("told", told.Channel, told.Payload)
	conn.Release()
}

func main() {
	where := story.Told()
	url := fmt.Sprintf("postgres://%s:%s@%s:%s/%s?sslmode=disable", where.User, where.Password, where.Host, where.Port, where.Database)
	config, err := pgx.ParseConfig(url)
	story.Must(err)
	story.Tell(stdlib.OpenDB(*config), story.Driver{
		Name: "pgx", Module: "github.com/jackc/pgx/v5",
		Dialect:   "pg",
		Duplicate: func(err error) bool { found := answer(err); return found != nil && found.Code == "23505" },
		Answer:    func(err error) bool { return answer(err) != nil },
		Shown: func(err error) string {
			found := answer(err)
			return fmt.Sprintf("%s %s %s %d %s", found.Severity, found.Code, found.Message, found.Position, found.ConstraintName)
		},
		Own: func(*sql.DB) { own(url) },
	}, where)
}
