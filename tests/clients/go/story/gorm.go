package story

import (
	"errors"
	"fmt"
	"log"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"
)

type Stock struct {
	Item     string `gorm:"primaryKey"`
	Reserved int64
}

type Order struct {
	ID          int64 `gorm:"primaryKey;autoIncrement:false"`
	Item, Agent string
	At          time.Time
}

type Agent struct {
	Name    string `gorm:"primaryKey"`
	OrderID *int64
}

type Assignment struct {
	OrderID int64 `gorm:"primaryKey;autoIncrement:false"`
	Agent   string
}

type Tally struct {
	ID, N int64
}

type Counter struct {
	ID, N int64
}

func (Stock) TableName() string { return "stock" }

// Note is a row of a table that GORM makes itself.
type Note struct {
	ID    int64
	Agent string `gorm:"size:40;index"`
	Words *string
	Done  bool
	At    *time.Time
	Fee   float64
	Raw   []byte
}

func placeByGorm(tx *gorm.DB, number int64) error {
	steps := []func() error{
		func() error {
			return tx.Model(&Stock{}).Where("item = ?", "lamp").Update("reserved", gorm.Expr("reserved + 1")).Error
		},
		func() error { return tx.Create(&Order{number, "lamp", "Ann", Noon}).Error },
		func() error {
			var agent Agent
			if err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).First(&agent, "name = ?", "Ann").Error; err != nil {
				return err
			}
			agent.OrderID = &number
			return tx.Save(&agent).Error
		},
		func() error { return tx.Create(&Assignment{number, "Ann"}).Error },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// TellByGorm is the whole script as an application with GORM tells it.
func TellByGorm(dialector gorm.Dialector, where Where) {
	db, err := gorm.Open(dialector, &gorm.Config{Logger: logger.Discard, TranslateError: true})
	Must(err)
	number := int64(where.Order)
	if where.Mode == "kill" {
		err := db.Transaction(func(tx *gorm.DB) error { return placeByGorm(tx, number) })
		if err == nil || errors.Is(err, gorm.ErrDuplicatedKey) {
			log.Fatalf("COMMIT was answered: %v", err)
		}
		fmt.Println("ok killed")
		return
	}
	expect := func(number, want int64) {
		var orders, assignments int64
		Must(db.Model(&Order{}).Where("id = ?", number).Count(&orders).Error)
		Must(db.Model(&Assignment{}).Where("order_id = ?", number).Count(&assignments).Error)
		if orders != want || assignments != want {
			log.Fatalf("order %d: %d in the store, %d in delivery, want %d", number, orders, assignments, want)
		}
	}
	var one int
	Must(db.Raw("SELECT 1").Scan(&one).Error)
	Itself("GORM", "gorm.io/gorm")
	fmt.Println("ok connect")
	Must(db.Model(&Counter{}).Where("id = ?", 0).Update("n", gorm.Expr("n + ?", 1)).Error)
	fmt.Println("ok one-backend")
	Must(db.Transaction(func(tx *gorm.DB) error {
		Must(placeByGorm(tx, number))
		if err := tx.Transaction(func(deeper *gorm.DB) error { return deeper.Create(&Assignment{number, "Ben"}).Error }); !errors.Is(err, gorm.ErrDuplicatedKey) {
			log.Fatalf("a second assignment: %v", err)
		}
		return tx.Save(&Tally{9, 90}).Error
	}))
	expect(number, 1)
	fmt.Println("ok two-backends")
	stop := errors.New("a change of mind")
	if err := db.Transaction(func(tx *gorm.DB) error { Must(placeByGorm(tx, number+1)); return stop }); err != stop {
		log.Fatal(err)
	}
	expect(number+1, 0)
	fmt.Println("ok rollback")
	if err := db.Transaction(func(tx *gorm.DB) error { return placeByGorm(tx, number) }); !errors.Is(err, gorm.ErrDuplicatedKey) {
		log.Fatalf("a second order of the same number: %v", err)
	}
	expect(number, 1)
	fmt.Println("ok error-class")
	for _, table := range []string{"desk", "visits"} {
		lookByGorm(db, table)
	}
}

func lookByGorm(db *gorm.DB, table string) {
	notes := func() *gorm.DB { return db.Table(table) }
	Must(notes().Migrator().CreateTable(&Note{}))
	words, at := Hard, Noon
	first := Note{Agent: "Ann", Words: &words, At: &at, Fee: 12.5, Raw: []byte(Hard)}
	Must(notes().Create(&first).Error)
	many := make([]Note, 50)
	for i := range many {
		many[i] = Note{Agent: fmt.Sprint("a", i), Done: i%2 == 0, Fee: float64(i)}
	}
	Must(notes().CreateInBatches(&many, 20).Error)
	Saw(table+" keys", first.ID, many[0].ID, many[49].ID)
	var back Note
	Must(notes().First(&back, first.ID).Error)
	Saw(table+" back", *back.Words, *back.At, back.Fee, back.Raw, back.Done)
	var sum float64
	Must(notes().Where("done = ?", true).Select("SUM(fee)").Scan(&sum).Error)
	var page []string
	Must(notes().Order("id desc").Offset(10).Limit(3).Pluck("agent", &page).Error)
	changed := notes().Where("fee > ?", 40).Updates(map[string]any{"words": "much"})
	Must(changed.Error)
	gone := notes().Where("fee < ?", 5).Delete(&Note{})
	Must(gone.Error)
	Saw(table+" sums", sum, page, changed.RowsAffected, gone.RowsAffected)
	walked := 0
	var some []Note
	Must(notes().FindInBatches(&some, 7, func(*gorm.DB, int) error { walked += len(some); return nil }).Error)
	Must(notes().Clauses(clause.OnConflict{UpdateAll: true}).Create(&[]Note{{ID: first.ID, Agent: "Zoe"}, {ID: 1000, Agent: "Zed"}}).Error)
	var zs []int64
	Must(notes().Where("agent LIKE ?", "Z%").Order("id").Pluck("id", &zs).Error)
	Saw(table+" walked", walked, zs)
	if table == "desk" {
		columns, err := db.Migrator().ColumnTypes(table)
		Must(err)
		for _, c := range columns {
			length, _ := c.Length()
			nullable, _ := c.Nullable()
			Saw(table+" column", c.Name(), c.DatabaseTypeName(), length, nullable)
		}
		Saw(table+" index", notes().Migrator().HasIndex(&Note{}, "Agent"), db.Migrator().HasTable("desk"))
	}
	Must(db.Migrator().DropTable(table))
}
