// The HTTP interface: reads, writes, and the stream of changes. The token, if one is wanted, lives in this tab only.

const KEY = "handfast-token";

/** What the server refused, in its words (application/problem+json). */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || `HTTP ${status}`);
    this.status = status;
    this.title = body.title || `HTTP ${status}`;
    this.detail = body.detail || "";
    this.hint = body.hint || "";
    this.code = body.code || "";
    this.errors = body.errors || [];
  }
}

let askForToken = () => {};
/** Who asks the operator for the token. */
export function onUnauthorised(ask) { askForToken = ask; }
export function setToken(token) { sessionStorage.setItem(KEY, token); }

function headers(more) {
  const token = sessionStorage.getItem(KEY);
  return { ...(token ? { Authorization: `Bearer ${token}` } : {}), ...more };
}

async function checked(response) {
  if (response.ok) return response;
  let body = {};
  try { body = await response.json(); } catch { /* not ours: the status says enough */ }
  const problem = new Problem(response.status, body);
  if (response.status === 401) askForToken(problem);
  throw problem;
}

export async function get(path) {
  return (await checked(await fetch(`/api/v1/${path}`, { headers: headers({ Accept: "application/json" }) }))).json();
}

export async function post(path, body) {
  const options = { method: "POST", headers: headers({ "Content-Type": "application/json" }), body: JSON.stringify(body ?? {}) };
  const text = await (await checked(await fetch(`/api/v1/${path}`, options))).text();
  return text ? JSON.parse(text) : {};
}

/** Follows /api/v1/events. EventSource cannot send a token, so the stream is read here. `heard(event, data)`, `state(connected)`. */
export async function follow(heard, state) {
  // Soon: whoever restarts Handfast at 3 a.m. looks at this page.
  for (let wait = 250; ; wait = Math.min(wait * 2, 1000)) {
    const stop = new AbortController();
    let watchdog;
    // A status comes each second; five silent ones are a dead connection that TCP has not noticed.
    const alive = () => { clearTimeout(watchdog); watchdog = setTimeout(() => stop.abort(), 5000); };
    try {
      alive();
      const response = await checked(await fetch("/api/v1/events", { headers: headers({ Accept: "text/event-stream" }), signal: stop.signal }));
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        alive();
        text += value.replaceAll("\r", "");
        for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
          const message = parse(text.slice(0, end));
          text = text.slice(end + 2);
          if (!message) continue;
          wait = 250;
          state(true);
          heard(message.event, message.data);
        }
      }
    } catch (error) {
      if (error instanceof Problem && error.status === 401) await tokenGiven();
    } finally {
      clearTimeout(watchdog);
    }
    state(false);
    await new Promise((wake) => setTimeout(wake, wait));
  }
}

let waiting = [];
function tokenGiven() { return new Promise((done) => waiting.push(done)); }
/** Wakes who waits for a token. */
export function retry() {
  for (const done of waiting.splice(0)) done();
}

function parse(block) {
  let event = "message";
  const data = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) event = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5).trimStart());
  }
  return data.length ? { event, data: JSON.parse(data.join("\n")) } : null;
}
