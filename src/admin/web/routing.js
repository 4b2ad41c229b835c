// Which table belongs to which database, and a box to try a statement.

import { h, panel, refusal, table } from "./dom.js";
import { clock, plural } from "./format.js";

const CLIENTS = { postgres: "PostgreSQL", mysql: "MySQL" };

export function routingPage(context) {
  let tables = null;
  const trial = { sql: "", client: "postgres", plan: null, problem: null };

  const load = async () => {
    tables = await context.get("tables");
    context.draw();
  };
  async function explain(event) {
    event.preventDefault();
    Object.assign(trial, { plan: null, problem: null });
    try {
      trial.plan = (await context.post("explain", { sql: trial.sql, client: trial.client })).plan;
    } catch (problem) {
      trial.problem = problem;
    }
    context.draw();
  }
  const keyOf = (one) => `${one.table} ${one.backend ?? ""} ${one.goes_to}`;
  const line = (text) => h(/^(refused|hint) /.test(text) ? `span.${text.split(" ")[0]}` : "span", null, h("b", null, text.slice(0, 13)), `${text.slice(13)}\n`);
  const columns = [
    { title: "Rule", cell: (rule) => h("code", null, rule.pattern) },
    { title: "Database", cell: (rule) => h("b", null, rule.backend) },
    { title: "Table there", cell: (rule) => (rule.table ? h("code", null, rule.table) : h("span.dim", null, "the same name")) },
    { title: "Line", num: true, cell: (rule) => rule.line ?? "" },
  ];
  const found = [
    { title: "Table", cell: (one) => h("code", null, one.table) },
    { title: "Is in", cell: (one) => one.backends?.join(" and ") ?? one.backend },
    { title: "Clients of", cell: (one) => one.clients.map((client) => CLIENTS[client] ?? client).join(", ") },
    { title: "Are led to", cell: (one) => (one.goes_to ? h("b", null, one.goes_to) : "nowhere") },
  ];

  return {
    title: "Routing",
    every: 10000,
    load,
    view() {
      const { doubly = [], unrouted = [], unlisted = 0, unseen = [] } = tables ?? {};
      const looked = tables?.looked_wall_ms;
      const advice = (one) => h("p.note", null, "A line in ", h("code", null, "[tables]"), " decides it: ", h("code", null, `"${one.table}" = "${one.backend ?? one.backends[0]}"`), ", then read the file again under Settings.");
      const lists = tables && [
        panel("Rules", h("span.aside", null, "the most specific wins"), table("Rules", columns, tables.rules, { key: (rule) => rule.pattern, empty: "No rules: everything goes to the default database." })),
        unseen.length > 0 && h("p.callout.warn", null, `${unseen.join(" and ")} did not answer, so ${unseen.length === 1 ? "its" : "their"} tables are not known now.`),
        h("div.pair", null,
          panel("In two databases", h("span.aside", null, looked ? `seen at ${clock(looked)}` : ""), table("Tables in two databases", found, doubly, { key: keyOf, empty: looked ? "No table is in two databases, unless a rule says which is meant." : "The databases were not looked at yet." }), doubly.length > 0 && advice(doubly[0])),
          panel("Not found by their names", h("span.aside", null, looked ? `seen at ${clock(looked)}` : ""), table("Tables without a rule", found, unrouted, { key: keyOf, empty: looked ? "Every table is found: it is on its clients' own database, or a rule leads to it." : "The databases were not looked at yet." }), unrouted.length > 0 && advice(unrouted[0]))),
        unlisted > 0 && h("p.note", null, `And ${plural(unlisted, "more table")}; handfast check counts them all.`),
      ];
      return h("div.page", null, h("div.toolbar", null, h("h1", null, "Routing"), h("span.aside", null, tables ? plural(tables.rules.length, "rule") : "")),
        panel("Try a statement", h("span.aside", null, "nothing is run"),
          h("form.try", { onsubmit: explain },
            h("label", null, h("span", null, "SQL"), h("textarea", { id: "sql", rows: 3, spellcheck: "false", placeholder: "UPDATE agents SET order_id = 7 WHERE name = 'Ann'",
              oninput: (event) => { trial.sql = event.target.value; },
              onkeydown: (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.currentTarget.form.requestSubmit(); } })),
            h("div.row", null, h("label.inline", null, "as a client of ", h("select", { id: "client", onchange: (event) => { trial.client = event.target.value; } }, h("option", { value: "postgres" }, "PostgreSQL"), h("option", { value: "mysql" }, "MySQL"))),
              h("button.primary", { type: "submit" }, "Where does it go?"), h("span.dim", null, "Ctrl+Enter"))),
          trial.plan && h("pre.plan", { "aria-label": "Plan" }, trial.plan.map(line)),
          trial.problem && refusal(trial.problem, "Cannot be routed")),
        lists ?? h("p.empty", null, "Loading …"));
    },
  };
}
