// Drives Chromium by its own protocol over a pipe (NUL-ended JSON on descriptors 3 and 4): no package, no port.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
  "--disable-sync", "--disable-default-apps", "--disable-extensions", "--hide-scrollbars", "--mute-audio", "--force-color-profile=srgb", "--remote-debugging-pipe"];

export async function chromium(binary) {
  const folder = mkdtempSync(join(tmpdir(), "handfast-web-"));
  const child = spawn(binary, [...FLAGS, `--user-data-dir=${folder}`, "about:blank"], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
  const [to, from] = [child.stdio[3], child.stdio[4]];
  const waiting = new Map();
  const listeners = [];
  let next = 1;
  let text = "";
  from.setEncoding("utf8");
  from.on("data", (chunk) => {
    text += chunk;
    for (let end = text.indexOf("\0"); end >= 0; end = text.indexOf("\0")) {
      const message = JSON.parse(text.slice(0, end));
      text = text.slice(end + 1);
      if (message.id) {
        const { done, fail, what } = waiting.get(message.id);
        waiting.delete(message.id);
        if (message.error) fail(new Error(`${what}: ${message.error.message}`)); else done(message.result);
      } else for (const listener of listeners) listener(message);
    }
  });
  const gone = new Promise((done) => child.on("exit", done));
  child.on("exit", (code) => { for (const { fail, what } of waiting.values()) fail(new Error(`Chromium ended (${code}) during ${what}`)); });
  const send = (method, params = {}, sessionId) => new Promise((done, fail) => {
    waiting.set(next, { done, fail, what: method });
    to.write(`${JSON.stringify({ id: next, method, params, sessionId })}\0`);
    next += 1;
  });
  return {
    send, listen: (listener) => listeners.push(listener),
    async close() {
      await send("Browser.close").catch(() => {});
      await Promise.race([gone, new Promise((late) => setTimeout(late, 5000))]);
      child.kill("SIGKILL");
      await gone;
      rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}

/** A page of its own (no cookies, no storage shared), which remembers what it asked for and what it complained about. */
export async function tab(browser, { width = 1360, height = 900, dark = false } = {}) {
  const { browserContextId } = await browser.send("Target.createBrowserContext");
  const { targetId } = await browser.send("Target.createTarget", { url: "about:blank", browserContextId });
  const { sessionId } = await browser.send("Target.attachToTarget", { targetId, flatten: true });
  const send = (method, params) => browser.send(method, params, sessionId);
  const page = { requests: [], complaints: [], sizes: new Map(), send };
  const types = new Map();
  browser.listen(({ method, params, sessionId: whose }) => {
    if (whose !== sessionId) return;
    if (method === "Network.requestWillBeSent") page.requests.push(params.request.url);
    if (method === "Network.responseReceived") types.set(params.requestId, [params.response.url, params.type]);
    if (method === "Network.dataReceived" && types.has(params.requestId)) {
      const [url, type] = types.get(params.requestId);
      if (type === "Script" || type === "Stylesheet") page.sizes.set(url, (page.sizes.get(url) ?? 0) + params.dataLength);
    }
    if (method === "Runtime.exceptionThrown") page.complaints.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    if (method === "Runtime.consoleAPICalled" && ["error", "warning", "assert"].includes(params.type)) page.complaints.push(params.args.map((one) => one.value ?? one.description).join(" "));
    if (method === "Log.entryAdded" && ["error", "warning"].includes(params.entry.level)) page.complaints.push(`${params.entry.text} ${params.entry.url ?? ""}`);
  });
  for (const domain of ["Page", "Runtime", "Network", "Log"]) await send(`${domain}.enable`);
  page.theme = (name) => send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: name }, { name: "prefers-reduced-motion", value: "reduce" }] });
  page.size = (w, h) => send("Emulation.setDeviceMetricsOverride", { width: w, height: h, deviceScaleFactor: 1, mobile: false });
  page.close = () => browser.send("Target.disposeBrowserContext", { browserContextId });
  await page.theme(dark ? "dark" : "light");
  await page.size(width, height);

  page.eval = async (source) => {
    const { result, exceptionDetails } = await send("Runtime.evaluate", { expression: source, awaitPromise: true, returnByValue: true, userGesture: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  };
  /** Waits until the expression is true; returns how long that took, in ms. */
  page.until = async (source, within = 5000) => {
    const start = performance.now();
    for (;;) {
      const value = await page.eval(source).catch(() => null);
      if (value) return performance.now() - start;
      if (performance.now() - start > within) throw new Error(`not within ${within} ms: ${source}\n      the page says: ${(await page.eval("document.body.innerText").catch(() => "")).slice(0, 400).replaceAll("\n", " | ")}`);
      await new Promise((wake) => setTimeout(wake, 25));
    }
  };
  page.go = (url) => send("Page.navigate", { url });
  page.key = async (key, code, more = {}) => {
    const text = key.length === 1 ? key : key === "Enter" ? "\r" : undefined;
    await send("Input.dispatchKeyEvent", { type: "keyDown", key, code, text, windowsVirtualKeyCode: { Tab: 9, Enter: 13, " ": 32 }[key] ?? key.toUpperCase().charCodeAt(0), ...more });
    await send("Input.dispatchKeyEvent", { type: "keyUp", key, code, ...more });
  };
  page.type = (text) => send("Input.insertText", { text });
  page.shot = async (whole) => Buffer.from((await send("Page.captureScreenshot", { format: "png", captureBeyondViewport: Boolean(whole) })).data, "base64");
  return page;
}
