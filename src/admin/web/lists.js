// Pages that are mostly one list: strangers, journal, settings.

import { h, panel, refusal, table } from "./dom.js";
import { bytes, count, plural, seconds, span } from "./format.js";
import { plot } from "./plot.js";
import { chip } from "./transactions.js";

export const heading = (title, aside, ...more) => h("div.toolbar", null, h("h1", null, title), h("span.aside", null, aside), more);
export const loading = () => h("p.empty", null, "Loading …");

export function strangersPage(context) {
  let rows = null;
  const columns = [
    { title: "Database", cell: (one) => h("b", null, one.backend) },
    { title: "Branch", cell: (one) => h("code", null, one.name), kind: "name" },
    { title: "Whose", cell: (one) => chip([one.owner, one.owner === "other cluster" ? "dim" : "warn"]) },
    { title: "Age", num: true, cell: (one) => (one.age_s === null || one.age_s === undefined ? "–" : seconds(one.age_s)) },
    { title: "Advice", cell: (one) => one.advice, kind: "why" },
  ];
  return {
    title: "Strangers",
    every: 5000,
    async load() { rows = (await context.get("strangers")).strangers; context.draw(); },
    view: () => h("div.page", null, heading("Strangers", "prepared branches on the databases that this journal knows nothing of; they hold locks until somebody ends them. Handfast never touches them."),
      rows ? table("Strangers", columns, rows, { key: (one) => `${one.backend} ${one.name}`, empty: "No strangers: every prepared branch on every database is known here." }) : loading()),
  };
}

export function journalPage(context) {
  let journal = null;
  let samples = null;
  const pointer = { at: null, moved: () => context.draw() };
  const fact = (label, ...value) => h("div", null, h("dt", null, label), h("dd", null, value));
  return {
    title: "Journal",
    every: 3000,
    async load() { [journal, samples] = await Promise.all([context.get("journal"), context.get("samples")]); context.draw(); },
    view() {
      if (!journal) return h("div.page", null, heading("Journal", ""), loading());
      const { recovery, records, sync } = journal;
      const found = recovery.found ?? 0;
      return h("div.page", null, heading("Journal", "where decisions are kept; a commit is told to a client only after its decision is on disk"),
        h("dl.facts", null, fact("Folder", h("code", null, journal.path)), fact("Segments", `${count(journal.segments)}, ${bytes(journal.bytes)}`),
          fact("Not settled yet", count(records.unsettled)), fact("Kept for a while", count(records.kept)),
          fact("Syncs", `${count(sync.count)}, mean ${span(sync.mean_ms)}, last ${span(sync.last_ms)}`)),
        panel("Last start", null, h("p.plain", null, found ? `${plural(found, "unfinished transaction")} found: ${count(recovery.committed)} committed, ${count(recovery.rolled_back)} rolled back, in ${span(recovery.took_ms)}.` : `Nothing was unfinished${recovery.took_ms === null || recovery.took_ms === undefined ? "" : `; looking took ${span(recovery.took_ms)}`}.`)),
        plot({ title: "Time of a sync", unit: "ms", width: context.width(1), from: samples.from_wall_ms, every: samples.every_ms, pointer, series: [{ name: "sync", kind: "sync", values: samples.series.sync_ms ?? [] }] }));
    },
  };
}

export function settingsPage(context) {
  let rows = null;
  let text = "";
  let changes = null;
  let problem = null;
  async function reload() {
    changes = problem = null;
    try { changes = (await context.post("reload")).changes; await page.load(); } catch (refused) { problem = refused; }
    context.draw();
  }
  const columns = [
    { title: "Key", cell: (one) => h("code", null, one.key) },
    { title: "Value", cell: (one) => h("code", null, String(one.value)), kind: "name" },
    { title: "From", cell: (one) => one.origin },
  ];
  const changed = [
    { title: "Key", cell: (one) => h("code", null, one.key) }, { title: "Was", cell: (one) => String(one.from ?? "–") },
    { title: "Is", cell: (one) => String(one.to ?? "–") }, { title: "Applies to", cell: (one) => one.applies },
  ];
  const page = {
    title: "Settings",
    every: 15000,
    async load() { rows = (await context.get("config")).values; context.draw(); },
    view() {
      const shown = (rows ?? []).filter((one) => `${one.key} ${one.value} ${one.origin}`.toLowerCase().includes(text.toLowerCase()));
      return h("div.page", null, heading("Settings", "secrets are not shown",
        h("label.search", null, h("span.unseen", null, "Filter settings"), h("input", { type: "search", id: "filter", placeholder: "Filter   /", oninput: (event) => { text = event.target.value; context.draw(); } })),
        h("button", { type: "button", onclick: reload }, "Read the file again")),
      problem && refusal(problem, "Kept as it was"),
      changes && panel("Changed", null, table("Changed", changed, changes, { key: (one) => one.key, empty: "The file says what was in force already." })),
      rows ? table("Settings", columns, shown, { key: (one) => one.key, empty: "No setting matches." }) : loading());
    },
  };
  return page;
}

