// What the tests in the browser do and look at on the dashboard's pages.

import { mkdirSync, writeFileSync } from "node:fs";

/** Every page of the menu, in its order. */
export const PAGES = ["now", "transactions", "backends", "routing", "strangers", "journal", "statements", "clients", "settings"];
/** Screenshots go into this folder; without it none are made. */
const SHOTS = process.env.HANDFAST_SHOTS;
const SHOT_WIDTH = 1280;

/** Expressions that are true on a page. */
export const live = "document.querySelector('#live.on') !== null";
export const loaded = "document.querySelector('#main .page') && !/Loading|Asking/.test(document.querySelector('#main').innerText)";
export const says = (text) => `document.body.innerText.includes(${JSON.stringify(text)})`;

export function expect(truth, words) {
  if (!truth) throw new Error(words);
}

export async function shoot(page, name, height) {
  if (!SHOTS) return;
  mkdirSync(SHOTS, { recursive: true });
  if (height) await page.size(SHOT_WIDTH, height);
  // Two frames, so that the new size is drawn.
  await page.eval("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
  writeFileSync(`${SHOTS}/${name}.png`, await page.shot());
}

export async function fill(page, selector, text) {
  await page.eval(`(() => { const field = document.querySelector(${JSON.stringify(selector)}); field.focus(); field.select(); })()`);
  await page.type(text);
}

/** On a transaction's page: the form of "Resolve by hand", to its end. */
export async function resolve(page, outcome, name) {
  await page.until("document.querySelector('#resolve')");
  await page.eval(`document.querySelector('input[value=${outcome}]').click()`);
  await fill(page, "#who", "Ada at 3 a.m.");
  expect(await page.eval("document.querySelector('#resolve').disabled"), "the button must wait for the typed confirmation");
  await fill(page, "#confirm", `${outcome} ${name.split(".").pop()}`);
  await page.until("!document.querySelector('#resolve').disabled");
  await page.eval("document.querySelector('#resolve').click()");
}

/** Nobody else was asked for anything, and the console is silent. */
export function clean(page, base) {
  const outside = page.requests.filter((url) => !url.startsWith(`${base}/`) && !url.startsWith("data:"));
  expect(!outside.length, `asked for ${outside}`);
  expect(!page.complaints.length, `the console says ${page.complaints.join(" / ")}`);
}
