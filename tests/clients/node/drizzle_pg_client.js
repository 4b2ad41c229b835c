// Drizzle on node-postgres.
const { Pool } = require("pg");
const { drizzle } = require("drizzle-orm/node-postgres");
const core = require("drizzle-orm/pg-core");
const { boolean, bigserial, numeric, timestamp } = core;

require("./drizzle_story")({
  core: { ...core, table: core.pgTable },
  open: (where) => { const pool = new Pool({ ...where, max: 2 }); return [drizzle(pool), () => pool.end()]; },
  note: { id: bigserial("id", { mode: "number" }).primaryKey(), done: boolean("done").default(false), at: timestamp("at", { precision: 3 }), fee: numeric("fee", { precision: 8, scale: 2 }) },
  make: "id bigserial PRIMARY KEY, agent varchar(40), note text, done boolean DEFAULT false, at timestamp(3), fee numeric(8,2)",
  add: async (db, table, row) => (await db.insert(table).values(row).returning({ id: table.id }))[0].id,
});
