// mysql2: execute() is the binary protocol (prepared statements), query() the text protocol; pools, several statements, streams.
const mysql = require("mysql2/promise");
const { HARD, my, tell } = require("./story");

let conn;
const text = async (sql, values) => (await conn.query({ sql, values, rowsAsArray: true }))[0];
const prepared = async (sql, values) => (await conn.execute({ sql, rowsAsArray: true }, values))[0];
const described = (fields) => fields.map((f) => [f.name, f.table, f.orgTable, f.columnType, f.columnLength, f.decimals, f.flags, f.characterSet]);

tell({
  itself: ["mysql2", "mysql2"],
  ...my,
  async connect(where) {
    conn = await mysql.createConnection(where);
    conn.on("error", () => {});
  },
  close: () => conn.end(),
  run: async (sql, values) => (values.length ? prepared : text)(sql, values),
  async transaction(work) {
    await conn.beginTransaction();
    try {
      let turn = 0;
      await work((sql, values) => ((turn += 1) % 2 ? text : prepared)(sql, values));
      await conn.commit();
    } catch (error) {
      await conn.rollback().catch(() => {});
      throw error;
    }
  },
  insert: async (sql, values) => (await prepared(sql, values)).insertId,
  described: async (sql) => [described((await conn.query(sql))[1]), described((await conn.execute(sql))[1])],
  async many(table, rows) {
    const [answer] = await conn.query(`INSERT INTO ${table} (whole, words) VALUES ?`, [rows]);
    return [answer.affectedRows, answer.insertId, answer.warningStatus];
  },
  stream: (sql) => new Promise((resolve, reject) => {
    const all = [];
    conn.connection.query(sql).stream({ highWaterMark: 5 }).on("data", (row) => all.push(row)).on("end", () => resolve(all)).on("error", reject);
  }),
  async own(saw) {
    const [changed] = await conn.execute("UPDATE tallies SET n = n + 1 WHERE id < ?", [4]);
    saw("changed", changed.affectedRows, changed.changedRows);
    await conn.ping();
    await conn.changeUser({});
    saw("changed user", (await conn.query("SELECT @@autocommit AS a, n FROM tallies WHERE id = 0"))[0]);
  },
  async afterwards(saw, where) {
    for (const options of [{ multipleStatements: true }, { compress: true }, { dateStrings: true, timezone: "+09:00" }, { supportBigNumbers: true, bigNumberStrings: true }, { charset: "latin1_swedish_ci" }, { namedPlaceholders: true }]) {
      const pool = mysql.createPool({ ...where, ...options, connectionLimit: 1 });
      const one = await pool.getConnection();
      await one.beginTransaction();
      for (const table of ["counters", "tallies"]) await one.query(`UPDATE ${table} SET n = 8 WHERE id = 5`);
      await one.commit();
      one.release();
      saw(Object.keys(options)[0], (await pool.query("SELECT n, 9007199254740993 AS big, TIMESTAMP '2024-02-29 12:00:00' AS at, 'é' AS letter, LENGTH(REPEAT('long ', 20000)) AS long_one FROM tallies WHERE id = 5"))[0]);
      if (options.multipleStatements) {
        const [answers] = await pool.query("SELECT 1 AS a; UPDATE counters SET n = 9 WHERE id = 5; UPDATE tallies SET n = 9 WHERE id = 5; SELECT n FROM tallies WHERE id = 5");
        saw("several", answers.map((a) => (Array.isArray(a) ? a : a.affectedRows)));
      }
      if (options.namedPlaceholders) saw("named", (await pool.execute("SELECT :words AS words", { words: HARD }))[0]);
      await pool.end();
    }
  },
});
