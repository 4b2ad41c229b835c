// What was run, by the time it took; values are left out.

import { h, table } from "./dom.js";
import { clock, count, plural, span } from "./format.js";
import { heading, loading } from "./lists.js";

/** How a statement was answered, in words. */
const ROUTES = {
  one: ["one database", "by one database, as it was written"],
  translated: ["translated", "translated for a database of the other dialect"],
  many: ["several", "a text of several statements"],
  session: ["Handfast", "by Handfast itself: BEGIN, COMMIT, SET and the like"],
  unparsed: ["by its words", "the parser does not know it; it was routed by the names in it"],
};
/** A longer text can be unfolded. */
const FOLDED = 60;

export function statementsPage(context) {
  let told = null;
  let text = "";
  let sorting = { by: "total_ms", down: true };
  const matches = (one) => `${one.text} ${one.route} ${one.protocol}`.toLowerCase().includes(text.trim().toLowerCase());
  const order = (a, b) => (sorting.down ? -1 : 1) * (typeof a[sorting.by] === "string" ? a[sorting.by].localeCompare(b[sorting.by]) : a[sorting.by] - b[sorting.by]);
  const sort = (by, down = true) => ({
    now: sorting.by === by, down: sorting.down,
    choose: () => { sorting = { by, down: sorting.by === by ? !sorting.down : down }; context.draw(); },
  });
  const sql = (one) => (one.text.length <= FOLDED ? h("code", null, one.text)
    : h("details.sqltext", null, h("summary", null, h("code", null, one.text)), h("pre", null, one.text)));
  const columns = (most) => [
    { title: "Statement", cell: sql, kind: "sql" },
    { title: "Answered", cell: (one) => h("span", { title: ROUTES[one.route]?.[1] }, ROUTES[one.route]?.[0] ?? one.route), sort: sort("route", false) },
    { title: "Clients", cell: (one) => one.protocol, sort: sort("protocol", false) },
    { title: "Runs", num: true, cell: (one) => count(one.count), sort: sort("count") },
    { title: "Errors", num: true, cell: (one) => (one.errors ? h("b.bad", null, count(one.errors)) : h("span.dim", null, "0")), sort: sort("errors") },
    { title: "Mean", num: true, cell: (one) => span(one.mean_ms), sort: sort("mean_ms") },
    { title: "Longest", num: true, cell: (one) => span(one.max_ms), sort: sort("max_ms") },
    { title: "Together", num: true, sort: sort("total_ms"), cell: (one) => h("span.agecell", null, h("span", null, span(one.total_ms)),
      h("span.agebar", { "aria-hidden": "true" }, h("i.total", { style: { width: `${Math.round((100 * one.total_ms) / most)}%` } }))) },
  ];
  return {
    title: "Statements",
    every: 5000,
    async load() { told = await context.get("statements"); context.draw(); },
    view() {
      if (!told) return h("div.page", null, heading("Statements", ""), loading());
      const shown = told.statements.filter(matches).sort(order);
      const most = Math.max(1, ...told.statements.map((one) => one.total_ms));
      const all = told.statements.reduce((sum, one) => sum + one.count, 0);
      return h("div.page", null,
        heading("Statements", `${plural(all, "run")} since ${clock(told.since_wall_ms)}, values left out`,
          h("label.search", null, h("span.unseen", null, "Filter by text or route"), h("input", { type: "search", id: "filter", placeholder: "Filter: text, route, client   /", oninput: (event) => { text = event.target.value; context.draw(); } }))),
        told.forgotten > 0 && h("p.note", null, `${plural(told.forgotten, "run")} of rarer statements made room and are not shown (telemetry.statements_max).`),
        table("Statements", columns(most), shown, { key: (one) => `${one.protocol} ${one.route} ${one.text}`,
          empty: text ? `No statement matches “${text}”.` : "Nothing has been run yet. Each statement appears here once it was answered, with its values as ?." }));
    },
  };
}
