// go-sql-driver/mysql as database/sql uses it: text when there is nothing to bind, prepared statements otherwise.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"os"
	"strconv"

	"github.com/go-sql-driver/mysql"
)

type runner interface {
	Exec(query string, args ...any) (sql.Result, error)
}

func place(tx runner, order int) error {
	if _, err := tx.Exec("UPDATE stock SET reserved = reserved + 1 WHERE item = ?", "lamp"); err != nil {
		return err
	}
	if _, err := tx.Exec("INSERT INTO orders (id, item, agent, at) VALUES (?, ?, ?, CURRENT_TIMESTAMP)", order, "lamp", "Ann"); err != nil {
		return err
	}
	if _, err := tx.Exec("UPDATE agents SET order_id = ? WHERE name = ?", order, "Ann"); err != nil {
		return err
	}
	_, err := tx.Exec("INSERT INTO assignments (order_id, agent) VALUES (?, ?)", order, "Ann")
	return err
}

func count(db *sql.DB, order int) (orders, assignments int) {
	must(db.QueryRow("SELECT COUNT(*) FROM orders WHERE id = ?", order).Scan(&orders))
	must(db.QueryRow("SELECT COUNT(*) FROM assignments WHERE order_id = ?", order).Scan(&assignments))
	return
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func expect(db *sql.DB, order, want int) {
	if orders, assignments := count(db, order); orders != want || assignments != want {
		log.Fatalf("order %d: %d in the store, %d in delivery, want %d", order, orders, assignments, want)
	}
}

func main() {
	a := os.Args[1:]
	order, err := strconv.Atoi(a[6])
	must(err)
	db, err := sql.Open("mysql", fmt.Sprintf("%s:%s@tcp(%s:%s)/%s?timeout=10s&readTimeout=60s", a[2], a[3], a[0], a[1], a[4]))
	must(err)
	db.SetMaxOpenConns(1)
	begin := func() *sql.Tx {
		tx, err := db.BeginTx(context.Background(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
		must(err)
		return tx
	}
	if a[5] == "kill" {
		tx := begin()
		must(place(tx, order))
		err := tx.Commit()
		var answer *mysql.MySQLError
		if err == nil || errors.As(err, &answer) {
			log.Fatalf("COMMIT was answered: %v", err)
		}
		fmt.Println("ok killed")
		return
	}
	must(db.Ping())
	fmt.Println("ok connect")
	tx := begin()
	_, err = tx.Exec("UPDATE counters SET n = n + 1 WHERE id = ?", 0)
	must(err)
	must(tx.Commit())
	fmt.Println("ok one-backend")
	tx = begin()
	must(place(tx, order))
	must(tx.Commit())
	expect(db, order, 1)
	fmt.Println("ok two-backends")
	tx = begin()
	must(place(tx, order+1))
	must(tx.Rollback())
	expect(db, order+1, 0)
	fmt.Println("ok rollback")
	tx = begin()
	var answer *mysql.MySQLError
	if err := place(tx, order); !errors.As(err, &answer) || answer.Number != 1062 {
		log.Fatalf("a second order of the same number: %v", err)
	}
	must(tx.Rollback())
	expect(db, order, 1)
	fmt.Println("ok error-class")
}
