// Plots of the last minutes, as SVG. All plots of a page share one pointer, so that the same second is read in each.

import { h, s } from "./dom.js";
import { figure, minute, clock } from "./format.js";

const HEIGHT = 168;
const [LEFT, RIGHT, TOP, BOTTOM] = [40, 8, 10, 22];

/** A round number at or above `value`, to end an axis with. */
function ceiling(value) {
  if (!(value > 0)) return 1;
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((step) => step * unit).find((step) => step >= value * 0.999);
}

/** Neighbouring samples drawn as one where there are more of them than pixels: their largest, so that no peak is lost. */
function thin(values, buckets) {
  if (values.length <= buckets) return values;
  const out = [];
  for (let bucket = 0; bucket < buckets; bucket += 1) {
    const from = Math.floor((bucket * values.length) / buckets);
    const part = values.slice(from, Math.floor(((bucket + 1) * values.length) / buckets)).filter((value) => value !== null);
    out.push(part.length ? Math.max(...part) : null);
  }
  return out;
}

function path(points) {
  let text = "";
  let open = false;
  for (const [x, y] of points) {
    if (y !== null) text += `${open ? "L" : "M"}${x} ${y}`;
    open = y !== null;
  }
  return text;
}

/**
 * A plot. `series`: [{name, kind (colour), values, line}], stacked in their order unless `line`; `marks`: numbers, where above 0 the
 * background is marked (`marksName`); `from` and `every` in ms; `pointer`: {at: 0..1 or null, moved()} shared by the plots of a page.
 */
export function plot({ title, unit, width, from, every, series, marks, marksName, pointer, extra, note }) {
  const inner = Math.max(80, width - LEFT - RIGHT);
  const buckets = Math.min(300, Math.floor(inner / 2));
  const samples = Math.max(0, ...series.map((one) => one.values.length));
  const drawn = series.map((one) => ({ ...one, thin: thin(one.values, buckets) }));
  const points = Math.max(0, ...drawn.map((one) => one.thin.length));
  const sums = new Array(points).fill(0);
  for (const one of drawn) {
    one.base = sums.slice();
    one.top = one.thin.map((value, at) => {
      if (one.line || value === null) return value;
      sums[at] += value;
      return sums[at];
    });
  }
  const most = ceiling(Math.max(0.0001, ...drawn.flatMap((one) => one.top.filter((value) => value !== null))));
  const round = (value) => Math.round(value * 10) / 10;
  const x = (at) => round(LEFT + (points > 1 ? (at * inner) / (points - 1) : inner));
  const y = (value) => round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / most));
  const floor = y(0);
  const layer = [];
  const marked = marks ? thin(marks, buckets) : [];
  for (let at = 0; at < marked.length; at += 1) {
    const start = at;
    while (at < marked.length && marked[at] > 0) at += 1;
    if (at > start) layer.push(s("rect.marked", { x: x(start), y: TOP, width: Math.max(2, x(at - 1) - x(start)), height: floor - TOP }));
  }
  for (const part of [0, 0.5, 1]) {
    const at = y(most * part);
    layer.push(s("line.grid", { x1: LEFT, x2: LEFT + inner, y1: at, y2: at }));
    layer.push(s("text.tick", { x: LEFT - 6, y: at + 3.5, "text-anchor": "end" }, figure(most * part)));
  }
  layer.push(...timeTicks(from, every, samples, inner));
  for (const one of drawn) {
    const line = one.top.map((value, at) => [x(at), value === null ? null : y(value)]);
    const places = new Map(line.map(([left], at) => [left, y(one.base[at])]));
    if (!one.line) layer.push(s(`path.area.${one.kind}`, { d: areaPath(line, places) }));
    layer.push(s(`path.line.${one.kind}`, { d: path(line) }));
  }
  const at = pointer.at === null || !points ? null : Math.round(pointer.at * (samples - 1));
  if (at !== null) {
    const left = round(LEFT + pointer.at * inner);
    layer.push(s("line.pointer", { x1: left, x2: left, y1: TOP, y2: floor }));
  }
  const moved = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    const place = (event.clientX - box.left - LEFT) / inner;
    pointer.at = place >= 0 && place <= 1 ? place : null;
    pointer.moved();
  };
  const latest = (one) => one.values[at ?? one.values.length - 1];
  const legend = h("div.legend", null,
    h("span.when", null, at === null ? "now" : clock(from + at * every)),
    series.map((one) => h("span", null, h(`i.${one.kind}`), `${one.name} `, h("b", null, figure(latest(one))))),
    marked.some((value) => value > 0) && h("span", null, h("i.marks"), marksName));
  return h("section.panel.plot", { "aria-label": title },
    h("div.head", null, h("h2", null, title, h("small", null, unit)), extra),
    samples < 2
      ? h("p.empty", null, "The first samples come in a moment.")
      : s("svg", { width, height: HEIGHT, role: "img", onpointermove: moved, onpointerleave: () => { pointer.at = null; pointer.moved(); },
          "aria-label": `${title}, ${unit}: ${series.map((one) => `${one.name} ${figure(one.values.at(-1))}`).join(", ")}` }, layer),
    samples >= 2 && legend, note && h("p.note", null, note));
}

/** The area between a stacked line and the one below it; gaps stay gaps. */
function areaPath(line, places) {
  let text = "";
  let run = [];
  const close = () => {
    if (run.length) text += `M${run.map(([x, y]) => `${x} ${y}`).join("L")}L${[...run].reverse().map(([x]) => `${x} ${places.get(x)}`).join("L")}Z`;
    run = [];
  };
  for (const [x, y] of line) {
    if (y === null) close();
    else run.push([x, y]);
  }
  close();
  return text;
}

function timeTicks(from, every, samples, inner) {
  const whole = every * Math.max(1, samples - 1);
  const step = [60e3, 180e3, 300e3].find((one) => whole / one <= inner / 80) ?? 300e3;
  const out = [];
  for (let at = Math.ceil(from / step) * step; at <= from + whole; at += step) {
    const left = LEFT + ((at - from) * inner) / whole;
    if (left < LEFT + 14 || left > LEFT + inner - 12) continue;
    out.push(s("line.grid.short", { x1: left, x2: left, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM + 4 }));
    out.push(s("text.tick", { x: left, y: HEIGHT - 5, "text-anchor": "middle" }, minute(at)));
  }
  return out;
}

/** A line without axes, for a number's recent past. */
export function spark(values, kind) {
  const thinned = thin(values.slice(-300), 90);
  const most = Math.max(0.0001, ...thinned.filter((value) => value !== null));
  const points = thinned.map((value, at) => [Math.round((at * 1000) / Math.max(1, thinned.length - 1)) / 10, value === null ? null : Math.round((1 - value / most) * 240) / 10 + 2]);
  return s("svg.spark", { viewBox: "0 0 100 28", preserveAspectRatio: "none", "aria-hidden": "true" }, s(`path.line.${kind}`, { d: path(points) }));
}
