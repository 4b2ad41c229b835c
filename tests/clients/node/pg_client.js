// node-postgres: unnamed and named statements, array rows, cursors, its pool, LISTEN by the side.
const { Client, Pool } = require("pg");
const Cursor = require("pg-cursor");
const { HARD, pg, tell } = require("./story");

let client;
const ask = async (sql, values) => (await client.query({ text: sql, values, rowMode: "array" })).rows;

tell({
  itself: ["node-postgres", "pg"],
  ...pg,
  async connect(where) {
    client = new Client({ ...where, ssl: false });
    client.on("error", () => {});
    await client.connect();
  },
  close: () => client.end(),
  run: ask,
  async transaction(work) {
    await client.query("BEGIN");
    try {
      // Named statements are kept by the connection.
      await work((sql, values) => client.query({ name: `kept ${sql}`.slice(0, 60), text: sql, values }));
      await client.query("COMMIT");
    } catch (error) {
      await client.query("ROLLBACK").catch(() => {});
      throw error;
    }
  },
  insert: async (sql, values) => (await ask(`${sql} RETURNING id`, values))[0][0],
  described: async (sql) => (await client.query(sql)).fields.map((f) => [f.name, f.columnID, f.dataTypeID, f.dataTypeSize, f.dataTypeModifier, f.format]),
  async stream(sql) {
    const cursor = client.query(new Cursor(sql, []));
    const all = [];
    for (let rows = await cursor.read(7); rows.length; rows = await cursor.read(7)) all.push(...rows);
    await cursor.close();
    return all;
  },
  async own(saw) {
    const several = await client.query("SELECT 1 AS a; UPDATE tallies SET n = 3 WHERE id = 3; UPDATE counters SET n = 3 WHERE id = 3; SELECT 2 AS b");
    saw("several", several.map((r) => [r.command, r.rowCount, r.rows]));
    const notices = [];
    client.on("notice", (notice) => notices.push([notice.severity, notice.code, notice.message]));
    await client.query("DO $$ BEGIN RAISE WARNING 'look out'; END $$");
    saw("notices", notices);
    saw("types", (await client.query({ text: "SELECT $1::json, $2::text[], $3::timestamptz, 1.5::numeric, true", values: [{ a: 1 }, [HARD, null], new Date(0)], rowMode: "array" })).rows);
    saw("binary", (await client.query({ text: "SELECT n::int4 FROM tallies WHERE id = $1", values: [3], binary: true, rowMode: "array" })).rows);
    const told = new Promise((resolve) => client.once("notification", (m) => resolve([m.channel, m.payload])));
    await client.query("LISTEN news");
    await client.query("SELECT pg_notify('news', 'hello')");
    saw("told", await told);
  },
  async afterwards(saw, where) {
    const pool = new Pool({ ...where, max: 2, ssl: false, statement_timeout: 20000, options: "-c search_path=public", application_name: "pool" });
    const counts = await Promise.all([...Array(8).keys()].map((n) => pool.query("UPDATE tallies SET n = n + $1 WHERE id = 5", [n])));
    saw("pool", counts.map((c) => c.rowCount), (await pool.query("SELECT n, current_setting('statement_timeout'), current_setting('application_name') FROM counters WHERE id = 5")).rows);
    await pool.end();
  },
});
