// Stands in for a running Handfast, for the dashboard's tests: its files, and an interface that answers as a scene says.
//   node tests/web/mock.mjs [--port N] [--scene doubt] [--token TEXT]
// POST /mock/scene {"scene":"doubt"} changes it; POST /mock/cut ends all streams, as a lost network does.

import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { DOUBTFUL, LISTS, samples, scene } from "./scenes.mjs";

const FILES = new URL("../../src/admin/web/", import.meta.url);
const TYPES = { html: "text/html; charset=utf-8", css: "text/css; charset=utf-8", js: "text/javascript; charset=utf-8", svg: "image/svg+xml" };
const option = (name, otherwise) => (process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : otherwise);
const token = option("--token", null);
let current = option("--scene", "calm");
let since = Date.now();
let away = false;
const started = Date.now() - 5 * 3600e3;
const paused = new Set();
const streams = new Set();

function now() {
  const made = scene(current, Date.now() - since);
  for (const backend of made.backends) backend.paused ||= paused.has(backend.name);
  return made;
}

function status() {
  const made = now();
  return {
    version: "0.5.0", node: "hf-1", cluster: "shop", epoch: 3, state: "ready", sentence: made.sentence, uptime_s: (Date.now() - started) / 1000, clients: { postgres: current === "many" ? 480 : 12, mysql: 3 },
    in_doubt: made.in_doubt, oldest_in_doubt_s: made.in_doubt ? made.oldest / 1000 : null, committed_total: 94211, rolled_back_total: 413, unknown_total: 0, two_phase_total: 28104, p99_commit_ms: 7.4,
    backends_down: made.backends.filter((one) => !one.up).map((one) => one.name),
  };
}

function resolve(name, { outcome, force, who }) {
  const found = now().transactions.find((one) => one.name === name);
  if (!found) return [404, { title: "No such transaction", status: 404, detail: `${name} is not known here.`, hint: "handfast transactions list", code: "HF0302" }];
  if (outcome === "rollback" && found.decision === "commit" && !force) {
    return [409, { title: "It would be half done", status: 409, code: "HF0301",
      detail: "This transaction was decided COMMIT and is committed on store; rolling back delivery would leave it half done.", hint: "Force records the damage and the person who did it." }];
  }
  change(outcome === "commit" ? "settled" : "heuristic");
  return [200, { ...now().transactions[0], resolved_by: who }];
}

function change(name) {
  current = name;
  since = Date.now();
  const first = now().transactions[0];
  for (const stream of streams) stream.write(`event: transaction\ndata: ${JSON.stringify(first)}\n\n`);
}

function transactions(query) {
  const wanted = query.get("state") ?? "all";
  const kept = now().transactions.filter((one) => wanted === "all" || one.state === wanted || (wanted === "finished" && ["committed", "rolled_back", "unknown"].includes(one.state)));
  return { transactions: kept.slice(0, Number(query.get("limit") ?? 100)) };
}

const READS = {
  status, backends: () => ({ backends: now().backends }), samples: () => samples(now(), Date.now() - started), transactions,
  ...Object.fromEntries(Object.entries(LISTS).map(([name, value]) => [name, () => value])),
};

function read(path, query) {
  if (READS[path]) return [200, READS[path](query)];
  const name = path.match(/^transactions\/(.+)$/)?.[1];
  const found = name && now().transactions.find((one) => one.name === decodeURIComponent(name));
  return found ? [200, found] : [404, { title: "Not found", status: 404, detail: `Nothing is known as ${decodeURIComponent(name ?? path)}.`, hint: "handfast transactions list", code: "HF0302" }];
}

function write(path, body) {
  const parts = path.split("/").map(decodeURIComponent);
  if (parts[0] === "transactions" && parts[2] === "resolve") return resolve(parts[1], body);
  if (parts[0] === "backends" && (parts[2] === "pause" || parts[2] === "resume")) {
    if (parts[2] === "pause") paused.add(parts[1]); else paused.delete(parts[1]);
    return [200, {}];
  }
  if (path === "explain") {
    if (/\bmissing\b/.test(body.sql)) {
      return [200, { plan: ["statement    SELECT * FROM missing, agents", "goes to      nowhere", "refused      tables of store and delivery in one statement [HF0201]", "hint         Run one statement for each database."] }];
    }
    if (!body.sql.trim()) return [400, { title: "There is no statement", status: 400, code: "HF0602", hint: "Type one." }];
    return [200, { plan: ["statement    UPDATE                   read as PostgreSQL's", "agents       -> delivery (MariaDB)    rule handfast.toml:17", "sent as      UPDATE `agents` SET `order_id` = 7 WHERE `name` = 'Ann'", "transaction  joins branch delivery; COMMIT has two phases if another database was written"] }];
  }
  if (path === "reload") return [200, { changes: [{ key: "pool.size", from: "20", to: "40", applies: "now" }] }];
  if (parts[0] === "clients" && parts[3] === "kill") return [200, {}];
  return [404, { title: "Not found", status: 404 }];
}

function answer(response, [code, body]) {
  response.writeHead(code, { "Content-Type": code < 400 ? "application/json" : "application/problem+json" });
  response.end(JSON.stringify(body));
}

function stream(response) {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  const tell = () => response.write(`event: status\ndata: ${JSON.stringify(status())}\n\n`);
  tell();
  const timer = setInterval(tell, 1000);
  streams.add(response);
  response.on("close", () => { clearInterval(timer); streams.delete(response); });
}

function file(response, path) {
  const name = path === "/" ? "index.html" : path.match(/^\/assets\/([a-z]+\.[a-z]+)$/)?.[1];
  let text;
  try { text = readFileSync(new URL(name, FILES)); } catch { response.writeHead(404); response.end(); return; }
  response.writeHead(200, { "Content-Type": TYPES[name.split(".")[1]], "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'", "X-Content-Type-Options": "nosniff" });
  response.end(text);
}

const server = createServer((request, response) => {
  const url = new URL(request.url, "http://mock");
  let text = "";
  request.on("data", (chunk) => { text += chunk; });
  request.on("end", () => {
    const body = text ? JSON.parse(text) : {};
    if (url.pathname === "/mock/scene") { away = false; change(body.scene); answer(response, [200, {}]); return; }
    if (url.pathname === "/mock/cut") { away = body.away ?? true; for (const one of streams) one.destroy(); answer(response, [200, {}]); return; }
    if (away) { request.socket.destroy(); return; }
    if (!url.pathname.startsWith("/api/v1/")) { file(response, url.pathname); return; }
    if (token && request.headers.authorization !== `Bearer ${token}`) { answer(response, [401, { title: "A token is needed", status: 401, detail: request.headers.authorization ? "That is not the token" : "", code: "HF0320" }]); return; }
    const path = url.pathname.slice("/api/v1/".length);
    if (path === "events") stream(response);
    else answer(response, request.method === "POST" ? write(path, body) : read(path, url.searchParams));
  });
});
server.listen(Number(option("--port", 0)), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port} ${DOUBTFUL}`));
