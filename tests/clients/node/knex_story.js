// knex: a schema builder and a query builder on node-postgres or mysql2.
const { HARD } = require("./story");
const { tell, duplicate, lost } = require("./orm");

module.exports = (client) => {
  let knex;
  tell({
    itself: ["knex", "knex"],
    duplicate,
    lost,
    async open(connection) { knex = require("knex")({ client, connection, pool: { min: 0, max: 2 } }); },
    close: () => knex.destroy(),
    atomic: (work) => knex.transaction(work),
    bump: (tx) => tx("counters").where({ id: 0 }).increment("n", 1),
    async place(tx, number) {
      await tx("stock").where({ item: "lamp" }).increment("reserved", 1);
      await tx("orders").insert({ id: number, item: "lamp", agent: "Ann", at: new Date("2024-02-29T12:30:15Z") });
      await tx("agents").where({ name: "Ann" }).forUpdate().first();
      await tx("agents").where({ name: "Ann" }).update({ order_id: number });
      await tx("assignments").insert({ order_id: number, agent: "Ann" });
    },
    async count(number) {
      const [orders] = await knex("orders").where({ id: number }).count({ n: "*" });
      const [assignments] = await knex("assignments").where({ order_id: number }).count({ n: "*" });
      return [orders.n, assignments.n];
    },
    async look(saw, table) {
      await knex.schema.createTable(table, (t) => {
        t.bigIncrements("id");
        t.string("agent", 40).index();
        t.text("note");
        t.boolean("done").defaultTo(false);
        t.datetime("at", { precision: 3 });
        t.decimal("fee", 8, 2);
        t.double("ratio");
      });
      saw("key", await knex(table).insert({ agent: "Ann", note: HARD, at: new Date("2024-02-29T12:30:15.250Z"), fee: "12.50", ratio: 0.1 }, client === "pg" ? ["id"] : undefined));
      await knex.batchInsert(table, Array.from({ length: 50 }, (_, n) => ({ agent: `a${n}`, done: n % 2 === 0, fee: n })), 20);
      saw("back", await knex(table).where({ agent: "Ann" }));
      saw("sums", await knex(table).where({ done: true }).sum({ fee: "fee" }).count({ n: "*" }).max({ agent: "agent" }));
      saw("page", await knex(table).orderBy("id", "desc").offset(10).limit(3).pluck("agent"));
      saw("changed", await knex(table).where("fee", ">", 40).update({ note: "much" }), await knex(table).where("fee", "<", 5).del());
      await knex.transaction(async (tx) => {
        await tx(table).where({ agent: "a20" }).update({ note: "kept" });
        await tx.transaction(async (deeper) => { await deeper(table).del(); throw new Error("back"); }).catch(() => {});
        await tx("tallies").where({ id: 3 }).update({ n: 3 });
      });
      saw("kept", await knex(table).where({ note: "kept" }).pluck("agent"));
      let walked = 0;
      for await (const row of knex(table).select("id").stream()) walked += row ? 1 : 0;
      saw("walked", walked);
      if (table === "desk") saw("schema", await knex.schema.hasTable(table), await knex.schema.hasColumn(table, "fee"), await knex(table).columnInfo());
      await knex.schema.dropTable(table);
    },
  });
};
