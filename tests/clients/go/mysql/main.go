// go-sql-driver/mysql as database/sql uses it: text when there is nothing to bind, prepared statements otherwise.
package main

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/go-sql-driver/mysql"
	"handfast/clients/story"
)

func answer(err error) *mysql.MySQLError {
	var found *mysql.MySQLError
	errors.As(err, &found)
	return found
}

func main() {
	where := story.Told()
	open := func(options string) *sql.DB {
		db, err := sql.Open("mysql", fmt.Sprintf("%s:%s@tcp(%s:%s)/%s?timeout=10s&readTimeout=60s%s", where.User, where.Password, where.Host, where.Port, where.Database, options))
		story.Must(err)
		db.SetMaxOpenConns(1)
		return db
	}
	own := func(*sql.DB) {
		for _, options := range []string{"&interpolateParams=true", "&multiStatements=true", "&parseTime=true&loc=UTC&time_zone=%27%2B09%3A00%27", "&clientFoundRows=true", "&collation=latin1_swedish_ci", "&columnsWithAlias=true&checkConnLiveness=true"} {
			db := open(options)
			tx, err := db.Begin()
			story.Must(err)
			for _, table := range []string{"counters", "tallies"} {
				result, err := tx.Exec("UPDATE "+table+" SET n = ? WHERE id = ?", 7, 6)
				story.Must(err)
				changed, err := result.RowsAffected()
				story.Must(err)
				story.Saw(options, changed)
			}
			story.Must(tx.Commit())
			story.PrintRows(db, options, "SELECT n, ? AS words, FROM_UNIXTIME(0) AS at, @@time_zone AS zone, @@sql_mode AS mode FROM tallies WHERE id = 6", "é")
			if options == "&multiStatements=true" {
				story.PrintRows(db, "several", "SELECT 1 AS a; UPDATE counters SET n = 9 WHERE id = 6; UPDATE tallies SET n = 9 WHERE id = 6; SELECT n FROM tallies WHERE id = 6")
			}
			story.Must(db.Close())
		}
	}
	story.Tell(open(""), story.Driver{
		Name: "go-sql-driver", Module: "github.com/go-sql-driver/mysql",
		Dialect:   "my",
		Duplicate: func(err error) bool { found := answer(err); return found != nil && found.Number == 1062 },
		Answer:    func(err error) bool { return answer(err) != nil },
		Shown: func(err error) string {
			found := answer(err)
			return fmt.Sprintf("%d %s %s", found.Number, found.SQLState, found.Message)
		},
		Own: own,
	}, where)
}
