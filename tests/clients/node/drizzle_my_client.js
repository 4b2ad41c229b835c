// Drizzle on mysql2.
const mysql = require("mysql2/promise");
const { drizzle } = require("drizzle-orm/mysql2");
const core = require("drizzle-orm/mysql-core");
const { boolean, bigint, decimal, datetime } = core;

require("./drizzle_story")({
  core: { ...core, table: core.mysqlTable },
  open: (where) => { const pool = mysql.createPool({ ...where, connectionLimit: 2 }); return [drizzle(pool), () => pool.end()]; },
  note: { id: bigint("id", { mode: "number" }).primaryKey().autoincrement(), done: boolean("done").default(false), at: datetime("at", { fsp: 3 }), fee: decimal("fee", { precision: 8, scale: 2 }) },
  make: "id bigint PRIMARY KEY AUTO_INCREMENT, agent varchar(40), note text CHARACTER SET utf8mb4, done boolean DEFAULT false, at datetime(3), fee decimal(8,2)",
  add: async (db, table, row) => (await db.insert(table).values(row).$returningId())[0].id,
});
