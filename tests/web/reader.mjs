// A person at the dashboard of a running Handfast, told what to do by lines on standard input; each is answered by one line of JSON.
//   node tests/web/reader.mjs http://127.0.0.1:6480
//   watch             opens the list of what is in doubt
//   row               waits there for a row: {name, wall_ms}
//   transaction NAME  what its page says
//   status            what the first page says: {sentence, in_doubt}
//   resolve NAME OUTCOME   the form, to its end: {refused, done}, as the page says it
//   shoot PAGE FILE HEIGHT [SQL]   a screenshot, if HANDFAST_SHOTS names a folder; with SQL tried on the routing page
//   bye               {complaints}: what the browser's console said
// HANDFAST_CHROMIUM names the browser. Nothing is asked of the HTTP interface here: all is read from the page.

import { createInterface } from "node:readline";
import { chromium, tab } from "./chromium.mjs";
import { clean, fill, live, loaded, resolve, shoot } from "./hands.mjs";

const WAIT_MS_MAX = 60_000;
const base = process.argv[2];
const browser = await chromium(process.env.HANDFAST_CHROMIUM ?? "/usr/bin/chromium");
const page = await tab(browser, { width: 1280 });
await page.go(`${base}/#/transactions?state=in_doubt`);
await page.until(live, WAIT_MS_MAX);

/** Opens a page anew, so that what it says is asked for now. */
async function open(hash) {
  await page.until(live, WAIT_MS_MAX);
  await page.eval("location.hash = '#/settings'");
  await page.until("document.title.includes('Settings')");
  await page.eval(`location.hash = ${JSON.stringify(hash)}`);
  await page.until("!document.title.includes('Settings')");
  await page.until(loaded, WAIT_MS_MAX);
}

const TRANSACTION = `(() => {
  const text = (node) => node?.innerText.trim().replace(/\\s+/g, " ") ?? null;
  const all = (selector) => [...document.querySelectorAll(selector)];
  const said = (word) => all(".callout p").map(text).find((line) => line.startsWith(word + ": "))?.slice(word.length + 2) ?? null;
  return {
    name: text(document.querySelector("h1 code")), state: text(document.querySelector(".toolbar .chip")), why: said("Why"), next: said("Next"),
    decision: all(".facts div").filter((one) => text(one.querySelector("dt")) === "Decision").map((one) => text(one.querySelector("dd")))[0],
    branches: all("table[aria-label=Branches] tbody tr").map((row) => [...row.cells].slice(0, 2).map(text)),
    by_hand: all(".byhand .copyable").map((one) => [text(one.querySelector(".on")), text(one.querySelector("code"))]),
  };
})()`;

const COMMANDS = {
  async watch() {
    await open("#/transactions?state=in_doubt");
    return {};
  },
  async row() {
    const link = "document.querySelector('tr.state-in_doubt a')";
    await page.until(link, WAIT_MS_MAX);
    const wall_ms = Date.now();
    return { name: await page.eval(`${link}.innerText`), wall_ms };
  },
  async transaction(name) {
    await open(`#/transactions/${name}`);
    return page.eval(TRANSACTION);
  },
  async status() {
    await open("#/now");
    return page.eval("({ sentence: document.querySelector('.sentence').innerText, in_doubt: document.querySelector('.tile.warn .value, .tile.calm .value').innerText })");
  },
  async resolve(name, outcome) {
    await open(`#/transactions/${name}`);
    await resolve(page, outcome, name);
    await page.until("document.querySelector('.refusal, [role=status].callout')", WAIT_MS_MAX);
    const answer = await page.eval("({ refused: document.querySelector('.refusal')?.innerText ?? null, done: document.querySelector('[role=status].callout')?.innerText ?? null })");
    // The browser itself notes that an answer was 409.
    page.complaints = page.complaints.filter((one) => !(answer.refused && one.includes("409")));
    return answer;
  },
  async shoot(hash, file, height, ...sql) {
    await open(hash);
    if (sql.length) {
      await fill(page, "#sql", sql.join(" "));
      await page.eval("document.querySelector('form.try').requestSubmit()");
      await page.until("document.querySelector('.plan')", WAIT_MS_MAX);
      await page.eval("document.activeElement.blur()");
    }
    await shoot(page, file, Number(height));
    return {};
  },
  async bye() {
    // While Handfast was away, the browser noted that it did not answer.
    page.complaints = page.complaints.filter((one) => !/ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY|ERR_NETWORK/.test(one));
    clean(page, base);
    return {};
  },
};

console.log("{}");
for await (const line of createInterface({ input: process.stdin })) {
  const [word, ...rest] = line.split(" ");
  let answer;
  try { answer = await COMMANDS[word](...rest); } catch (error) { answer = { error: `${line}: ${error.message}` }; }
  console.log(JSON.stringify(answer));
}
await browser.close();
