// Each plot's menu: save it, or have the line of Python that gives the number under the pointer.

import { $, element } from "../dom.js";
import { charts } from "../plots.js";
import { last } from "../reading.js";
import { csv, download, fileName, picture, standalone } from "../save.js";
import { IMPORTS } from "./python.js";
import { sequence, view } from "./state.js";
import { twinName } from "./twins.js";

/** A menu for the plot in a host, put into another element: a heading. @param {HTMLElement} host @param {HTMLElement} place */
export function menu(host, place, name) {
  const box = element("details", { class: "menu" }, place);
  element("summary", { "aria-label": `Save ${name}, or quote a number of it` }, box, "⋯");
  const list = element("div", { class: "menu-list" }, box), told = element("div", { class: "menu-line", hidden: "" }, list);
  const does = (text, f) => {
    const button = element("button", { type: "button" }, null, text);
    list.insertBefore(button, told);
    button.addEventListener("click", async () => {
      const chart = charts.get(host);
      if (chart) await f(chart, `${fileName(`${sequence().id} ${name}`)}`);
    });
  };
  const close = () => { box.open = false; };
  does("PNG", async (chart, file) => { download(await picture(chart.svg), `${file}.png`); close(); });
  does("SVG", (chart, file) => { download(new Blob([standalone(chart.svg)], { type: "image/svg+xml" }), `${file}.svg`); close(); });
  does("CSV", (chart, file) => { download(new Blob([csv(chart.table())], { type: "text/csv" }), `${file}.csv`); close(); });
  if (host.id !== "cell") does("Python", (chart) => line(told, found(host, chart)));
  box.addEventListener("toggle", () => {
    if (!box.open) { told.hidden = true; return; }
    for (const other of document.querySelectorAll("details.menu[open]")) if (other !== box) other.removeAttribute("open");
  });
  box.addEventListener("keydown", (e) => { if (e.key === "Escape") { close(); box.querySelector("summary").focus(); } });
}

/** The last number that was under the pointer; of a plot over time, else the one at the cursor. */
function found(host, chart) {
  const [low, high] = chart.y.domain;
  return last.get(host) || (host.classList.contains("over-time") && chart.read ? chart.read(view.t + 0.5, (low + high) / 2) : null);
}

function line(host, reading) {
  host.hidden = false;
  host.replaceChildren();
  if (!reading) { host.textContent = "Point at a number of this plot first."; return; }
  element("p", {}, host, reading.text);
  if (!reading.python) {
    element("p", {}, host, view.ghost ? "It is of the changed run, which the page alone knows." : "It is worked out by the page; no one line gives it.");
    return;
  }
  const code = `${IMPORTS}\n${reading.python}`;
  element("pre", { tabindex: "0", "aria-label": "Python" }, host, code);
  element("p", {}, host, `model and X: what the page was made of${/\btwin\b/.test(reading.python) ? `; twin: ${twinName()}, the net beside it` : ""}.`);
  const copy = element("button", { type: "button" }, host, "Copy");
  copy.addEventListener("click", () => clipboard(code, () => { copy.textContent = "Copied"; }, () => {
    getSelection().selectAllChildren(host.querySelector("pre"));
    copy.textContent = "Selected: copy it by hand";
  }));
}

// A frame or a page from elsewhere may not write to the clipboard: then the other is done.
function clipboard(text, done, refused) {
  Promise.resolve().then(() => navigator.clipboard.writeText(text)).then(done, refused);
}

// Where the menu of a plot stands: in its heading, in the bar of its section, or above it.
function placeOf(host) {
  if (host.classList.contains("over-time")) return host.previousElementSibling;
  const heading = host.closest("figure")?.querySelector("figcaption") || host.closest("section").querySelector(":scope > .bar:has(+ .two)");
  if (heading) return heading;
  const above = element("div", { class: "menu-place" });
  host.before(above);
  return above;
}

/** Menus for all plots of the page, each in the heading beside or above it. */
export function menus() {
  for (const host of document.querySelectorAll("[data-plot]")) menu(/** @type {HTMLElement} */ (host), placeOf(host), host.getAttribute("data-plot"));
  document.addEventListener("pointerdown", (e) => {
    const inside = /** @type {Element} */ (e.target).closest("details.menu");
    for (const box of document.querySelectorAll("details.menu[open]")) if (box !== inside) box.removeAttribute("open");
  });
  const named = (text) => { $("link").textContent = text; setTimeout(() => { $("link").textContent = "Copy link"; }, 3000); };
  $("link").addEventListener("click", () => clipboard(location.href, () => named("Link copied"), () => named("It is the address")));
}
