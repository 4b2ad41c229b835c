// Drizzle: typed tables, its transactions and savepoints. It makes no tables itself (its kit does, at another time).
const { eq, gt, lt, desc, count, sum, sql } = require("drizzle-orm");
const { HARD } = require("./story");
const { tell, duplicate, lost } = require("./orm");

module.exports = ({ core, open, note, make, add }) => {
  const { table, bigint, varchar, text, timestamp } = core;
  const big = (name) => bigint(name, { mode: "number" });
  const short = (name) => varchar(name, { length: 40 });
  const stock = table("stock", { item: short("item").primaryKey(), reserved: big("reserved") });
  const orders = table("orders", { id: big("id").primaryKey(), item: short("item"), agent: short("agent"), at: timestamp("at") });
  const agents = table("agents", { name: short("name").primaryKey(), orderId: big("order_id") });
  const assignments = table("assignments", { orderId: big("order_id").primaryKey(), agent: short("agent") });
  const counters = table("counters", { id: big("id").primaryKey(), n: big("n") });
  let db, close;
  tell({
    itself: ["Drizzle", "drizzle-orm"],
    duplicate,
    lost,
    async open(where) { [db, close] = open(where); },
    close: () => close(),
    atomic: (work) => db.transaction(work, { isolationLevel: "repeatable read" }),
    bump: (tx) => tx.update(counters).set({ n: sql`${counters.n} + 1` }).where(eq(counters.id, 0)),
    async place(tx, number) {
      await tx.update(stock).set({ reserved: sql`${stock.reserved} + 1` }).where(eq(stock.item, "lamp"));
      await tx.insert(orders).values({ id: number, item: "lamp", agent: "Ann", at: new Date("2024-02-29T12:30:15Z") });
      await tx.select().from(agents).where(eq(agents.name, "Ann")).for("update");
      await tx.update(agents).set({ orderId: number }).where(eq(agents.name, "Ann"));
      await tx.insert(assignments).values({ orderId: number, agent: "Ann" });
    },
    count: async (number) => [await db.$count(orders, eq(orders.id, number)), await db.$count(assignments, eq(assignments.orderId, number))],
    async look(saw, name) {
      await db.execute(sql.raw(`CREATE TABLE ${name} (${make})`));
      const notes = table(name, { ...note, agent: short("agent"), note: text("note") });
      saw("key", await add(db, notes, { agent: "Ann", note: HARD, at: new Date("2024-02-29T12:30:15.250Z"), fee: "12.50" }));
      await db.insert(notes).values(Array.from({ length: 50 }, (_, n) => ({ agent: `a${n}`, done: n % 2 === 0, fee: String(n) })));
      saw("back", await db.select().from(notes).where(eq(notes.agent, "Ann")));
      saw("sums", await db.select({ fee: sum(notes.fee), n: count() }).from(notes).where(eq(notes.done, true)));
      saw("page", await db.select({ agent: notes.agent }).from(notes).orderBy(desc(notes.id)).offset(10).limit(3));
      await db.transaction(async (tx) => {
        await tx.update(notes).set({ note: "much" }).where(gt(notes.fee, "40"));
        await tx.transaction(async (deeper) => { await deeper.delete(notes); throw new Error("back"); }).catch(() => {});
        await tx.delete(notes).where(lt(notes.fee, "5"));
        await tx.update(counters).set({ n: 3 }).where(eq(counters.id, 3));
      });
      saw("left", await db.$count(notes), await db.$count(notes, eq(notes.note, "much")));
      await db.execute(sql.raw(`DROP TABLE ${name}`));
    },
  });
};
