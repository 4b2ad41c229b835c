// The landing page: is everything whole? If not: what, why, what next.

import { h, panel } from "./dom.js";
import { count, figure, plural, seconds, STATES } from "./format.js";
import { plot, spark } from "./plot.js";
import { topology } from "./topology.js";
import { chip, stateOf } from "./transactions.js";

/** "good", "warn" or "bad", and the word for it, of a status. */
export function verdict(status) {
  if (!status) return ["busy", "…"];
  if (status.backends_down?.length) return ["bad", status.in_doubt ? "In doubt, database down" : "Database down"];
  if (status.in_doubt > 0) return ["warn", "In doubt"];
  if (status.state !== "ready") return ["busy", status.state === "draining" ? "Draining" : "Starting"];
  return ["good", "All whole"];
}

export const GLYPHS = { good: "✓", warn: "!", bad: "✕", busy: "…" };

const last = (values, seconds) => {
  const part = (values ?? []).slice(-seconds).filter((value) => value !== null);
  return part.length ? part.reduce((sum, value) => sum + value, 0) / part.length : null;
};

export function nowPage(context) {
  let samples = null;
  let backends = [];
  let doubtful = [];
  let quantile = "p50";
  const pointer = { at: null, moved: () => context.draw() };

  const load = async () => {
    const [one, two] = await Promise.all([context.get("samples"), context.get("backends")]);
    samples = one;
    backends = two.backends;
    context.draw();
  };
  const loadDoubtful = async () => {
    doubtful = (await context.get("transactions?state=in_doubt&limit=5")).transactions;
    context.draw();
  };

  function hero(status) {
    const [kind, word] = verdict(status);
    return h(`section.hero.${kind}`, { "aria-label": "State" },
      h("span.glyph", { "aria-hidden": "true" }, GLYPHS[kind]),
      h("div", null, kind !== "good" && h("p.word", null, word), h("p.sentence", null, status.sentence),
        doubtful.length > 0 && status.in_doubt > 0 && h("ul.doubtful", null, doubtful.slice(0, 3).map((one) => h("li", { "data-key": one.name },
          chip(one.branches.some((branch) => branch.state === "heuristic") ? STATES.heuristic : stateOf(one)), h("a", { href: `#/transactions/${encodeURIComponent(one.name)}` }, h("code", null, one.name)),
          h("span.age", null, context.age(one)), h("span.next", null, one.next)))),
        status.in_doubt > 3 && h("p.more", null, h("a", { href: "#/transactions?state=in_doubt" }, `All ${count(status.in_doubt)} of them`))));
  }

  function numbers(status) {
    const series = samples?.series ?? {};
    const total = (series.commits ?? []).reduce((sum, value) => sum + value, 0);
    const phased = (series.two_phase ?? []).reduce((sum, value) => sum + value, 0);
    const tile = (name, value, unit, below, kind, values) => h(`div.tile.${kind}`, null,
      h("p.label", null, name), h("p.value", null, value, unit && h("small", null, ` ${unit}`)), h("p.below", null, below), values && spark(values, kind === "warn" ? "doubt" : kind));
    return h("section.tiles", { "aria-label": "In numbers" },
      tile("Commits", figure(last(series.commits, 10)), "/s", `${count(status.committed_total)} since the start, ${count(status.rolled_back_total)} rolled back`, "commits", series.commits ?? []),
      tile("Two-phase", total ? `${Math.round((100 * phased) / total)}` : "–", total ? "%" : "", `of the commits shown below; ${count(status.two_phase_total)} since the start`, "two", series.two_phase ?? []),
      tile("p99 of COMMIT", figure(status.p99_commit_ms), "ms", "from the client's COMMIT to its answer", "prepare", series.prepare_ms_p99 ?? []),
      tile("In doubt", count(status.in_doubt), "", status.in_doubt ? `the oldest for ${seconds(status.oldest_in_doubt_s)}` : "decided, and not yet committed everywhere", status.in_doubt ? "warn" : "calm", status.in_doubt ? series.in_doubt ?? [] : null));
  }

  function plots() {
    if (!samples) return h("div.plots");
    const { series, every_ms: every, from_wall_ms: from } = samples;
    const width = context.width(2);
    const of = (name) => series[name] ?? [];
    const choose = (name, word) => h("button", { type: "button", "aria-pressed": String(quantile === name), onclick: () => { quantile = name; context.draw(); } }, word);
    const common = { width, from, every, pointer, marks: of("in_doubt"), marksName: "in doubt" };
    return h("div.plots", null,
      plot({ ...common, title: "Where a commit's time goes", unit: "ms", extra: h("div.segmented", { role: "group", "aria-label": "Quantile" }, choose("p50", "median"), choose("p99", "p99")), series: [
        { name: "prepare", kind: "prepare", values: of(`prepare_ms_${quantile}`) },
        { name: "journal sync", kind: "sync", values: of("sync_ms") },
        { name: "commit", kind: "finish", values: of(`finish_ms_${quantile}`) }] }),
      plot({ ...common, title: "Transactions", unit: "per second", series: [
        { name: "committed", kind: "commits", values: of("commits"), line: true },
        { name: "two-phase", kind: "two", values: of("two_phase"), line: true },
        { name: "rolled back", kind: "rolled", values: of("rollbacks"), line: true }] }));
  }

  return {
    title: "Now",
    every: 3000,
    load,
    opened: loadDoubtful,
    changed: () => Promise.all([load(), loadDoubtful()]),
    view() {
      const { status } = context;
      if (!status) return h("p.empty", null, "Asking Handfast how it is …");
      return h("div.page", null, hero(status), numbers(status), plots(),
        panel("Who is connected", h("span.aside", null, status.backends_down?.length ? `${plural(status.backends_down.length, "database")} down: ${status.backends_down.join(", ")}` : ""), topology(status, backends)));
    },
  };
}
