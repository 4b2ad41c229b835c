// The frame: header, pages, the stream of changes, the token. A page is {title, every, load, changed?, opened?, view}.

import { h, refusal, show } from "./dom.js";
import * as api from "./api.js";
import { seconds, span } from "./format.js";
import { GLYPHS, nowPage, verdict } from "./now.js";
import { transactionsPage } from "./transactions.js";
import { transactionPage } from "./transaction.js";
import { backendsPage } from "./backends.js";
import { routingPage } from "./routing.js";
import { journalPage, settingsPage, strangersPage } from "./lists.js";
import { statementsPage } from "./statements.js";
import { clientsPage } from "./clients.js";

const PAGES = [
  ["now", "Now", nowPage], ["transactions", "Transactions", transactionsPage], ["backends", "Backends", backendsPage], ["routing", "Routing", routingPage],
  ["strangers", "Strangers", strangersPage], ["journal", "Journal", journalPage], ["statements", "Statements", statementsPage], ["clients", "Clients", clientsPage],
  ["settings", "Settings", settingsPage],
];

const byId = (id) => document.getElementById(id);
let page = null;
let route = "";
let timer = 0;
let connected = null;
let trouble = null;
let drawing = false;
const received = new WeakMap();

const context = {
  status: null,
  query: new URLSearchParams(),
  post: api.post,
  async get(path) {
    const answer = await api.get(path);
    for (const one of answer.transactions ?? [answer]) received.set(one, performance.now());
    return answer;
  },
  // Ages go on between two answers, by this browser's own stopwatch: its clock may differ from the server's.
  ageMs: (transaction) => transaction.age_ms + (performance.now() - (received.get(transaction) ?? performance.now())),
  age: (transaction) => span(context.ageMs(transaction)),
  /** The inner width in px of a panel, of `columns` beside each other. */
  width(columns) {
    const whole = byId("main").clientWidth - 48;
    return Math.floor(columns > 1 && whole >= 860 ? (whole - 16) / columns : whole) - 34;
  },
  draw() {
    if (drawing) return;
    drawing = true;
    requestAnimationFrame(() => { drawing = false; render(); });
  },
  failed(error) {
    if (error.name === "AbortError" || error.status === 401) return;
    trouble = error;
    context.draw();
  },
};

function render() {
  const { status } = context;
  const [kind, word] = connected === false ? ["bad", "Disconnected"] : verdict(status);
  document.title = `${connected === false ? "✕ " : kind === "good" ? "" : `${GLYPHS[kind]} `}${page?.title ?? ""} · Handfast`;
  show(byId("top"),
    h("a.brand", { href: "#/now", "aria-label": "Handfast, to the first page" }, h("img", { src: "/assets/icon.svg", alt: "", width: 22, height: 22 }), h("b", null, "Handfast")),
    status && h("span.node", null, `${status.cluster} / ${status.node}`, h("span.dim", null, `  ${status.version}, epoch ${status.epoch}, up ${seconds(status.uptime_s)}`)),
    h(`span.verdict.${kind}`, { id: "verdict" }, h("span.glyph", { "aria-hidden": "true" }, GLYPHS[kind]), word),
    h(`span.live.${connected ? "on" : "off"}`, { id: "live" }, h("i", { "aria-hidden": "true" }), connected ? "live" : connected === null ? "connecting" : "disconnected, trying again"));
  show(byId("nav"), h("ul", null, PAGES.map(([id, title], at) => h("li", null,
    h("a", { href: `#/${id}`, "aria-current": (page?.nav ?? route) === id ? "page" : null, "aria-keyshortcuts": String(at + 1) }, h("span", null, title),
      id === "transactions" && status?.in_doubt ? h("b.badge.warn", null, status.in_doubt) : id === "backends" && status?.backends_down?.length ? h("b.badge.bad", null, status.backends_down.length) : h("kbd", { "aria-hidden": "true" }, at + 1))))));
  const main = byId("main");
  main.classList.toggle("stale", connected === false);
  show(main, connected === false && h("p.disconnected", { "data-key": "gone", role: "alert" }, "Disconnected from Handfast, trying again. What you see is from before; transactions that are decided stay decided."),
    trouble && connected && h("div", { "data-key": "trouble" }, refusal(trouble, "No answer")),
    page?.absent ? h("div.page", null, h("div.toolbar", null, h("h1", null, page.title)), h("p.empty", null, "This Handfast does not offer it.")) : page?.view());
  speak(status, kind, word);
}

/** Said aloud only when it changes in kind, not with each second of an age. */
function speak(status, kind, word) {
  const said = byId("spoken");
  const key = `${kind} ${word} ${status?.in_doubt ?? ""}`;
  if (said.dataset.key === key) return;
  said.dataset.key = key;
  said.textContent = connected === false ? "Disconnected, trying again" : status?.sentence ?? "";
}

async function reload(which) {
  clearTimeout(timer);
  const mine = page;
  try {
    await mine[which]?.();
    if (which === "load") trouble = null;
  } catch (error) {
    // A page may be newer than the Handfast that a tunnel leads to.
    if (error.status === 404 && which === "load") mine.absent = true;
    else context.failed(error);
  }
  if (mine === page && mine.absent) context.draw();
  if (mine !== page) return;
  clearTimeout(timer);
  timer = setTimeout(() => (document.hidden || connected === false ? later() : reload("load")), mine.every);
}
function later() { timer = setTimeout(() => reload("load"), 1000); }

function open() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [id, ...rest] = path.split("/");
  context.query = new URLSearchParams(query ?? "");
  const known = PAGES.find(([one]) => one === id) ?? PAGES[0];
  const first = page === null;
  route = known[0];
  trouble = null;
  page = route === "transactions" && rest.length ? transactionPage(context, decodeURIComponent(rest.join("/"))) : known[2](context);
  byId("main").replaceChildren();
  render();
  reload("load");
  page.opened?.().catch(context.failed);
  if (!first) { byId("main").focus({ preventScroll: true }); scrollTo(0, 0); }
}

function askForToken(problem) {
  const old = byId("token");
  if (old) { old.querySelector(".said").textContent = problem.detail || problem.title; return; }
  const input = h("input", { id: "token-text", type: "password", autocomplete: "off", required: true });
  const dialog = h("dialog", { id: "token", "aria-label": "Token" }, h("form", {
    method: "dialog",
    onsubmit: () => { api.setToken(input.value.trim()); dialog.remove(); api.retry(); reload("load"); page.opened?.().catch(context.failed); },
  }, h("h2", null, "This Handfast wants a token"), h("p.said", null, [problem.detail || problem.title, problem.hint || "It is in the file that admin.token_file names."].join(". ")),
  h("label", null, "Token", input), h("p.note", null, "It is kept in this tab until you close it, nowhere else."), h("button.primary", { type: "submit" }, "Go on")));
  document.body.append(dialog);
  dialog.showModal();
}

function keys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.key === "/" && byId("filter")) { event.preventDefault(); byId("filter").focus(); }
  else if (/^[1-9]$/.test(event.key) && PAGES[event.key - 1]) location.hash = `#/${PAGES[event.key - 1][0]}`;
}

function heard(event, data) {
  if (event === "status") {
    const before = context.status;
    context.status = data;
    // The list can be a moment behind the count, and an event can be lost with a connection.
    if (before && (before.in_doubt !== data.in_doubt || String(before.backends_down) !== String(data.backends_down))) page.changed?.().catch(context.failed);
    context.draw();
  } else if (event === "transaction") {
    page.changed?.().catch(context.failed);
  }
}

api.onUnauthorised(askForToken);
addEventListener("hashchange", open);
addEventListener("keydown", keys);
addEventListener("resize", context.draw);
document.addEventListener("visibilitychange", () => { if (!document.hidden) reload("load"); });
open();
context.get("status").then((status) => { context.status ??= status; context.draw(); }).catch(context.failed);
api.follow(heard, (state) => {
  if (connected === state) return;
  const again = connected === false && state;
  connected = state;
  if (again) { trouble = null; reload("load"); page.opened?.().catch(context.failed); }
  context.draw();
});
