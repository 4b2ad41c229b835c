// The databases: do they answer, what do they hold for us, how full are the pools.

import { bar, h, refusal } from "./dom.js";
import { clock, count, plural, span, version } from "./format.js";
import { chip } from "./transactions.js";
import { backendState } from "./topology.js";

export function backendsPage(context) {
  let backends = null;
  let asking = null;
  const problems = new Map();

  const load = async () => {
    backends = (await context.get("backends")).backends;
    context.draw();
  };
  async function act(backend, verb) {
    asking = null;
    problems.delete(backend.name);
    try {
      await context.post(`backends/${encodeURIComponent(backend.name)}/${verb}`);
      await load();
    } catch (problem) {
      problems.set(backend.name, problem);
    }
    context.draw();
  }

  function pauseButton(backend) {
    if (backend.paused) return h("button", { type: "button", "data-key": "resume", onclick: () => act(backend, "resume") }, `Resume ${backend.name}`);
    if (asking !== backend.name) return h("button", { type: "button", "data-key": "pause", onclick: () => { asking = backend.name; context.draw(); } }, `Pause ${backend.name} …`);
    return h("span.ask", { "data-key": "ask" }, "New statements for it will wait. ",
      h("button.danger", { type: "button", onclick: () => act(backend, "pause") }, `Yes, pause ${backend.name}`), " ",
      h("button", { type: "button", onclick: () => { asking = null; context.draw(); } }, "No"));
  }

  function card(backend) {
    const [word, kind] = backendState(backend);
    const { pool } = backend;
    const limit = backend.prepared_limit;
    const near = limit && backend.prepared_now > 0.8 * limit;
    const prepared = limit === null || limit === undefined ? `${count(backend.prepared_now)} (no limit here)` : `${count(backend.prepared_now)} of ${count(limit)}`;
    const line = (label, ...value) => h("div", null, h("dt", null, label), h("dd", null, value));
    return h(`article.card.${kind}`, { "data-key": backend.name, "aria-label": backend.name },
      h("header", null, h("h2", null, backend.name), chip([word, kind]), h("span.aside", null, `since ${clock(backend.since_wall_ms)}`)),
      h("p.where", null, backend.engine ? h("span", { title: backend.version }, `${backend.engine} ${version(backend.version)}`) : "has not answered yet", h("span.dim", null, ` ${backend.address} / ${backend.database}`)),
      h("dl.facts.tight", null,
        line("Pool", bar([{ value: pool.active, kind: "used" }, { value: pool.idle, kind: "free" }], pool.size, `${pool.active} in use, ${pool.idle} idle, of ${pool.size}`),
          h("span.figures", null, h("b", null, count(pool.active)), " in use, ", h("b", null, count(pool.idle)), " idle, of ", h("b", null, count(pool.size)),
            pool.waiting > 0 ? h("b.warn", null, `, ${plural(pool.waiting, "session")} waiting`) : "", h("span.dim", null, ` (${pool.mode})`))),
        line("Prepared now", limit ? bar([{ value: backend.prepared_now, kind: near ? "near" : "used" }], limit, `${backend.prepared_now} of ${limit}`) : null, h("span.figures", null, prepared, near && h("b.warn", null, " near the limit"))),
        line("In doubt", backend.in_doubt ? h("a", { href: "#/transactions?state=in_doubt" }, plural(backend.in_doubt, "branch").replace("branchs", "branches")) : "none"),
        line("Strangers", backend.strangers ? h("a", { href: "#/strangers" }, plural(backend.strangers, "branch").replace("branchs", "branches")) : "none"),
        line("Last error", backend.last_error ? h(backend.up ? "span.dim" : "span.bad", null, backend.last_error) : "none")),
      problems.has(backend.name) && refusal(problems.get(backend.name), "Refused"),
      h("footer", null, pauseButton(backend), backend.up ? null : h("span.aside", null, `for ${span(Date.now() - backend.since_wall_ms)}`)));
  }

  return {
    title: "Backends",
    every: 2000,
    load,
    changed: load,
    view: () => h("div.page", null, h("div.toolbar", null, h("h1", null, "Backends"), h("span.aside", null, backends ? plural(backends.length, "database") : "")),
      backends ? h("div.cards", null, backends.map(card)) : h("p.empty", null, "Loading …")),
  };
}
