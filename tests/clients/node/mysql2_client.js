const mysql = require("mysql2/promise");
const assert = require("assert");
const [host, port, user, password, database, mode, text] = process.argv.slice(2);
const order = Number(text);

// execute() is the binary protocol (prepared statements), query() the text protocol.
async function place(conn, number) {
  await conn.query("UPDATE stock SET reserved = reserved + 1 WHERE item = ?", ["lamp"]);
  await conn.execute("INSERT INTO orders (id, item, agent, at) VALUES (?, ?, ?, CURRENT_TIMESTAMP)", [number, "lamp", "Ann"]);
  await conn.execute("UPDATE agents SET order_id = ? WHERE name = ?", [number, "Ann"]);
  await conn.query("INSERT INTO assignments (order_id, agent) VALUES (?, ?)", [number, "Ann"]);
}

async function count(conn, number) {
  const [orders] = await conn.execute("SELECT COUNT(*) AS n FROM orders WHERE id = ?", [number]);
  const [assignments] = await conn.query("SELECT COUNT(*) AS n FROM assignments WHERE order_id = ?", [number]);
  return [Number(orders[0].n), Number(assignments[0].n)];
}

async function main() {
  const conn = await mysql.createConnection({ host, port: Number(port), user, password, database });
  conn.on("error", () => {});
  if (mode === "kill") {
    try {
      await conn.beginTransaction();
      await place(conn, order);
      await conn.commit();
    } catch (error) {
      assert(error.fatal || error.code === "PROTOCOL_CONNECTION_LOST" || error.code === "ECONNRESET", `an answer came: ${error}`);
      console.log("ok killed");
      process.exit(0);
    }
    throw new Error("COMMIT was answered");
  }
  const [one] = await conn.query("SELECT 1 AS one");
  assert.strictEqual(one[0].one, 1);
  console.log("ok connect");
  await conn.beginTransaction();
  await conn.execute("UPDATE counters SET n = n + 1 WHERE id = ?", [0]);
  await conn.commit();
  console.log("ok one-backend");
  await conn.beginTransaction();
  await place(conn, order);
  await conn.commit();
  assert.deepStrictEqual(await count(conn, order), [1, 1]);
  console.log("ok two-backends");
  await conn.beginTransaction();
  await place(conn, order + 1);
  await conn.rollback();
  assert.deepStrictEqual(await count(conn, order + 1), [0, 0]);
  console.log("ok rollback");
  await conn.beginTransaction();
  await assert.rejects(place(conn, order), (error) => error.errno === 1062 && error.code === "ER_DUP_ENTRY");
  await conn.rollback();
  assert.deepStrictEqual(await count(conn, order), [1, 1]);
  console.log("ok error-class");
  await conn.end();
}

main().catch((error) => { console.error(error); process.exit(1); });
