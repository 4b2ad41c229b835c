// postgres.js: tagged queries, pipelining, begin by a query and commit by a named statement; once more without preparing.
const postgres = require("postgres");
const { HARD, pg, tell } = require("./story");

let sql;
const open = (where, options) => postgres({ ...where, username: where.user, ssl: false, max: 2, onnotice: () => {}, ...options });
const ask = (on, text, values) => on.unsafe(text, values, { prepare: on.options ? on.options.prepare !== false : true });

tell({
  itself: ["postgres.js", "postgres"],
  ...pg,
  async connect(where) { sql = open(where, {}); },
  close: () => sql.end({ timeout: 5 }),
  run: async (text, values) => (await ask(sql, text, values).values()).map((row) => [...row]),
  transaction: (work) => sql.begin((on) => work((text, values) => ask(on, text, values))),
  insert: async (text, values) => (await ask(sql, `${text} RETURNING id`, values))[0].id,
  described: async (text) => (await ask(sql, text, [])).columns.map((c) => [c.name, c.type]),
  async many(table, rows) {
    const objects = rows.map(([whole, words]) => ({ whole, words }));
    return (await sql`INSERT INTO ${sql(table)} ${sql(objects, "whole", "words")}`).count;
  },
  async stream(text) {
    const all = [];
    for await (const rows of sql.unsafe(text).cursor(7)) all.push(...rows);
    return all;
  },
  async own(saw) {
    await sql.begin(async (on) => {
      // All in one flight.
      const answers = await Promise.all([on`UPDATE counters SET n = 4 WHERE id = 4`, on`UPDATE tallies SET n = 4 WHERE id = 4`, on`SELECT n FROM counters WHERE id = 4`]);
      saw("in one flight", answers.map((a) => [a.command, a.count, [...a]]));
      await on.savepoint(async (deeper) => { await deeper`UPDATE tallies SET n = 5 WHERE id = 4`; throw new Error("back"); }).catch(() => {});
    });
    saw("after", [...(await sql`SELECT n FROM tallies WHERE id = 4`)]);
    saw("types", [...(await sql`SELECT ${HARD}::text AS a, ${sql.json({ a: [1] })}::jsonb AS b, ${sql.array(["x", HARD])}::text[] AS c, now() IS NOT NULL AS d`)]);
    saw("many rows", (await sql`SELECT * FROM tallies WHERE id IN ${sql([1, 2, 3])} ORDER BY id`).length);
    saw("simple", (await sql`SELECT 1 AS a; SELECT 2 AS b`.simple()).map((r) => [...r]));
    const told = new Promise((resolve) => { sql.listen("news", resolve).then(() => sql.notify("news", "hello")); });
    saw("told", await told);
    await sql`CREATE TABLE desk (id int, words text)`;
    const into = await sql`COPY desk (id, words) FROM STDIN`.writable();
    await new Promise((resolve, reject) => { into.on("finish", resolve).on("error", reject); into.write("1\tone\n"); into.end("2\ttwo\n"); });
    saw("copied", [...(await sql`SELECT * FROM desk ORDER BY id`)]);
    await sql`DROP TABLE desk`;
  },
  async afterwards(saw, where) {
    for (const options of [{ prepare: false }, { fetch_types: false }, { connection: { TimeZone: "Asia/Tokyo", application_name: "us" } }]) {
      const on = open(where, options);
      await on.begin(async (one) => {
        for (const table of ["counters", "tallies"]) await one`UPDATE ${one(table)} SET n = ${7} WHERE id = ${5}`;
      });
      saw(Object.keys(options)[0], [...(await on`SELECT n, ${HARD}::text AS words, current_setting('TimeZone') AS zone FROM counters WHERE id = ${5}`)]);
      await on.end({ timeout: 5 });
    }
  },
});
