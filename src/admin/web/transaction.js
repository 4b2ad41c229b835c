// One transaction: what happened, what happens next, what can be done by hand.

import { copyButton, h, panel, refusal, table } from "./dom.js";
import { clock, short, span } from "./format.js";
import { lanes } from "./lanes.js";
import { branchState, chip, stateOf } from "./transactions.js";

export function transactionPage(context, name) {
  let transaction = null;
  let missing = null;
  const form = { outcome: "commit", who: sessionStorage.getItem("handfast-who") ?? "", typed: "", force: false, offerForce: false, problem: null, busy: false, done: null };
  const running = () => transaction.state === "in_doubt" || transaction.state === "ending";

  const load = async () => {
    try {
      transaction = await context.get(`transactions/${encodeURIComponent(name)}`);
      missing = null;
    } catch (problem) {
      if (problem.status !== 404) throw problem;
      missing = problem;
    }
    context.draw();
  };

  async function resolve(event) {
    event.preventDefault();
    Object.assign(form, { busy: true, problem: null });
    context.draw();
    sessionStorage.setItem("handfast-who", form.who);
    try {
      transaction = await context.post(`transactions/${encodeURIComponent(name)}/resolve`, { outcome: form.outcome, force: form.force, who: form.who });
      form.done = form.outcome;
    } catch (problem) {
      form.problem = problem;
      // Only a refusal that was read may be overridden.
      form.offerForce = problem.status === 409;
    }
    form.busy = false;
    context.draw();
  }

  function facts() {
    const fact = (label, value) => h("div", null, h("dt", null, label), h("dd", null, value));
    return h("dl.facts", null,
      fact("Decision", transaction.decision ? `${transaction.decision.toUpperCase()} at ${clock(transaction.decided_wall_ms)}` : "none"),
      fact("Begun", clock(transaction.begun_wall_ms)),
      fact(running() ? "Age" : "Took", running() ? context.age(transaction) : span(transaction.timeline.at(-1)?.at_ms ?? transaction.age_ms)),
      transaction.traceparent && fact("Trace", h("span.copyable", null, h("code", null, transaction.traceparent.split("-")[1] ?? transaction.traceparent), " ", copyButton(transaction.traceparent, "the trace context"))),
      fact("Client", transaction.client ? `${transaction.client.user}, ${transaction.client.protocol}` : "gone"));
  }

  function whatNow() {
    const [, kind] = stateOf(transaction);
    const byHand = transaction.branches.filter((branch) => branch.by_hand);
    return panel("What now", null,
      h(`div.callout.${kind}`, null, transaction.why && h("p", null, h("b", null, "Why: "), transaction.why), h("p", null, h("b", null, "Next: "), transaction.next)),
      byHand.length > 0 && h("div.byhand", null,
        h("p", null, "By hand, if Handfast cannot get there. Type it on the database itself, logged in as Handfast's own user:"),
        byHand.map((branch) => h("div.copyable", { "data-key": `${branch.backend} ${branch.place}` }, h("span.on", null, `on ${branch.backend}`), h("code", null, branch.by_hand), copyButton(branch.by_hand, `the statement for ${branch.backend}`)))));
  }

  const columns = [
    { title: "Database", cell: (branch) => h("b", null, branch.backend) },
    { title: "State", cell: (branch) => chip(branchState(branch, transaction)) },
    { title: "Name there", cell: (branch) => h("code", null, branch.name), kind: "name" },
    { title: "Problem", cell: (branch) => branch.problem ?? "", kind: "why" },
    { title: "Tried", num: true, cell: (branch) => branch.attempts || "" },
    { title: "Session", num: true, cell: (branch) => branch.session ?? "" },
  ];
  const steps = [
    { title: "After", num: true, cell: (event) => span(event.at_ms) },
    { title: "What", cell: (event) => event.what },
    { title: "Where", cell: (event) => event.backend ?? "Handfast" },
    { title: "Detail", cell: (event) => event.detail ?? "", kind: "why" },
  ];

  function resolving() {
    const wanted = `${form.outcome} ${name.split(".").pop()}`;
    const choice = (value, word, means) => h("label.choice", null,
      h("input", { type: "radio", name: "outcome", value, checked: form.outcome === value, onchange: () => { Object.assign(form, { outcome: value, problem: null, offerForce: false, force: false }); context.draw(); } }),
      h("span", null, h("b", null, word), h("small", null, means)));
    const ready = form.typed.trim() === wanted && form.who.trim() && !form.busy;
    return panel("Resolve by hand", h("span.aside", null, "Rarely needed: Handfast finishes it by itself"),
      h("form.resolve", { onsubmit: resolve, autocomplete: "off" },
        h("fieldset", null, h("legend", null, "Outcome on every database that has not finished"),
          choice("commit", "Commit", transaction.decision === "commit" ? "what was decided; tried again at once" : "refused unless it was decided"),
          choice("rollback", "Roll back", transaction.decision === "commit" ? "against the decision; refused, because it leaves the transaction half done" : "what happens without a decision")),
        form.offerForce && h("label.choice.force", null,
          h("input", { type: "checkbox", id: "force", checked: form.force, onchange: (event) => { form.force = event.target.checked; context.draw(); } }),
          h("span", null, h("b", null, "Do it all the same"), h("small", null, "What somebody else has ended counts as you say, and the journal keeps your name. A database that only does not answer is not given up by this."))),
        h("div.fields", null,
          h("label", null, "Your name, for the record", h("input", { id: "who", required: true, value: form.who, oninput: (event) => { form.who = event.target.value; context.draw(); } })),
          h("label", null, h("span", null, "To confirm, type ", h("code", null, wanted)), h("input", { id: "confirm", spellcheck: "false", oninput: (event) => { form.typed = event.target.value; context.draw(); } })),
          h(`button.${form.force ? "danger" : "primary"}`, { type: "submit", id: "resolve", disabled: !ready }, form.busy ? "Asking …" : form.outcome === "commit" ? "Commit now" : "Roll back now")),
        form.problem && refusal(form.problem, "Refused")));
  }

  return {
    title: `Transaction ${short(name)}`,
    nav: "transactions",
    every: 2000,
    load,
    changed: load,
    view() {
      const back = h("a.back", { href: "#/transactions" }, "← Transactions");
      if (missing) return h("div.page", null, back, refusal(missing, "Not known"));
      if (!transaction) return h("div.page", null, back, h("p.empty", null, "Loading …"));
      return h("div.page", null, back,
        h("div.toolbar.copyable", null, h("h1", null, h("code", null, name)), chip(stateOf(transaction)), copyButton(name, "the name")),
        form.done && !running() && h("p.callout.good", { role: "status" }, `Done: ${form.done === "commit" ? "committed" : "rolled back"}, recorded with the name ${form.who}.`),
        form.done && running() && h("p.callout.warn", { role: "status" }, "Handfast tried at once, and it is still in doubt; why stands below. It goes on trying."),
        facts(), whatNow(),
        panel("What happened", h("span.aside", null, "time runs to the right, long pauses are shortened"), lanes(transaction, context.ageMs(transaction), context.width(1))),
        panel("Branches", null, table("Branches", columns, transaction.branches, { key: (branch) => `${branch.backend} ${branch.place}`, empty: "None." })),
        running() && resolving(),
        panel("Steps", null, table("Steps", steps, transaction.timeline.map((event, at) => ({ ...event, at })), { key: (event) => String(event.at), empty: "Not known here: it is from before the last start." })));
    },
  };
}
