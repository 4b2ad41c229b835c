// What Node's query builders and ORMs are all asked; each gives the steps in its own words:
//   open(where), close(), count(number), place(tx, number), atomic(work), duplicate(error), lost(error), look(saw, table)
const assert = require("assert");
const { saw, itself } = require("./story");

const STOP = new Error("a change of mind");

async function story(o, where, mode, order) {
  await o.open(where);
  const expect = async (number, sides) => assert.deepStrictEqual((await o.count(number)).map(Number), [sides, sides], `order ${number}`);
  if (mode === "kill") {
    try {
      await o.atomic((tx) => o.place(tx, order));
    } catch (error) {
      assert(!o.duplicate(error) && o.lost(error), error);
      console.log("ok killed");
      process.exit(0);
    }
    throw new Error("COMMIT was answered");
  }
  await o.count(1);
  itself(...o.itself);
  console.log("ok connect");
  await o.atomic((tx) => o.bump(tx));
  console.log("ok one-backend");
  await o.atomic((tx) => o.place(tx, order));
  await expect(order, 1);
  console.log("ok two-backends");
  await assert.rejects(o.atomic(async (tx) => { await o.place(tx, order + 1); throw STOP; }), (error) => error === STOP);
  await expect(order + 1, 0);
  console.log("ok rollback");
  await assert.rejects(o.atomic((tx) => o.place(tx, order)), (error) => { assert(o.duplicate(error), error); return true; });
  await expect(order, 1);
  console.log("ok error-class");
  for (const table of ["desk", "visits"]) await o.look((what, ...values) => saw(`${table} ${what}`, ...values), table);
  await o.close();
}

function tell(orm) {
  const [host, port, user, password, database, mode, order] = process.argv.slice(2);
  const where = { host, port: Number(port), user, password, database };
  story(orm, where, mode, Number(order)).then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });
}

// What went wrong below the ORM's own error.
const cause = (error) => error.original || error.driverError || error.cause || error;
const duplicate = (error) => cause(error).code === "23505" || cause(error).errno === 1062;
const lost = (error) => { const low = cause(error); return !low.severity && !low.sqlState; };

module.exports = { tell, duplicate, lost };
