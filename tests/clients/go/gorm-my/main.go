// GORM on go-sql-driver/mysql.
package main

import (
	"fmt"

	"gorm.io/driver/mysql"
	"handfast/clients/story"
)

func main() {
	w := story.Told()
	story.TellByGorm(mysql.Open(fmt.Sprintf("%s:%s@tcp(%s:%s)/%s?parseTime=true&charset=utf8mb4", w.User, w.Password, w.Host, w.Port, w.Database)), w)
}
