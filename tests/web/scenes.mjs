// States of a Handfast that are hard to provoke, as its HTTP interface tells them: calm, doubt, settled, heuristic, down, many.

const XID = (seq) => `hf1.shop.hf-1.3.${seq}`;
export const DOUBTFUL = XID(1042);

const event = (at_ms, what, backend = null, detail = null) => ({ at_ms, what, backend, detail });

function branch(backend, place, seq, state, more = {}) {
  const name = backend === "store" || backend === "ledger" ? `${XID(seq)}.${place}` : `'${XID(seq)}','${place}',1212563014`;
  return { backend, place, name, state, problem: null, attempts: 1, by_hand: null, session: 4100 + place, ...more };
}

function transaction(seq, state, age_ms, branches, timeline, more = {}) {
  const begun = Date.now() - age_ms;
  return {
    name: XID(seq), state, decision: state === "rolled_back" ? null : "commit", decided_wall_ms: state === "rolled_back" ? null : begun + 3, begun_wall_ms: begun, age_ms,
    client: { protocol: "postgres", user: "app" }, why: null, traceparent: null, next: "Nothing: it is finished.", branches, timeline, ...more,
  };
}

function committed(seq, age_ms, user = "app") {
  return transaction(seq, "committed", age_ms, [branch("store", 0, seq, "committed"), branch("delivery", 1, seq, "committed")], [
    event(0.2, "prepare sent", "store"), event(0.2, "prepare sent", "delivery"), event(1.4, "prepared", "store"), event(2.1, "prepared", "delivery"),
    event(2.9, "decided", null, "journal synced in 0.6 ms, shared by 3"), event(3.6, "committed", "store"), event(3.9, "committed", "delivery"), event(3.9, "settled")],
  { client: { protocol: seq % 3 ? "postgres" : "mysql", user } });
}

function rolledBack(seq, age_ms) {
  return transaction(seq, "rolled_back", age_ms, [branch("store", 0, seq, "rolled_back"), branch("delivery", 1, seq, "rolled_back")], [
    event(0.3, "prepare sent", "store"), event(0.3, "prepare sent", "delivery"), event(1.6, "prepared", "store"),
    event(1.9, "refused", "delivery", "1213 Deadlock found when trying to get lock"), event(2.8, "rolled back", "store"), event(2.9, "settled")],
  { why: "delivery refused to prepare: deadlock victim", next: "Nothing: it is rolled back everywhere." });
}

function doubtful(seq, age_ms) {
  const tries = Array.from({ length: Math.min(9, 2 + Math.floor(age_ms / 5000)) }, (_, at) => event(3.2 + (at ? 400 * 2 ** at : 0), "failed", "delivery", "connection refused (127.0.0.1:3306)"))
    .filter((one) => one.at_ms < age_ms);
  return transaction(seq, "in_doubt", age_ms, [
    branch("store", 0, seq, "committed"),
    branch("delivery", 1, seq, "unreachable", { problem: "connection refused (127.0.0.1:3306)", attempts: tries.length, by_hand: `XA COMMIT '${XID(seq)}','1',1212563014` })],
  [event(0.2, "prepare sent", "store"), event(0.2, "prepare sent", "delivery"), event(1.2, "prepared", "store"), event(1.9, "prepared", "delivery"),
    event(2.5, "decided", null, "journal synced in 0.6 ms, shared by 7"), event(2.9, "committed", "store"), ...tries],
  { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", why: "It was decided COMMIT and is committed on store; delivery does not answer (connection refused).", next: "Handfast commits delivery as soon as it answers; next try in 1.6 s. Readers of delivery's rows wait until then." });
}

const heuristic = (seq, age_ms) => transaction(seq, "in_doubt", age_ms, [
  branch("store", 0, seq, "committed"),
  branch("delivery", 1, seq, "heuristic", { problem: "somebody rolled this branch back on the server, against the decision", attempts: 3 })],
[event(0.2, "prepare sent", "store"), event(0.3, "prepare sent", "delivery"), event(1.2, "prepared", "store"), event(1.9, "prepared", "delivery"), event(2.5, "decided"),
  event(2.9, "committed", "store"), event(3.1, "failed", "delivery", "connection lost"), event(8100, "failed", "delivery", "no such branch: XAER_NOTA")],
{ why: "Decided COMMIT, but on delivery somebody else rolled it back: the two databases contradict each other.", next: "Nothing by itself. Compare the rows, repair delivery by hand, then resolve it here, so that the alarm ends." });

const POOL = (size, active, idle, waiting = 0) => ({ mode: "transaction", size, active, idle, waiting });
function backend(name, over = {}) {
  const maria = name !== "store" && name !== "ledger";
  return {
    name, dialect: maria ? "mysql" : "postgres", engine: maria ? "MariaDB" : "PostgreSQL", version: maria ? "10.11.19" : "15.18", address: maria ? "127.0.0.1:3306" : "127.0.0.1:5432",
    database: name, up: true, since_wall_ms: Date.now() - 5 * 3600e3, paused: false, last_error: null, prepared_now: 0, prepared_limit: maria ? null : 64, in_doubt: 0, strangers: 0,
    pool: POOL(20, 4, 9), ...over,
  };
}

/** What a scene answers; `age_ms` is how long it has been on. */
export function scene(name, age_ms) {
  const finished = Array.from({ length: 24 }, (_, at) => (at % 9 === 4 ? rolledBack(1041 - at, 800 + at * 700) : committed(1041 - at, 800 + at * 700)));
  const all = {
    calm: () => ({ transactions: [transaction(1043, "ending", 2, [branch("store", 0, 1043, "prepared"), branch("delivery", 1, 1043, "open")], [event(0.2, "prepare sent", "store"), event(0.2, "prepare sent", "delivery"), event(1.4, "prepared", "store")],
      { decision: null, decided_wall_ms: null, next: "It is being prepared." }), ...finished], backends: [backend("store", { prepared_now: 1 }), backend("delivery")] }),
    doubt: () => ({ transactions: [doubtful(1042, age_ms + 42_000), ...finished], backends: [backend("store"), down(age_ms + 42_000)],
      sentence: `1 transaction is in doubt: it waits for delivery, which does not answer (for ${Math.round(age_ms / 1000) + 42} s). Nothing is half done for readers: they wait. Handfast commits it when delivery is back.` }),
    settled: () => ({ transactions: [committed(1042, age_ms + 61_000), ...finished], backends: [backend("store"), backend("delivery", { since_wall_ms: Date.now() - age_ms })] }),
    heuristic: () => ({ transactions: [heuristic(1042, age_ms + 11_000), ...finished], backends: [backend("store"), backend("delivery", { in_doubt: 1 })],
      sentence: "1 transaction is contradicted: on delivery somebody rolled back what was decided COMMIT. Compare the rows and repair it by hand." }),
    down: () => ({ transactions: finished, backends: [backend("store"), down(age_ms + 5000, 0)], sentence: "Nothing is in doubt, but delivery does not answer (for 5 s). Statements for it wait or fail; the rest works." }),
    many: () => ({ transactions: [...Array.from({ length: 40 }, (_, at) => doubtful(1100 - at, 3000 + at * 2700 + age_ms)), ...finished],
      backends: [backend("store", { prepared_now: 57, in_doubt: 0, pool: POOL(20, 20, 0, 31) }), down(age_ms + 110_000, 40), backend("billing", { paused: true, address: "10.0.4.17:3306" }), backend("ledger", { address: "10.0.4.20:5432", strangers: 2, prepared_now: 3 }), backend("search", { engine: "MySQL", version: "9.7.4", address: "10.0.4.23:3306" })],
      sentence: "40 transactions are in doubt: they wait for delivery, which does not answer (for 110 s). Nothing is half done for readers: they wait. Handfast commits them when delivery is back." }),
  };
  const made = all[name]();
  const doubt = made.transactions.filter((one) => one.state === "in_doubt");
  return { sentence: "All whole. 183 transactions/min over 2 databases, none in doubt.", ...made, in_doubt: doubt.length, oldest: Math.max(0, ...doubt.map((one) => one.age_ms)) };
}

function down(age_ms, in_doubt = 1) {
  return backend("delivery", { up: false, since_wall_ms: Date.now() - age_ms, last_error: "connection refused (127.0.0.1:3306)", in_doubt, prepared_now: in_doubt, pool: POOL(20, 0, 0, in_doubt ? 2 : 0) });
}

/** Fifteen minutes of samples that look like a day's work; the same ones at each call. */
export function samples(state, sinceMs) {
  const length = 900;
  const doubtSeconds = state.in_doubt ? Math.min(length, Math.round(state.oldest / 1000)) : 0;
  let seed = 7;
  const random = () => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed / 2147483648; };
  const series = Object.fromEntries(["commits", "two_phase", "rollbacks", "in_doubt", "prepare_ms_p50", "prepare_ms_p99", "sync_ms", "finish_ms_p50", "finish_ms_p99", "pool_waiting"].map((name) => [name, []]));
  const shift = Math.floor(sinceMs / 1000);
  for (let at = 0; at < length; at += 1) {
    const late = at >= length - doubtSeconds;
    const wave = 1 + 0.25 * Math.sin((at + shift) / 97) + 0.12 * Math.sin((at + shift) / 13);
    const commits = Math.round(34 * wave * (late ? 0.55 : 1) + 6 * random());
    series.commits.push(commits);
    series.two_phase.push(Math.round(commits * (late ? 0.02 : 0.31)));
    series.rollbacks.push(random() < 0.08 ? 1 : 0);
    series.in_doubt.push(late ? state.in_doubt : 0);
    series.prepare_ms_p50.push(1.1 * wave + 0.2 * random());
    series.prepare_ms_p99.push(2.9 * wave + 1.6 * random());
    series.sync_ms.push(0.7 + 0.25 * random() + (random() < 0.01 ? 2.4 : 0));
    series.finish_ms_p50.push(0.8 * wave + 0.1 * random());
    series.finish_ms_p99.push(1.9 * wave + 0.9 * random());
    series.pool_waiting.push(0);
  }
  return { every_ms: 1000, from_wall_ms: Date.now() - length * 1000, series };
}

export const LISTS = {
  clients: { clients: [
    { id: 4117, protocol: "postgres", user: "app", address: "10.0.2.14:51044", connected_s: 4211, state: "in transaction", state_s: 94, transaction: XID(1043), backends: ["store", "delivery"], statements: 18211 },
    { id: 4118, protocol: "postgres", user: "app", address: "10.0.2.15:40112", connected_s: 62, state: "idle", state_s: 12, transaction: null, backends: [], statements: 44 },
    { id: 4121, protocol: "postgres", user: "app", address: "10.0.2.15:40118", connected_s: 60, state: "waiting", state_s: 7, transaction: null, backends: ["delivery"], statements: 12 },
    { id: 4125, protocol: "postgres", user: "reports", address: "10.0.2.20:51210", connected_s: 7402, state: "running", state_s: 3, transaction: null, backends: ["store"], statements: 3 },
    { id: 9001, protocol: "mysql", user: "courier", address: "10.0.3.7:60122", connected_s: 812, state: "committing", state_s: 0, transaction: XID(1042), backends: ["delivery", "store"], statements: 903 }] },
  tables: { rules: [{ pattern: "agents", backend: "delivery", table: null, line: 17 }, { pattern: "assignments", backend: "delivery", table: null, line: 18 }, { pattern: "courier_*", backend: "delivery", table: null, line: 19 }, { pattern: "old_orders", backend: "delivery", table: "orders_2019", line: 20 }],
    unrouted: [{ table: "audit_old", backend: "delivery", clients: ["postgres"], goes_to: "store" }],
    doubly: [{ table: "customers", backends: ["delivery", "store"], clients: ["postgres"], goes_to: "store" }, { table: "customers", backends: ["delivery", "store"], clients: ["mysql"], goes_to: "delivery" }], unlisted: 0, unseen: [], looked_wall_ms: Date.now() - 20e3 },
  strangers: { strangers: [{ backend: "ledger", name: "myapp-77", owner: "other software", age_s: 11040, advice: "It holds locks since it was prepared. Ask who runs myapp; if nobody does: ROLLBACK PREPARED 'myapp-77' in database ledger." },
    { backend: "ledger", name: "hf1.billing.hf-9.2.17.0", owner: "other cluster", age_s: 1.4, advice: "Another Handfast's, and young: leave it." }] },
  journal: { path: "/var/lib/handfast/journal", segments: 2, bytes: 33554432, records: { unsettled: 0, kept: 812 }, sync: { count: 31877, mean_ms: 0.81, last_ms: 0.74 }, recovery: { found: 3, committed: 2, rolled_back: 1, took_ms: 41 } },
  statements: { since_wall_ms: Date.now() - 5 * 3600e3, forgotten: 212, statements: [
    { text: "UPDATE items SET reserved_for = ? WHERE sku = ?", protocol: "postgres", route: "one", count: 48211, errors: 0, total_ms: 61204, mean_ms: 1.27, max_ms: 41.2 },
    { text: "UPDATE agents SET order_id = ? WHERE id = (SELECT id FROM agents WHERE order_id IS NULL LIMIT ? FOR UPDATE SKIP LOCKED)", protocol: "postgres", route: "translated", count: 14876, errors: 14, total_ms: 30110, mean_ms: 2.02, max_ms: 507 },
    { text: "SELECT * FROM orders WHERE customer = ?", protocol: "mysql", route: "translated", count: 90144, errors: 0, total_ms: 27044, mean_ms: 0.3, max_ms: 12.4 },
    { text: "COMMIT", protocol: "postgres", route: "session", count: 44120, errors: 3, total_ms: 24310, mean_ms: 0.55, max_ms: 2041 }] },
  config: { values: [{ key: "node.name", value: "hf-1", origin: "/etc/handfast/handfast.toml:3" }, { key: "pool.size", value: "20", origin: "default" }, { key: "limits.drain_timeout", value: "30s", origin: "HANDFAST_LIMITS_DRAIN_TIMEOUT" }, { key: "backends.store.url", value: "postgres://app:***@127.0.0.1:5432/store", origin: "/etc/handfast/handfast.toml:12" }] },
};
