// Who is connected, what each is doing, and the end of a session by hand.

import { h, refusal, table } from "./dom.js";
import { count, plural, seconds, short } from "./format.js";
import { heading, loading } from "./lists.js";
import { chip, href } from "./transactions.js";

/** What a client is doing: its mark, its place in the list, and what it means. */
const STATES = {
  waiting: ["warn", 0, "the pool is full, the database is paused or does not answer, or a commit there is not finished"],
  committing: ["busy", 1, "its transaction is ending"],
  running: ["good", 2, "a statement"],
  "in transaction": ["busy", 3, "Handfast waits for its next statement"],
  idle: ["dim", 4, "Handfast waits for it"],
};
/** A transaction that rests for longer holds locks that others may wait for. */
const RESTING_S = 60;
const SHOWN_MAX = 300;

export function clientsPage(context) {
  let rows = null;
  let text = "";
  let asking = null;
  let problem = null;
  const keyOf = (one) => `${one.protocol}/${one.id}`;
  const kindOf = (one) => (one.state === "in transaction" && one.state_s > RESTING_S ? "warn" : STATES[one.state]?.[0] ?? "dim");
  async function kill(one) {
    asking = problem = null;
    try {
      await context.post(`clients/${encodeURIComponent(one.protocol)}/${encodeURIComponent(one.id)}/kill`);
      await page.load();
    } catch (refused) { problem = refused; }
    context.draw();
  }
  const killCell = (one) => (asking === keyOf(one)
    ? h("span.ask", { "data-key": "ask" }, h("button.danger", { type: "button", title: "What is open is rolled back; a COMMIT that has begun is finished", onclick: () => kill(one) }, `Yes, end ${one.id}`), " ",
      h("button", { type: "button", onclick: () => { asking = null; context.draw(); } }, "No"))
    : h("button.quiet", { type: "button", "data-key": "end", "aria-label": `End session ${one.id}`, onclick: () => { asking = keyOf(one); context.draw(); } }, "End …"));
  // Before its COMMIT a transaction has no page: nothing of it is prepared anywhere.
  const transactionCell = (one) => {
    if (!one.transaction) return "";
    const name = h("code", { title: one.transaction }, `… ${short(one.transaction)}`);
    return one.state === "committing" ? h("a", { href: href(one.transaction) }, name) : name;
  };
  const columns = [
    { title: "Session", num: true, cell: (one) => h("code", null, one.id) },
    { title: "State", cell: (one) => h("span", { title: STATES[one.state]?.[2] }, chip([one.state, kindOf(one)])) },
    { title: "For", num: true, cell: (one) => seconds(one.state_s) },
    { title: "User", cell: (one) => h("span", null, h("b", null, one.user), h("span.dim", null, ` ${one.protocol}`)) },
    { title: "From", cell: (one) => h("code", null, one.address) },
    { title: "Connected", num: true, cell: (one) => seconds(one.connected_s) },
    { title: "Statements", num: true, cell: (one) => count(one.statements) },
    { title: "Databases", cell: (one) => one.backends.join(", ") || h("span.dim", null, "none") },
    { title: "Transaction", cell: transactionCell },
    { title: "", cell: killCell },
  ];
  const inWords = () => Object.keys(STATES).map((state) => [rows.filter((one) => one.state === state).length, state]).filter(([number]) => number).map(([number, state]) => `${count(number)} ${state}`).join(", ");
  const page = {
    title: "Clients",
    every: 2000,
    async load() { rows = (await context.get("clients")).clients; context.draw(); },
    view() {
      if (!rows) return h("div.page", null, heading("Clients", ""), loading());
      const wanted = text.trim().toLowerCase();
      const matching = rows.filter((one) => `${one.id} ${one.state} ${one.user} ${one.protocol} ${one.address} ${one.backends} ${one.transaction ?? ""}`.toLowerCase().includes(wanted));
      matching.sort((a, b) => (STATES[a.state]?.[1] ?? 9) - (STATES[b.state]?.[1] ?? 9) || b.state_s - a.state_s);
      return h("div.page", null,
        heading("Clients", rows.length ? `${plural(rows.length, "session")}: ${inWords()}` : "",
          h("label.search", null, h("span.unseen", null, "Filter by user, address, state, database"), h("input", { type: "search", id: "filter", placeholder: "Filter: user, address, state, database   /", oninput: (event) => { text = event.target.value; context.draw(); } }))),
        problem && refusal(problem, "Refused"),
        table("Clients", columns, matching.slice(0, SHOWN_MAX), { key: keyOf, rowClass: (one) => `client-${kindOf(one)}`,
          empty: wanted ? `No client matches “${text}”.` : "Nobody is connected. Applications connect to the addresses under listen in the settings." }),
        matching.length > SHOWN_MAX && h("p.note", null, `And ${count(matching.length - SHOWN_MAX)} more: the filter finds them.`));
    },
  };
  return page;
}
