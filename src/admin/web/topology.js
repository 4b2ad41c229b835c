// Who is connected to whom: clients → Handfast → backends. An edge's width is the connections at work on it, its dash and colour the state.

import { s } from "./dom.js";
import { count, plural, version } from "./format.js";

const WIDTH = 1000;
const [BOX, ROW] = [46, 62];

function edge(from, to, width, kind, title) {
  const middle = (from[0] + to[0]) / 2;
  return s(`path.edge.${kind}`, { d: `M${from[0]} ${from[1]}C${middle} ${from[1]} ${middle} ${to[1]} ${to[0]} ${to[1]}`, "stroke-width": width }, s("title", null, title));
}

function box(x, y, width, kind, name, below, aside) {
  return s(`g.box.${kind}`, null,
    s("rect", { x, y: y - BOX / 2, width, height: BOX, rx: 6 }),
    s("rect.side", { x, y: y - BOX / 2, width: 4, height: BOX, rx: 2 }),
    s("text.name", { x: x + 16, y: y - 4 }, name),
    s("text.below", { x: x + 16, y: y + 13 }, below),
    aside && s("text.aside", { x: x + width - 12, y: y - 4, "text-anchor": "end" }, aside));
}

/** A backend's state in a word, and its kind. The most pressing one wins. */
export function backendState(backend) {
  if (!backend.up) return ["Down", "bad"];
  if (backend.paused) return ["Paused", "warn"];
  if (backend.in_doubt > 0) return ["In doubt", "warn"];
  return ["Up", "good"];
}

const thick = (connections) => 1.5 + Math.min(7, Math.sqrt(Math.max(0, connections)) * 1.4);

export function topology(status, backends) {
  const clients = Object.entries(status.clients ?? {}).map(([protocol, sessions]) => ({ protocol, sessions }));
  const rows = Math.max(clients.length, backends.length, 1);
  const height = rows * ROW + 16;
  const place = (at, of) => 8 + ROW / 2 + at * ROW + ((rows - of) * ROW) / 2;
  const middle = height / 2;
  const layer = [];
  clients.forEach(({ protocol, sessions }, at) => {
    const y = place(at, clients.length);
    const name = protocol === "postgres" ? "PostgreSQL clients" : "MySQL clients";
    const kind = sessions ? "live" : "idle";
    layer.push(edge([220, y], [400, middle], thick(sessions), kind, `${name}: ${sessions}`));
    layer.push(box(10, y, 210, kind, name, plural(sessions, "session")));
  });
  backends.forEach((backend, at) => {
    const y = place(at, backends.length);
    const [word, kind] = backendState(backend);
    const active = backend.pool?.active ?? 0;
    layer.push(edge([600, middle], [730, y], thick(active), kind === "good" ? (active ? "live" : "idle") : kind, `${backend.name}: ${active} active`));
    const doubt = backend.in_doubt ? `, ${count(backend.in_doubt)} in doubt` : "";
    layer.push(box(730, y, 260, kind, backend.name, backend.up ? `${backend.engine ?? ""} ${version(backend.version)}`.trim() : "does not answer", `${word === "In doubt" ? "Up" : word}${doubt}`));
  });
  const [word, kind] = status.state === "ready" ? ["", status.in_doubt ? "warn" : "good"] : [status.state, "busy"];
  layer.push(box(400, middle, 200, `${kind}.self`, "Handfast", word || `${count(status.two_phase_total)} two-phase so far`));
  return s("svg.topology", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img",
    "aria-label": `${clients.map((one) => `${one.sessions} ${one.protocol} sessions`).join(", ")}; ${backends.map((one) => `${one.name} ${backendState(one)[0]}`).join(", ")}` }, layer);
}
