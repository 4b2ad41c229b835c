// A transaction's timeline: a lane for the decision, a lane for each branch. Its events are 0.1 ms or hours apart, so the axis gives each
// pause the room of its logarithm; the times themselves stand below.

import { h, s } from "./dom.js";
import { span, STATES } from "./format.js";

const [LABEL, RIGHT, LANE, TOP] = [150, 34, 44, 12];

/** What holds on a branch after an event. */
const AFTER = {
  "prepare sent": "asked", prepared: "prepared", refused: "ended", committed: "committed", "rolled back": "ended", settled: "committed",
};
const MARKS = { "prepare sent": "→", prepared: "✓", refused: "✕", decided: "◆", committed: "✓", "rolled back": "↩", failed: "✕", settled: "✓" };
const KINDS = { failed: "bad", refused: "bad", committed: "good", settled: "good", decided: "decision", "rolled back": "dim", prepared: "warn", "prepare sent": "busy" };

function scale(times, width) {
  const weights = times.slice(1).map((time, at) => 1 + Math.log10(1 + (time - times[at]) * 10));
  const whole = weights.reduce((sum, one) => sum + one, 0) || 1;
  const places = new Map([[times[0], LABEL + 14]]);
  let sum = 0;
  weights.forEach((weight, at) => {
    sum += weight;
    places.set(times[at + 1], LABEL + 14 + ((width - LABEL - RIGHT - 14) * sum) / whole);
  });
  return (time) => places.get(time);
}

export function lanes(transaction, nowMs, width) {
  const running = transaction.state === "in_doubt" || transaction.state === "ending";
  const events = [...transaction.timeline].sort((one, other) => one.at_ms - other.at_ms);
  if (!events.length) return h("p.empty", null, "Its steps are not known here: it is from before the last start.");
  const end = running ? Math.max(nowMs, events.at(-1).at_ms) : events.at(-1).at_ms;
  const times = [...new Set([0, ...events.map((event) => event.at_ms), end])].sort((one, other) => one - other);
  const x = scale(times, width);
  const names = [null, ...transaction.branches.map((branch) => branch.backend)];
  const floor = TOP + names.length * LANE;
  const layer = [];
  names.forEach((backend, row) => layer.push(...lane(backend, row, transaction, events, x, end, running, width)));
  layer.push(...timeLabels(times, x, floor, running ? end : null));
  return s("svg.lanes", { width, height: floor + 26, role: "img",
    "aria-label": events.map((event) => `${span(event.at_ms)} ${event.what} ${event.backend ?? ""}`.trim()).join("; ") }, layer);
}

function lane(backend, row, transaction, events, x, end, running, width) {
  const y = TOP + row * LANE + LANE / 2;
  const own = events.filter((event) => (event.backend ?? null) === backend);
  const out = [s("line.rail", { x1: LABEL, x2: width - RIGHT, y1: y, y2: y })];
  out.push(s("text.name", { x: 0, y: y - 2 }, backend ?? "decision"));
  const branch = transaction.branches.find((one) => one.backend === backend);
  out.push(s("text.below", { x: 0, y: y + 13 }, branch ? STATES[branch.state]?.[0] ?? branch.state : transaction.decision ? `${transaction.decision}, in the journal` : "none: rolls back"));
  // What was found at a start was prepared before; nobody here saw when.
  const found = events[0].what === "decided" && events[0].at_ms === 0;
  let [from, holds] = [x(0), !backend ? "idle" : found ? "prepared" : "open"];
  const bar = (to, over) => {
    if (holds !== "idle" && holds !== "ended" && to > from) out.push(s(`rect.span.${holds}${over ? ".going" : ""}`, { x: from, y: y - 6, width: to - from, height: 12, rx: 3 }));
  };
  for (const event of own) {
    const next = backend ? AFTER[event.what] : event.what === "decided" ? "decided" : event.what === "settled" ? "ended" : undefined;
    if (!next) continue;
    bar(x(event.at_ms));
    [from, holds] = [x(event.at_ms), next];
  }
  if (holds === "committed") holds = "ended";
  bar(x(end), running);
  // Events of the same kind at the same place would hide each other; later ones lie on top.
  for (const event of own) {
    const kind = KINDS[event.what] ?? "busy";
    const at = x(event.at_ms);
    out.push(s(`g.mark.${kind}`, null, s("circle", { cx: at, cy: y, r: 9 }), s("text", { x: at, y: y + 4, "text-anchor": "middle" }, MARKS[event.what] ?? "•"),
      s("title", null, `${span(event.at_ms)}: ${event.what}${event.backend ? ` on ${event.backend}` : ""}${event.detail ? `. ${event.detail}` : ""}`)));
  }
  return out;
}

function timeLabels(times, x, floor, now) {
  const out = [];
  let free = -1e9;
  const last = times.at(-1);
  for (const time of times) {
    const at = x(time);
    if (time !== last && (at < free || x(last) - at < 52)) continue;
    out.push(s("line.grid.short", { x1: at, x2: at, y1: floor, y2: floor + 5 }));
    out.push(s("text.tick", { x: at, y: floor + 18, "text-anchor": "middle" }, time === 0 ? "begun" : time === now ? `now, ${span(time)}` : span(time)));
    free = at + 52;
  }
  return out;
}
