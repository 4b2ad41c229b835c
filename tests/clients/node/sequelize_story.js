// Sequelize on node-postgres or mysql2: models, managed transactions with savepoints, bulk work, schema questions.
const { Sequelize, DataTypes, Op } = require("sequelize");
const { HARD } = require("./story");
const { tell, duplicate, lost } = require("./orm");

module.exports = (dialect) => {
  let db;
  const model = (table, key, columns) => db.define(table, { [key]: { type: DataTypes.BIGINT, primaryKey: true }, ...columns }, { tableName: table, timestamps: false });
  let Stock, Order, Agent, Assignment, Counter;
  tell({
    itself: ["Sequelize", "sequelize"],
    duplicate,
    lost,
    async open({ host, port, user, password, database }) {
      db = new Sequelize(database, user, password, { host, port, dialect, logging: false, pool: { max: 2 } });
      const text = () => ({ type: DataTypes.STRING(40), primaryKey: true });
      Stock = model("stock", "item", { item: text(), reserved: DataTypes.BIGINT });
      Order = model("orders", "id", { item: DataTypes.STRING(40), agent: DataTypes.STRING(40), at: DataTypes.DATE });
      Agent = model("agents", "name", { name: text(), order_id: DataTypes.BIGINT });
      Assignment = model("assignments", "order_id", { agent: DataTypes.STRING(40) });
      Counter = model("counters", "id", { n: DataTypes.BIGINT });
      await db.authenticate();
    },
    close: () => db.close(),
    atomic: (work) => db.transaction({ isolationLevel: "REPEATABLE READ" }, work),
    bump: (transaction) => Counter.increment("n", { where: { id: 0 }, transaction }),
    async place(transaction, number) {
      await Stock.increment("reserved", { where: { item: "lamp" }, transaction });
      await Order.create({ id: number, item: "lamp", agent: "Ann", at: new Date("2024-02-29T12:30:15Z") }, { transaction });
      const agent = await Agent.findByPk("Ann", { lock: transaction.LOCK.UPDATE, transaction });
      await agent.update({ order_id: number }, { transaction });
      await Assignment.create({ order_id: number, agent: "Ann" }, { transaction });
    },
    count: async (number) => [await Order.count({ where: { id: number } }), await Assignment.count({ where: { order_id: number } })],
    async look(saw, table) {
      const Note = db.define(table, {
        id: { type: DataTypes.BIGINT, primaryKey: true, autoIncrement: true }, agent: DataTypes.STRING(40), note: DataTypes.TEXT, done: { type: DataTypes.BOOLEAN, defaultValue: false },
        at: DataTypes.DATE(3), day: DataTypes.DATEONLY, fee: DataTypes.DECIMAL(8, 2), ratio: DataTypes.DOUBLE,
      }, { tableName: table, timestamps: false, indexes: table === "desk" ? [{ fields: ["agent"] }] : [] });
      const questions = db.getQueryInterface();
      await questions.createTable(table, Note.getAttributes());
      const one = await Note.create({ agent: "Ann", note: HARD, at: new Date("2024-02-29T12:30:15.250Z"), day: "2024-02-29", fee: "12.50", ratio: 0.1 });
      saw("key", one.id);
      const many = await Note.bulkCreate(Array.from({ length: 50 }, (_, n) => ({ agent: `a${n}`, done: n % 2 === 0, fee: n })));
      saw("many", many.length);
      await one.reload();
      saw("back", one.get());
      saw("sums", await Note.sum("fee", { where: { done: true } }), await Note.count(), await Note.max("fee"));
      saw("page", (await Note.findAll({ order: [["id", "DESC"]], offset: 10, limit: 3 })).map((n) => n.agent));
      saw("changed", await Note.update({ note: "much" }, { where: { fee: { [Op.gt]: 40 } } }), await Note.destroy({ where: { fee: { [Op.lt]: 5 } } }));
      await db.transaction(async (transaction) => {
        await Note.update({ note: "kept" }, { where: { agent: "a20" }, transaction });
        await db.transaction({ transaction }, async (deeper) => { await Note.destroy({ where: {}, transaction: deeper }); throw new Error("back"); }).catch(() => {});
        await Counter.update({ n: 3 }, { where: { id: 3 }, transaction });
      });
      saw("kept", (await Note.findAll({ where: { note: "kept" } })).map((n) => n.agent));
      // On PostgreSQL this makes a function, which cannot be for a table elsewhere.
      if (table === "desk") saw("or made", (await Note.findOrCreate({ where: { agent: "Zoe" }, defaults: { fee: 1 } }))[1]);
      if (table === "desk") saw("schema", await questions.describeTable(table), await questions.tableExists(table));
      await questions.dropTable(table);
    },
  });
};
