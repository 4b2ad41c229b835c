// The list of transactions: in doubt first, then what is ending, then what has ended.

import { h, table } from "./dom.js";
import { clock, count, short, STATES } from "./format.js";

/** A state as a small label: word, colour, and a mark of its own for each kind. */
export function chip([word, kind]) {
  return h(`span.chip.${kind}`, null, h("i", { "aria-hidden": "true" }), word);
}

export const stateOf = (transaction) => STATES[transaction.state] ?? [transaction.state, "dim"];

/** The state of a branch. Prepared is nothing to worry about while its transaction is ending. */
export function branchState(branch, transaction) {
  const [word, kind] = STATES[branch.state] ?? [branch.state, "dim"];
  return branch.state === "prepared" && transaction.state === "ending" ? [word, "busy"] : [word, kind];
}

export const href = (name) => `#/transactions/${encodeURIComponent(name)}`;

const FILTERS = [["all", "All"], ["in_doubt", "In doubt"], ["ending", "Ending"], ["finished", "Finished"]];
/** After a minute in doubt somebody should look; the bar is full then. */
const PRESSING_MS = 60_000;

export function transactionsPage(context) {
  let rows = null;
  let text = "";
  let state = context.query.get("state") ?? "all";

  const load = async () => {
    rows = (await context.get(`transactions?state=${state}&limit=300`)).transactions;
    context.draw();
  };
  const matches = (one) => {
    const wanted = text.trim().toLowerCase();
    const words = [one.name, one.client?.user, one.client?.protocol, one.state, one.why, ...one.branches.map((branch) => branch.backend)];
    return !wanted || words.some((word) => word?.toLowerCase().includes(wanted));
  };

  function ageCell(one) {
    if (one.state !== "in_doubt" && one.state !== "ending") return h("span.dim", null, clock(one.begun_wall_ms));
    const part = Math.min(1, context.ageMs(one) / PRESSING_MS);
    return h("span.agecell", null, h("span", null, context.age(one)), h("span.agebar", { "aria-hidden": "true" }, h(`i.${one.state}`, { style: { width: `${Math.round(part * 100)}%` } })));
  }

  const branches = (one) => h("span.branches", null, one.branches.map((branch) => {
    const [word, kind] = branchState(branch, one);
    return h("span.branch", { title: `${branch.backend}: ${word}` }, chip([h("span", null, h("b", null, branch.backend), kind === "good" ? " ✓" : ` ${word.toLowerCase()}`, kind === "good" && h("span.unseen", null, word)), kind]));
  }));

  const columns = [
    { title: "State", cell: (one) => chip(stateOf(one)) },
    { title: "Transaction", cell: (one) => h("a", { href: href(one.name), title: one.name }, h("code", null, h("span.dim", null, one.name.slice(0, -short(one.name).length)), short(one.name))) },
    { title: "For, or begun", cell: ageCell },
    { title: "Decision", cell: (one) => (one.decision ? one.decision.toUpperCase() : h("span.dim", null, "none")) },
    { title: "Branches", cell: branches },
    { title: "Client", cell: (one) => (one.client ? `${one.client.user} (${one.client.protocol})` : h("span.dim", null, "gone")) },
    { title: "Why", cell: (one) => h("span", { title: one.why ?? "" }, one.why ?? ""), kind: "why.line" },
  ];

  return {
    title: "Transactions",
    every: 2000,
    load,
    changed: load,
    view() {
      const shown = (rows ?? []).filter(matches);
      const choose = ([name, word]) => h("button", {
        type: "button", "aria-pressed": String(state === name),
        onclick: () => { state = name; rows = null; context.draw(); load().catch(context.failed); },
      }, word, name === "in_doubt" && context.status?.in_doubt ? h("b.badge.warn", null, count(context.status.in_doubt)) : null);
      return h("div.page", null,
        h("div.toolbar", null, h("h1", null, "Transactions"), h("div.segmented", { role: "group", "aria-label": "Which" }, FILTERS.map(choose)),
          h("label.search", null, h("span.unseen", null, "Filter by name, user, database or reason"),
            h("input", { type: "search", id: "filter", placeholder: "Filter: name, user, database, reason   /", oninput: (event) => { text = event.target.value; context.draw(); } })),
          h("span.aside", null, rows ? `${count(shown.length)} shown` : "")),
        rows === null ? h("p.empty", null, "Loading …") : table("Transactions", columns, shown, {
          key: (one) => one.name, rowClass: (one) => `state-${one.state}`,
          empty: text ? `No transaction matches “${text}”.` : state === "in_doubt" ? "Nothing is in doubt. Every decided transaction is committed on all of its databases." : "No transactions here yet." }));
    },
  };
}
