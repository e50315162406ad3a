// What stands under the pointer, beside the pointer; a finger that rests on a plot reads it too.

import { element } from "./dom.js";

/** The last reading of each host: its menu gives the line of Python that leads to the number. */
export const last = new WeakMap();

let bubble = null;

function show(text, x, y) {
  bubble ||= element("div", { class: "reading", "aria-hidden": "true" }, document.body);
  bubble.textContent = text;
  bubble.hidden = false;
  const wide = bubble.offsetWidth, tall = bubble.offsetHeight;
  bubble.style.left = `${Math.max(4, Math.min(innerWidth - wide - 4, x + 14))}px`;
  bubble.style.top = `${y - tall - 12 < 4 ? y + 18 : y - tall - 12}px`;
}

export function hide() { if (bubble) bubble.hidden = true; }

/** @param {HTMLElement} host @param {WeakMap<HTMLElement, any>} charts */
export function follow(host, charts) {
  const look = (e) => {
    const chart = charts.get(host);
    const found = chart && chart.read ? chart.read(...chart.where(e.clientX, e.clientY)) : null;
    if (!found) { hide(); return; }
    last.set(host, found);
    show(found.text, e.clientX, e.clientY);
  };
  host.addEventListener("pointermove", look);
  host.addEventListener("pointerdown", look);
  host.addEventListener("pointerleave", hide);
}
