// GORM on pgx.
package main

import (
	"fmt"

	"gorm.io/driver/postgres"
	"handfast/clients/story"
)

func main() {
	w := story.Told()
	story.TellByGorm(postgres.Open(fmt.Sprintf("postgres://%s:%s@%s:%s/%s?sslmode=disable", w.User, w.Password, w.Host, w.Port, w.Database)), w)
}
