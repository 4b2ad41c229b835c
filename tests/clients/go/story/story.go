// Package story tells the story, and looks at every kind of value and answer, by database/sql.
package story

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// Hard is text that is easily spoiled.
const Hard = "it's \\ \"quoted\" %s $1 ? 😀\n\ttab"

// Noon is a moment with microseconds.
var Noon = time.Date(2024, 2, 29, 12, 30, 15, 250000000, time.UTC)

// Where is what a script is told.
type Where struct {
	Host, Port, User, Password, Database, Mode string
	Order                                      int
}

// Told reads the arguments.
func Told() Where {
	a := os.Args[1:]
	order, err := strconv.Atoi(a[6])
	Must(err)
	return Where{a[0], a[1], a[2], a[3], a[4], a[5], order}
}

// Itself says the client's name, and the version of its module that this program was built with.
func Itself(name, module string) {
	built, _ := debug.ReadBuildInfo()
	for _, dependency := range built.Deps {
		if dependency.Path == module {
			fmt.Println("saw itself", name, strings.TrimPrefix(dependency.Version, "v"))
		}
	}
}

// Driver is what database/sql does not say itself.
type Driver struct {
	Dialect string // "pg" or "my"
	// Name is what people call it, Module where Go has it from.
	Name, Module string
	// Duplicate: the error is a duplicate key. Answer: the server said it (otherwise the connection was lost).
	Duplicate, Answer func(error) bool
	// Shown is what an application reads of an error.
	Shown func(error) string
	// Own is what only this driver has.
	Own func(*sql.DB)
}

// Must ends the script.
func Must(err error) {
	if err != nil {
		log.Output(2, err.Error())
		os.Exit(1)
	}
}

// Saw prints what was seen.
func Saw(what string, values ...any) {
	shown := make([]string, len(values))
	for i, value := range values {
		switch v := value.(type) {
		case string:
			shown[i] = strconv.QuoteToASCII(v)
		case []byte:
			shown[i] = "bytes " + strconv.QuoteToASCII(string(v))
		case time.Time:
			shown[i] = v.Format(time.RFC3339Nano)
		default:
			shown[i] = strings.ReplaceAll(fmt.Sprintf("%+v", v), "\n", "\\n")
		}
	}
	fmt.Println("saw", what, strings.Join(shown, " | "))
}

// Marked writes ? as the dialect does.
func Marked(dialect, query string) string {
	if dialect != "pg" {
		return query
	}
	var out strings.Builder
	n := 0
	for _, c := range query {
		if c == '?' {
			n++
			fmt.Fprintf(&out, "$%d", n)
		} else {
			out.WriteRune(c)
		}
	}
	return out.String()
}

type teller struct {
	Driver
	db *sql.DB
}

func (t teller) place(tx *sql.Tx, order int) error {
	for _, step := range []struct {
		query  string
		values []any
	}{
		{"UPDATE stock SET reserved = reserved + 1 WHERE item = ?", []any{"lamp"}},
		{"INSERT INTO orders (id, item, agent, at) VALUES (?, ?, ?, CURRENT_TIMESTAMP)", []any{order, "lamp", "Ann"}},
		{"UPDATE agents SET order_id = ? WHERE name = ?", []any{order, "Ann"}},
		{"INSERT INTO assignments (order_id, agent) VALUES (?, ?)", []any{order, "Ann"}},
	} {
		if _, err := tx.Exec(Marked(t.Dialect, step.query), step.values...); err != nil {
			return err
		}
	}
	return nil
}

func (t teller) expect(order, want int) {
	var orders, assignments int
	Must(t.db.QueryRow(Marked(t.Dialect, "SELECT COUNT(*) FROM orders WHERE id = ?"), order).Scan(&orders))
	Must(t.db.QueryRow(Marked(t.Dialect, "SELECT COUNT(*) FROM assignments WHERE order_id = ?"), order).Scan(&assignments))
	if orders != want || assignments != want {
		log.Fatalf("order %d: %d in the store, %d in delivery, want %d", order, orders, assignments, want)
	}
}

func (t teller) begin() *sql.Tx {
	tx, err := t.db.BeginTx(context.Background(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
	Must(err)
	return tx
}

// Tell is the whole script.
func Tell(db *sql.DB, driver Driver, where Where) {
	t := teller{driver, db}
	order := where.Order
	db.SetMaxOpenConns(1)
	if where.Mode == "kill" {
		tx := t.begin()
		Must(t.place(tx, order))
		if err := tx.Commit(); err == nil || t.Answer(err) {
			log.Fatalf("COMMIT was answered: %v", err)
		}
		fmt.Println("ok killed")
		return
	}
	Must(db.Ping())
	Itself(t.Name, t.Module)
	fmt.Println("ok connect")
	tx := t.begin()
	_, err := tx.Exec(Marked(t.Dialect, "UPDATE counters SET n = n + 1 WHERE id = ?"), 0)
	Must(err)
	Must(tx.Commit())
	fmt.Println("ok one-backend")
	tx = t.begin()
	Must(t.place(tx, order))
	Must(tx.Commit())
	t.expect(order, 1)
	fmt.Println("ok two-backends")
	tx = t.begin()
	Must(t.place(tx, order+1))
	Must(tx.Rollback())
	t.expect(order+1, 0)
	fmt.Println("ok rollback")
	tx = t.begin()
	if err := t.place(tx, order); !t.Duplicate(err) {
		log.Fatalf("a second order of the same number: %v", err)
	}
	Must(tx.Rollback())
	t.expect(order, 1)
	fmt.Println("ok error-class")
	for _, table := range []string{"desk", "visits"} {
		t.look(table)
	}
	if t.Own != nil {
		t.Own(db)
	}
	Must(db.Close())
}

const columns = "whole, big, exact, ratio, words, label, bytes, at, day, yes"

func (t teller) look(table string) {
	kinds := "id bigserial PRIMARY KEY, whole integer, big bigint, exact numeric(12,3), ratio double precision, words text, label varchar(40), bytes bytea, at timestamp, day date, yes boolean"
	if t.Dialect == "my" {
		kinds = "id bigint PRIMARY KEY AUTO_INCREMENT, whole int, big bigint, exact decimal(12,3), ratio double, words text CHARACTER SET utf8mb4, label varchar(40) CHARACTER SET utf8mb4, bytes varbinary(600), at datetime(6), day date, yes tinyint(1)"
	}
	exec := func(query string, values ...any) sql.Result {
		result, err := t.db.Exec(Marked(t.Dialect, query), values...)
		Must(err)
		return result
	}
	exec("CREATE TABLE " + table + " (" + kinds + ")")
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	insert := "INSERT INTO " + table + " (" + columns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	for _, row := range [][]any{
		{1, int64(1) << 62, "12345.678", 0.1, Hard, "lamp", all, Noon, Noon.Truncate(24 * time.Hour), true},
		{-2147483648, int64(-1) << 63, "-0.001", -1e300, "", "", []byte{}, time.Date(1999, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(1000, 1, 1, 0, 0, 0, 0, time.UTC), false},
		{nil, nil, nil, nil, nil, nil, nil, nil, nil, nil},
	} {
		if t.Dialect == "pg" {
			var key int64
			Must(t.db.QueryRow(Marked("pg", insert+" RETURNING id"), row...).Scan(&key))
			Saw(table+" key", key)
		} else {
			key, err := exec(insert, row...).LastInsertId()
			Must(err)
			Saw(table+" key", key)
		}
	}
	t.Rows(table+" row", "SELECT * FROM "+table+" ORDER BY id")
	t.Rows(table+" prepared row", "SELECT * FROM "+table+" WHERE id > ? ORDER BY id", 0)
	tx := t.begin()
	statement, err := tx.Prepare(Marked(t.Dialect, "INSERT INTO "+table+" (whole, words) VALUES (?, ?)"))
	Must(err)
	for n := 0; n < 100; n++ {
		_, err := statement.Exec(n, fmt.Sprintf("row %d 😀", n))
		Must(err)
	}
	Must(tx.Commit())
	t.Rows(table+" found", "SELECT COUNT(*), SUM(whole), MIN(words), MAX(big) FROM "+table+" WHERE whole >= ?", 0)
	t.Rows(table+" found", "SELECT words, whole FROM "+table+" WHERE words = ? AND label = ?", Hard, "lamp")
	t.Rows(table+" found", "SELECT id FROM "+table+" WHERE at = ? AND exact = ?", Noon, "12345.678")
	t.Rows(table+" found", "SELECT id FROM "+table+" WHERE whole = ?", 12345)
	for _, wrong := range []string{"SELECT nothing FROM " + table, "SELEC * FROM " + table, "INSERT INTO " + table + " (id) VALUES (1)", "SELECT * FROM " + table + " WHERE"} {
		_, err := t.db.Exec(wrong)
		if err == nil {
			log.Fatalf("%s was taken", wrong)
		}
		Saw(table+" error", t.Shown(err))
	}
	changed, err := exec("DELETE FROM "+table+" WHERE whole > ?", 50).RowsAffected()
	Must(err)
	Saw(table+" gone", changed)
	// One connection, taken and given back, with what the driver does then.
	conn, err := t.db.Conn(context.Background())
	Must(err)
	Must(conn.PingContext(context.Background()))
	Must(conn.Close())
	exec("DROP TABLE " + table)
}

// Rows prints a result with its columns.
func (t teller) Rows(what, query string, values ...any) {
	PrintRows(t.db, what, Marked(t.Dialect, query), values...)
}

// PrintRows prints a result with its columns.
func PrintRows(db *sql.DB, what, query string, values ...any) {
	rows, err := db.Query(query, values...)
	Must(err)
	defer rows.Close()
	for {
		types, err := rows.ColumnTypes()
		Must(err)
		for _, c := range types {
			nullable, known := c.Nullable()
			length, _ := c.Length()
			precision, scale, _ := c.DecimalSize()
			Saw(what+" column", c.Name(), c.DatabaseTypeName(), nullable, known, length, precision, scale)
		}
		for rows.Next() {
			row := make([]any, len(types))
			into := make([]any, len(types))
			for i := range row {
				into[i] = &row[i]
			}
			Must(rows.Scan(into...))
			Saw(what, row...)
		}
		Must(rows.Err())
		if !rows.NextResultSet() {
			return
		}
	}
}
