// The story and the looks, as every Node driver tells them. A driver says how it does each thing:
//   dialect "pg" or "my"; connect({ host, port, user, password, database }), close()
//   run(sql, values): rows as arrays (marks are $1 in PostgreSQL's dialect, ? in MySQL's)
//   transaction(work): work(run) in one of the driver's own transactions; an error in it rolls back and comes out
//   duplicate(error), lost(error): what an error is; told(error): what an application reads of it
//   insert(sql, values): the generated key
// and, if it has them: described(sql), many(table, rows), stream(sql), own(saw), afterwards(saw, where)
const assert = require("assert");

const HARD = "it's \\ \"quoted\" %s $1 ? 😀\n\ttab";
const BYTES = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
const STOP = new Error("a change of mind");

function shown(value) {
  return JSON.stringify(value, (_, one) => {
    if (typeof one === "bigint") return `${one}n`;
    if (one && one.type === "Buffer") return Buffer.from(one.data).toString("hex");
    if (one instanceof Uint8Array) return Buffer.from(one).toString("hex");
    return one;
  });
}

const saw = (what, ...values) => console.log(["saw", what, ...values.map(shown)].join(" "));

function marked(dialect, sql) {
  let n = 0;
  return dialect === "pg" ? sql.replace(/\?/g, () => `$${++n}`) : sql;
}

// The client by its name, and the version of its package.
function itself(name, folder) {
  const file = require("path").join(process.env.NODE_PATH, folder, "package.json");
  console.log(`saw itself ${name} ${JSON.parse(require("fs").readFileSync(file)).version}`);
}

async function place(ask, number) {
  await ask("UPDATE stock SET reserved = reserved + 1 WHERE item = ?", ["lamp"]);
  await ask("INSERT INTO orders (id, item, agent, at) VALUES (?, ?, ?, CURRENT_TIMESTAMP)", [number, "lamp", "Ann"]);
  await ask("UPDATE agents SET order_id = ? WHERE name = ?", [number, "Ann"]);
  await ask("INSERT INTO assignments (order_id, agent) VALUES (?, ?)", [number, "Ann"]);
}

async function expect(d, number, sides) {
  const orders = await d.run(marked(d.dialect, "SELECT COUNT(*) FROM orders WHERE id = ?"), [number]);
  const assignments = await d.run(marked(d.dialect, "SELECT COUNT(*) FROM assignments WHERE order_id = ?"), [number]);
  assert.deepStrictEqual([Number(orders[0][0]), Number(assignments[0][0])], [sides, sides], `order ${number}`);
}

async function story(d, where, mode, order) {
  const inTransaction = (work) => d.transaction((run) => work((sql, values) => run(marked(d.dialect, sql), values)));
  await d.connect(where);
  if (mode === "kill") {
    try {
      await inTransaction((ask) => place(ask, order));
    } catch (error) {
      assert(d.lost(error), `an answer came: ${error}`);
      console.log("ok killed");
      process.exit(0);
    }
    throw new Error("COMMIT was answered");
  }
  assert.deepStrictEqual((await d.run("SELECT 1 AS one", [])).map((row) => Number(row[0])), [1]);
  itself(...d.itself);
  console.log("ok connect");
  await inTransaction((ask) => ask("UPDATE counters SET n = n + 1 WHERE id = ?", [0]));
  console.log("ok one-backend");
  await inTransaction((ask) => place(ask, order));
  await expect(d, order, 1);
  console.log("ok two-backends");
  await assert.rejects(inTransaction(async (ask) => { await place(ask, order + 1); throw STOP; }), (error) => error === STOP);
  await expect(d, order + 1, 0);
  console.log("ok rollback");
  await assert.rejects(inTransaction((ask) => place(ask, order)), (error) => { assert(d.duplicate(error), error); return true; });
  await expect(d, order, 1);
  console.log("ok error-class");
  if (d.insert) for (const table of ["desk", "visits"]) await look(d, table);
  if (d.own) await d.own(saw);
  await d.close();
  if (d.afterwards) await d.afterwards(saw, where);
}

const KINDS = {
  pg: "id bigserial PRIMARY KEY, whole integer, big bigint, exact numeric(12,3), ratio double precision, words text, label varchar(40), bytes bytea, at timestamp, yes boolean",
  my: "id bigint PRIMARY KEY AUTO_INCREMENT, whole int, big bigint, exact decimal(12,3), ratio double, words text CHARACTER SET utf8mb4, label varchar(40) CHARACTER SET utf8mb4, bytes varbinary(600), at datetime(3), yes tinyint(1)",
};
const COLUMNS = "whole, big, exact, ratio, words, label, bytes, at, yes";

// Every kind of value and of answer, in a table that the script makes.
async function look(d, table) {
  const ask = (sql, values = []) => d.run(marked(d.dialect, sql), values);
  await d.run(`CREATE TABLE ${table} (${KINDS[d.dialect]})`, []);
  const insert = marked(d.dialect, `INSERT INTO ${table} (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const at = new Date("2024-02-29T12:30:15.250");
  for (const row of [
    [1, "4611686018427387904", "12345.678", 0.1, HARD, "lamp", BYTES, at, true],
    [-2147483648, "-9223372036854775808", "-0.001", -1e300, "", "", Buffer.alloc(0), new Date("1999-12-31T23:59:59"), false],
    Array(9).fill(null),
  ]) saw(`${table} key`, await d.insert(insert, row));
  for (const row of await ask(`SELECT * FROM ${table} ORDER BY id`)) saw(`${table} row`, ...row);
  if (d.described) saw(`${table} columns`, await d.described(`SELECT * FROM ${table} ORDER BY id`));
  const rows = Array.from({ length: 100 }, (_, n) => [n, `row ${n} 😀`]);
  if (d.many) saw(`${table} many`, await d.many(table, rows));
  else for (const row of rows) await ask(`INSERT INTO ${table} (whole, words) VALUES (?, ?)`, row);
  saw(`${table} found`, await ask(`SELECT COUNT(*), SUM(whole), MIN(words), MAX(big) FROM ${table} WHERE whole >= ?`, [0]));
  saw(`${table} found`, await ask(`SELECT words, whole FROM ${table} WHERE words = ? AND label = ?`, [HARD, "lamp"]));
  saw(`${table} found`, await ask(`SELECT id FROM ${table} WHERE at = ? AND bytes = ?`, [at, BYTES]));
  saw(`${table} found`, await ask(`SELECT id FROM ${table} WHERE whole = ?`, [12345]));
  if (d.stream) saw(`${table} streamed`, (await d.stream(`SELECT id, words FROM ${table} ORDER BY id`)).length);
  for (let n = 0; n < 9; n += 1) {
    await d.transaction(async (run) => {
      await run(marked(d.dialect, `UPDATE ${table} SET whole = ? WHERE label = ?`), [n, "lamp"]);
      await run(marked(d.dialect, "UPDATE counters SET n = ? WHERE id = ?"), [n, 1]);
      await run(marked(d.dialect, "UPDATE tallies SET n = ? WHERE id = ?"), [n, 1]);
    });
  }
  saw(`${table} nine times`, await ask(`SELECT whole FROM ${table} WHERE label = ?`, ["lamp"]));
  for (const wrong of [`SELECT nothing FROM ${table}`, `SELEC * FROM ${table}`, `INSERT INTO ${table} (id) VALUES (1)`, `SELECT * FROM ${table} WHERE`]) {
    await d.run(wrong, []).then(
      () => { throw new Error(`${wrong} was taken`); },
      (error) => saw(`${table} error`, d.told(error)),
    );
  }
  await ask(`DELETE FROM ${table} WHERE whole > ?`, [50]);
  await d.run(`DROP TABLE ${table}`, []);
}

// What Node's drivers say of a PostgreSQL error, and of a MySQL error.
const pg = {
  dialect: "pg",
  duplicate: (error) => error.code === "23505",
  lost: (error) => !error.severity,
  told: ({ code, message, severity, position, detail, constraint }) => [code, message, severity, position, detail, constraint],
};
const my = {
  dialect: "my",
  duplicate: (error) => error.errno === 1062 && error.code === "ER_DUP_ENTRY",
  lost: (error) => Boolean(error.fatal) || ["PROTOCOL_CONNECTION_LOST", "ECONNRESET"].includes(error.code),
  told: ({ code, errno, sqlState, sqlMessage }) => [code, errno, sqlState, sqlMessage],
};

function tell(driver) {
  const [host, port, user, password, database, mode, order] = process.argv.slice(2);
  const where = { host, port: Number(port), user, password, database };
  story(driver, where, mode, Number(order)).then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });
}

module.exports = { HARD, saw, itself, pg, my, tell, place, expect, marked };
