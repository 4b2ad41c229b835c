// Numbers and times as people read them.

/** A span: "0.8 ms", "42 s", "3 min 10 s", "2 h 5 min", "4 d 3 h". */
export function span(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return seconds < 10 ? `${(ms / 1000).toFixed(1)} s` : `${seconds} s`;
  const [days, hours, minutes] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${minutes} min`;
  return minutes < 10 ? `${minutes} min ${seconds % 60} s` : `${minutes} min`;
}

/** The same of whole seconds. */
export const seconds = (value) => (value < 60 ? `${Math.round(value ?? 0)} s` : span(value * 1000));

/** "15.18" of "15.18 (Debian 15.18-1)", "10.11.19" of "10.11.19-MariaDB-0+deb12u1". */
export const version = (text) => (text ?? "").split(/[ -]/)[0];

export function count(value) {
  return value === null || value === undefined ? "–" : value.toLocaleString("en-GB");
}

/** Three significant digits: 0.8, 12, 1,240. */
export function figure(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (value === 0) return "0";
  return value < 10 && !Number.isInteger(value) ? value.toFixed(value < 1 ? 2 : 1) : count(Math.round(value));
}

export function bytes(value) {
  let unit = 0;
  for (; value >= 1024 && unit < 4; unit += 1) value /= 1024;
  return `${unit ? figure(value) : value} ${["B", "KiB", "MiB", "GiB", "TiB"][unit]}`;
}

const two = (value) => String(value).padStart(2, "0");
/** "14:02:11", with the date if it was not today. */
export function clock(wallMs) {
  if (!wallMs) return "–";
  const at = new Date(wallMs);
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  if (at.toDateString() === new Date().toDateString()) return time;
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}`;
}

export function minute(wallMs) {
  const at = new Date(wallMs);
  return `${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** "hf1.shop.hf-1.3.1042" → "3.1042": what tells two transactions of one node apart. */
export function short(name) {
  return name.split(".").slice(-2).join(".");
}

export const plural = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;

/** Words for states; the colour is by kind, and never alone. */
export const STATES = {
  ending: ["Ending", "busy"],
  in_doubt: ["In doubt", "warn"],
  committed: ["Committed", "good"],
  rolled_back: ["Rolled back", "dim"],
  unknown: ["Unknown", "bad"],
  open: ["Open", "busy"],
  prepared: ["Prepared", "warn"],
  unreachable: ["Unreachable", "bad"],
  heuristic: ["Against the decision", "bad"],
};
