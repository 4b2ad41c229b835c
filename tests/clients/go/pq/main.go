// lib/pq by database/sql: COPY, listeners, binary parameters.
package main

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/lib/pq"
	"handfast/clients/story"
)

func answer(err error) *pq.Error {
	var found *pq.Error
	errors.As(err, &found)
	return found
}

func main() {
	where := story.Told()
	url := fmt.Sprintf("postgres://%s:%s@%s:%s/%s?sslmode=disable", where.User, where.Password, where.Host, where.Port, where.Database)
	open := func(options string) *sql.DB {
		db, err := sql.Open("postgres", url+options)
		story.Must(err)
		db.SetMaxOpenConns(1)
		return db
	}
	own := func(db *sql.DB) {
		_, err := db.Exec("CREATE TABLE desk (id int, words text)")
		story.Must(err)
		tx, err := db.Begin()
		story.Must(err)
		statement, err := tx.Prepare(pq.CopyIn("desk", "id", "words"))
		story.Must(err)
		for n := 0; n < 100; n++ {
			_, err = statement.Exec(n, story.Hard)
			story.Must(err)
		}
		_, err = statement.Exec()
		story.Must(err)
		story.Must(statement.Close())
		story.Must(tx.Commit())
		story.PrintRows(db, "copied", "SELECT COUNT(*), MAX(words) FROM desk WHERE id = ANY($1)", pq.Array([]int{1, 2, 3}))
		_, err = db.Exec("DROP TABLE desk")
		story.Must(err)
		listener := pq.NewListener(url, time.Second, time.Minute, nil)
		story.Must(listener.Listen("news"))
		_, err = db.Exec("SELECT pg_notify('news', 'hello')")
		story.Must(err)
		for told := range listener.Notify {
			if told != nil {
				story.Saw("told", told.Channel, told.Extra)
				break
			}
		}
		story.Must(listener.Close())
		for _, options := range []string{"&binary_parameters=yes", "&disable_prepared_binary_result=yes", "&TimeZone=Asia/Tokyo&application_name=pq", "&default_transaction_isolation=serializable"} {
			db := open(options)
			tx, err := db.Begin()
			story.Must(err)
			for _, table := range []string{"counters", "tallies"} {
				_, err := tx.Exec("UPDATE "+table+" SET n = $1 WHERE id = $2", 7, 6)
				story.Must(err)
			}
			story.Must(tx.Commit())
			story.PrintRows(db, options, "SELECT n, $1::text AS words, timestamptz '2024-02-29 12:00+00' AS at, current_setting('TimeZone') AS zone FROM tallies WHERE id = $2", story.Hard, 6)
			story.PrintRows(db, options, "SHOW transaction_isolation")
			story.Must(db.Close())
		}
	}
	story.Tell(open(""), story.Driver{
		Name: "lib/pq", Module: "github.com/lib/pq",
		Dialect:   "pg",
		Duplicate: func(err error) bool { found := answer(err); return found != nil && found.Code == "23505" },
		Answer:    func(err error) bool { return answer(err) != nil },
		Shown: func(err error) string {
			found := answer(err)
			return fmt.Sprintf("%s %s %s %s %s", found.Severity, found.Code, found.Message, found.Position, found.Constraint)
		},
		Own: own,
	}, where)
}
