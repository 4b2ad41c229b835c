const { Client } = require("pg");
const assert = require("assert");
const [host, port, user, password, database, mode, text] = process.argv.slice(2);
const order = Number(text);

async function place(client, number) {
  await client.query("UPDATE stock SET reserved = reserved + 1 WHERE item = $1", ["lamp"]);
  await client.query("INSERT INTO orders (id, item, agent, at) VALUES ($1, $2, $3, CURRENT_TIMESTAMP)", [number, "lamp", "Ann"]);
  await client.query("UPDATE agents SET order_id = $1 WHERE name = $2", [number, "Ann"]);
  // A named statement, kept by the connection.
  await client.query({ name: "assign", text: "INSERT INTO assignments (order_id, agent) VALUES ($1, $2)", values: [number, "Ann"] });
}

async function count(client, number) {
  const orders = await client.query("SELECT COUNT(*) AS n FROM orders WHERE id = $1", [number]);
  const assignments = await client.query("SELECT COUNT(*) AS n FROM assignments WHERE order_id = $1", [number]);
  return [Number(orders.rows[0].n), Number(assignments.rows[0].n)];
}

async function main() {
  const client = new Client({ host, port: Number(port), user, password, database, ssl: false });
  client.on("error", () => {});
  await client.connect();
  if (mode === "kill") {
    try {
      await client.query("BEGIN");
      await place(client, order);
      await client.query("COMMIT");
    } catch (error) {
      assert(!error.severity, `an answer came: ${error}`);
      console.log("ok killed");
      process.exit(0);
    }
    throw new Error("COMMIT was answered");
  }
  assert.strictEqual((await client.query("SELECT 1 AS one")).rows[0].one, 1);
  console.log("ok connect");
  await client.query("BEGIN");
  await client.query("UPDATE counters SET n = n + 1 WHERE id = $1", [0]);
  await client.query("COMMIT");
  console.log("ok one-backend");
  await client.query("BEGIN");
  await place(client, order);
  await client.query("COMMIT");
  assert.deepStrictEqual(await count(client, order), [1, 1]);
  console.log("ok two-backends");
  await client.query("BEGIN");
  await place(client, order + 1);
  await client.query("ROLLBACK");
  assert.deepStrictEqual(await count(client, order + 1), [0, 0]);
  console.log("ok rollback");
  await client.query("BEGIN");
  await assert.rejects(place(client, order), (error) => error.code === "23505");
  await client.query("ROLLBACK");
  assert.deepStrictEqual(await count(client, order), [1, 1]);
  console.log("ok error-class");
  await client.end();
}

main().catch((error) => { console.error(error); process.exit(1); });
