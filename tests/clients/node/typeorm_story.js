// TypeORM on node-postgres or mysql2: entities, its transactions, its schema builder.
const { DataSource, EntitySchema, MoreThan, LessThan } = require("typeorm");
const { HARD } = require("./story");
const { tell, duplicate, lost } = require("./orm");

module.exports = (type) => {
  const text = { type: "varchar", length: 40 };
  const big = { type: "bigint" };
  const table = (name, columns) => new EntitySchema({ name, tableName: name, columns });
  const note = (name) => table(name, {
    id: { ...big, primary: true, generated: "increment" }, agent: { ...text, nullable: true }, note: { type: "text", nullable: true }, done: { type: "boolean", default: false },
    at: { type: type === "postgres" ? "timestamp" : "datetime", precision: 3, nullable: true }, fee: { type: "decimal", precision: 8, scale: 2, nullable: true }, ratio: { type: type === "postgres" ? "double precision" : "double", nullable: true },
  });
  const shop = [
    table("stock", { item: { ...text, primary: true }, reserved: big }),
    table("orders", { id: { ...big, primary: true }, item: text, agent: text, at: { type: "timestamp" } }),
    table("agents", { name: { ...text, primary: true }, order_id: { ...big, nullable: true } }),
    table("assignments", { order_id: { ...big, primary: true }, agent: text }),
    table("counters", { id: { ...big, primary: true }, n: big }),
  ];
  const notes = { desk: note("desk"), visits: note("visits") };
  let db;
  tell({
    itself: ["TypeORM", "typeorm"],
    duplicate,
    lost,
    async open({ host, port, user, password, database }) {
      db = new DataSource({ type, host, port, username: user, password, database, entities: [...shop, ...Object.values(notes)], synchronize: false, poolSize: 2, charset: type === "mysql" ? "utf8mb4" : undefined, connectorPackage: type === "mysql" ? "mysql2" : undefined });
      await db.initialize();
    },
    close: () => db.destroy(),
    atomic: (work) => db.transaction("REPEATABLE READ", work),
    bump: (m) => m.increment("counters", { id: 0 }, "n", 1),
    async place(m, number) {
      await m.increment("stock", { item: "lamp" }, "reserved", 1);
      await m.insert("orders", { id: number, item: "lamp", agent: "Ann", at: new Date("2024-02-29T12:30:15Z") });
      const agent = await m.findOne("agents", { where: { name: "Ann" }, lock: { mode: "pessimistic_write" } });
      await m.save("agents", { ...agent, order_id: number });
      await m.insert("assignments", { order_id: number, agent: "Ann" });
    },
    count: async (number) => [await db.manager.countBy("orders", { id: number }), await db.manager.countBy("assignments", { order_id: number })],
    async look(saw, name) {
      const runner = db.createQueryRunner();
      const { Table } = require("typeorm");
      await runner.createTable(Table.create(db.getMetadata(name), db.driver));
      const rows = db.getRepository(name);
      const one = await rows.save({ agent: "Ann", note: HARD, at: new Date("2024-02-29T12:30:15.250Z"), fee: "12.50", ratio: 0.1 });
      saw("key", one.id, one.done);
      await rows.insert(Array.from({ length: 50 }, (_, n) => ({ agent: `a${n}`, done: n % 2 === 0, fee: n })));
      saw("back", await rows.findOneBy({ agent: "Ann" }));
      saw("sums", await rows.sum("fee", { done: true }), await rows.count());
      saw("page", (await rows.find({ order: { id: "DESC" }, skip: 10, take: 3 })).map((n) => n.agent));
      saw("changed", (await rows.update({ fee: MoreThan(40) }, { note: "much" })).affected, (await rows.delete({ fee: LessThan(5) })).affected);
      saw("groups", await rows.createQueryBuilder("v").select("v.done", "done").addSelect("COUNT(*)", "n").groupBy("v.done").orderBy("v.done").getRawMany());
      if (name === "desk") {
        const found = await runner.getTable(name);
        saw("schema", found.columns.map((c) => [c.name, c.type, c.length, c.precision, c.scale, c.isNullable, c.isPrimary, c.isGenerated, c.default]));
      }
      await runner.release();
      // Its own dropTable wants the table in the catalogs, where other backends' tables are not.
      await db.query(`DROP TABLE ${name}`);
    },
  });
};
