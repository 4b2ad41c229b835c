// MariaDB's own connector for Node: batches (bulk execute where the server offers it), pools with reset, streams, compression.
const mariadb = require("mariadb");
const { HARD, my, tell } = require("./story");

let conn;
// A batch has one answer where the server takes it whole, else one for each row.
const changed = (answers) => [answers].flat().reduce((sum, answer) => sum + answer.affectedRows, 0);
const ask = async (sql, values) => [...(await conn.query({ sql, rowsAsArray: true }, values))];

tell({
  itself: ["mariadb", "mariadb"],
  ...my,
  lost: (error) => Boolean(error.fatal),
  async connect(where) {
    // Said here: without it, this driver encodes as the server's default character set does, until the server tells it otherwise.
    conn = await mariadb.createConnection({ ...where, collation: "UTF8MB4_GENERAL_CI" });
    conn.on("error", () => {});
  },
  close: () => conn.end(),
  run: async (sql, values) => {
    const answer = await (values.length ? conn.execute({ sql, rowsAsArray: true }, values) : conn.query({ sql, rowsAsArray: true }));
    return Array.isArray(answer) ? answer.map((row) => [...row]) : [];
  },
  async transaction(work) {
    await conn.beginTransaction();
    try {
      await work((sql, values) => conn.query(sql, values));
      await conn.commit();
    } catch (error) {
      await conn.rollback().catch(() => {});
      throw error;
    }
  },
  insert: async (sql, values) => (await conn.execute(sql, values)).insertId,
  described: async (sql) => (await conn.query({ sql, metaAsArray: true }))[1].map((c) => [c.name(), c.table(), c.orgTable(), c.type, c.columnLength, c.scale, c.flags, c.collation.name]),
  async many(table, rows) {
    return changed(await conn.batch(`INSERT INTO ${table} (whole, words) VALUES (?, ?)`, rows));
  },
  async stream(sql) {
    const all = [];
    for await (const row of conn.queryStream(sql)) all.push(row);
    return all;
  },
  async own(saw) {
    saw("batch", changed(await conn.batch("UPDATE tallies SET n = ? WHERE id = ?", [[1, 1], [2, 2], [3, 3]])));
    const statement = await conn.prepare("SELECT n, ? AS words FROM tallies WHERE id = ?");
    for (const id of [1, 2, 3]) saw("prepared", await statement.execute([HARD, id]));
    statement.close();
    await conn.ping();
    await conn.query("SET @mine = 5");
    await conn.reset();
    saw("reset", await ask("SELECT @mine, n FROM tallies WHERE id = 2"));
  },
  async afterwards(saw, where) {
    for (const options of [{ multipleStatements: true }, { compress: true }, { bulk: false }, { pipelining: false }, { timezone: "+09:00" }, { sessionVariables: { sql_mode: "ANSI_QUOTES" } }]) {
      const pool = mariadb.createPool({ ...where, ...options, connectionLimit: 1, resetAfterUse: true });
      for (let n = 0; n < 2; n += 1) {
        const one = await pool.getConnection();
        await one.beginTransaction();
        for (const table of ["counters", "tallies"]) await one.batch(`UPDATE ${table} SET n = ? WHERE id = ?`, [[n, 5], [n, 6]]);
        await one.commit();
        await one.query("SET @mine = 1");
        await one.release();
      }
      saw(Object.keys(options)[0], await pool.query("SELECT n, @mine AS mine, FROM_UNIXTIME(86400) AS at, @@sql_mode AS mode, LENGTH(REPEAT('long ', 20000)) AS long_one FROM tallies WHERE id = 5"));
      if (options.multipleStatements) saw("several", await pool.query("SELECT 1 AS a; UPDATE counters SET n = 9 WHERE id = 5; UPDATE tallies SET n = 9 WHERE id = 5; SELECT n FROM tallies WHERE id = 5"));
      await pool.end();
    }
  },
});
