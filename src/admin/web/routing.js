// Which table belongs to which database, and a box to try a statement.

import { h, panel, refusal, table } from "./dom.js";
import { plural } from "./format.js";

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
  const nameOf = (one) => (typeof one === "string" ? one : one.table ?? one.name ?? JSON.stringify(one));
  const placeOf = (one) => (typeof one === "string" ? "" : [one.backends ?? one.backend].flat().filter(Boolean).join(", "));
  const columns = [
    { title: "Rule", cell: (rule) => h("code", null, rule.pattern) },
    { title: "Database", cell: (rule) => h("b", null, rule.backend) },
    { title: "Table there", cell: (rule) => (rule.table ? h("code", null, rule.table) : h("span.dim", null, "the same name")) },
    { title: "Line", num: true, cell: (rule) => rule.line ?? "" },
  ];
  const found = [{ title: "Table", cell: (one) => h("code", null, nameOf(one)) }, { title: "Found in", cell: placeOf }];

  return {
    title: "Routing",
    every: 10000,
    load,
    view() {
      const { doubly = [], unrouted = [] } = tables ?? {};
      const lists = tables && [
        panel("Rules", h("span.aside", null, "the most specific wins"), table("Rules", columns, tables.rules, { key: (rule) => rule.pattern, empty: "No rules: everything goes to the default database." })),
        h("div.pair", null,
          panel("In two databases", h("span.aside", null, doubly.length ? "one of them is never reached" : ""), table("Tables in two databases", found, doubly, { key: nameOf, empty: "No table exists twice." })),
          panel("Without a rule", h("span.aside", null, unrouted.length ? "they go to the default database" : ""), table("Tables without a rule", found, unrouted, { key: nameOf, empty: "Every table found is on the default database or has a rule." }))),
      ];
      return h("div.page", null, h("div.toolbar", null, h("h1", null, "Routing"), h("span.aside", null, tables ? plural(tables.rules.length, "rule") : "")),
        panel("Try a statement", h("span.aside", null, "nothing is run"),
          h("form.try", { onsubmit: explain },
            h("label", null, h("span", null, "SQL"), h("textarea", { id: "sql", rows: 3, spellcheck: "false", placeholder: "UPDATE agents SET order_id = 7 WHERE name = 'Ann'",
              oninput: (event) => { trial.sql = event.target.value; },
              onkeydown: (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.currentTarget.form.requestSubmit(); } })),
            h("div.row", null, h("label.inline", null, "as a client of ", h("select", { id: "client", onchange: (event) => { trial.client = event.target.value; } }, h("option", { value: "postgres" }, "PostgreSQL"), h("option", { value: "mysql" }, "MySQL"))),
              h("button.primary", { type: "submit" }, "Where does it go?"), h("span.dim", null, "Ctrl+Enter"))),
          trial.plan && h("pre.plan", { "aria-label": "Plan" }, trial.plan.join("\n")),
          trial.problem && refusal(trial.problem, "Cannot be routed")),
        lists ?? h("p.empty", null, "Loading …"));
    },
  };
}
