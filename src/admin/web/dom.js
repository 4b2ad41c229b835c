// Elements, and a way to bring a page up to date without losing focus, typed text or scroll: build it anew, then `morph` the old one
// into it. Styles are set through the CSSOM only, as the content security policy wants.

const SVG = "http://www.w3.org/2000/svg";
const HANDLERS = ["onclick", "oninput", "onchange", "onsubmit", "onkeydown", "onpointermove", "onpointerleave"];

function fill(node, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "style") for (const [key, text] of Object.entries(value)) node.style.setProperty(key, text);
    else if (name.startsWith("on")) node[name] = value;
    else if (name === "value" || name === "checked") node[name] = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) node.append(child);
  }
  return node;
}

/** An HTML element: h("div.panel.wide", {title: "…"}, child, …). Nothing is ever parsed as HTML. */
export function h(name, props, ...children) {
  const [tag, ...classes] = name.split(".");
  const node = document.createElement(tag);
  if (classes.length) node.className = classes.join(" ");
  return fill(node, props, children);
}

/** An SVG element. */
export function s(name, props, ...children) {
  const [tag, ...classes] = name.split(".");
  const node = document.createElementNS(SVG, tag);
  if (classes.length) node.setAttribute("class", classes.join(" "));
  return fill(node, props, children);
}

const keyOf = (node) => (node.nodeType === 1 ? node.getAttribute("data-key") : null);

function alike(old, fresh) {
  return old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && keyOf(old) === keyOf(fresh);
}

/** Makes `old` look like `fresh`, keeping what the two have in common. Returns the node that is in the document then. */
export function morph(old, fresh) {
  if (!alike(old, fresh)) {
    old.replaceWith(fresh);
    return fresh;
  }
  if (old.nodeType !== 1) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return old;
  }
  for (const { name } of [...old.attributes]) {
    if (name !== "style" && name !== "open" && !fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (name !== "style" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  if (old.style.cssText !== fresh.style.cssText) old.style.cssText = fresh.style.cssText;
  for (const name of HANDLERS) old[name] = fresh[name];
  morphChildren(old, [...fresh.childNodes]);
  return old;
}

function morphChildren(parent, fresh) {
  const keyed = new Map();
  for (const child of parent.childNodes) if (keyOf(child)) keyed.set(keyOf(child), child);
  let at = parent.firstChild;
  for (const child of fresh) {
    const known = keyOf(child) && keyed.get(keyOf(child));
    if (known && known !== at) {
      parent.insertBefore(known, at);
      morph(known, child);
    } else if (at && alike(at, child)) {
      const next = at.nextSibling;
      morph(at, child);
      at = next;
    } else {
      parent.insertBefore(child, at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

/** Shows `nodes` as the whole content of `root`. */
export function show(root, ...nodes) {
  morphChildren(root, nodes.flat(Infinity).filter((node) => node instanceof Node));
}

/** Text with its place in the clipboard: a button that says when it is there. */
export function copyButton(text, what) {
  return h("button.quiet", {
    type: "button",
    "aria-label": `Copy ${what}`,
    onclick: async ({ currentTarget }) => {
      try {
        await navigator.clipboard.writeText(text);
      } catch {
        // Without a secure context there is no clipboard; select it, so that the keys work.
        const shown = currentTarget.closest(".copyable")?.querySelector("code");
        if (shown) getSelection().selectAllChildren(shown);
        currentTarget.textContent = "Selected";
        return;
      }
      currentTarget.textContent = "Copied";
      setTimeout(() => { currentTarget.textContent = "Copy"; }, 1500);
    },
  }, "Copy");
}

/** A bar: parts of a whole, each {value, kind, label}; `whole` 0 shows an empty one. */
export function bar(parts, whole, label) {
  const width = (value) => `${whole > 0 ? Math.min(100, (100 * value) / whole) : 0}%`;
  return h("div.bar", { role: "img", "aria-label": label, title: label },
    parts.map((part) => h(`i.${part.kind}`, { style: { width: width(part.value) } })));
}

function heading({ title, num, sort }) {
  const sorted = sort?.now && (sort.down ? "descending" : "ascending");
  return h(num ? "th.num" : "th", { scope: "col", "aria-sort": sorted }, sort
    ? h("button.sort", { type: "button", onclick: sort.choose }, title, h("span", { "aria-hidden": "true" }, sorted ? (sort.down ? " ▾" : " ▴") : ""))
    : title);
}

/** A table. columns: {title, cell(row), num, kind, sort: {now, down, choose}}; rows keyed by `key(row)`. */
export function table(label, columns, rows, { key, rowClass, empty }) {
  if (!rows.length) return h("p.empty", null, empty);
  return h("div.scroll", { tabindex: "0", role: "region", "aria-label": label },
    h("table", { "aria-label": label },
      h("thead", null, h("tr", null, columns.map(heading))),
      h("tbody", null, rows.map((row) => h("tr", { "data-key": key(row), class: rowClass?.(row) },
        columns.map((column) => h(["td", column.num && "num", column.kind].filter(Boolean).join("."), null, column.cell(row))))))));
}

/** A framed part of a page with a heading. */
export function panel(title, extra, ...children) {
  return h("section.panel", { "aria-label": title }, h("div.head", null, h("h2", null, title), extra), children);
}

/** What was refused, in words: title, detail, hint, code. */
export function refusal(problem, word) {
  return h("div.refusal", { role: "alert" }, h("p", null, h("b", null, `${word}: ${problem.title ?? ""}`), problem.code && h("code", null, problem.code)),
    problem.detail && problem.detail !== problem.title && h("p", null, problem.detail),
    problem.errors?.length > 0 && h("pre", null, problem.errors.map((error) => (typeof error === "string" ? error : error.message ?? JSON.stringify(error))).join("\n")),
    problem.hint && h("p.hint", null, h("b", null, "Hint: "), problem.hint));
}
