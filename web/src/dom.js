// Elements, and numbers as a person reads them.

const SVG = "http://www.w3.org/2000/svg";

/** @param {string} id @returns {any} */
export const $ = (id) => document.getElementById(id);

/** @returns {any} */
export function element(name, attributes = {}, parent = null, text = undefined) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  if (parent) parent.appendChild(node);
  return node;
}

/** @returns {any} */
export function svg(name, attributes = {}, parent = null, text = undefined) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  if (parent) parent.appendChild(node);
  return node;
}

/** @param {number} v */
export function number(v) {
  if (Number.isNaN(v)) return "–";
  if (!Number.isFinite(v)) return v > 0 ? "∞" : "−∞";
  const size = Math.abs(v);
  const text = size < 10 ? v.toFixed(4) : size < 1e6 ? v.toFixed(2) : v.toExponential(3);
  return (/^-[0.]+$/.test(text) ? text.slice(1) : text).replace("-", "−");
}

/** @param {number} v */
export const brief = (v) => String(+v.toPrecision(6)).replace("-", "−");

/** @param {number} v */
export const power = (v) => `10${String(Math.round(v)).split("").map((c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[+c])).join("")}`;

/**
 * Draws now where the host is on the screen, and else when nothing moves: what nobody sees must not slow a hand.
 * @param {() => HTMLElement} host @returns {(draw: () => void) => void}
 */
export function whenVisible(host) {
  let visible = false, watched = null, waiting = null, timer = 0;
  const now = () => { const draw = waiting; waiting = null; clearTimeout(timer); if (draw) draw(); };
  return (draw) => {
    watched ||= new IntersectionObserver(([entry]) => { visible = entry.isIntersecting; if (visible) now(); }, { rootMargin: "100px" });
    watched.observe(host());
    waiting = draw;
    clearTimeout(timer);
    if (visible) now();
    else timer = window.setTimeout(now, 250);
  };
}

/** The choices of a select element. */
export function option(select, entries, chosen) {
  select.replaceChildren(...entries.map(([value, text]) => element("option", { value }, null, text)));
  select.value = chosen;
}

// Text with {name} places, each an element that carries data-value="prefix.name"; _x is a subscript.
export function template(host, text, prefix) {
  const places = {};
  for (const piece of text.split(/(\{[\w.]+\}|_\{[^}]+\}|_.)/)) {
    if (!piece) continue;
    const name = piece.slice(1, -1);
    if (piece[0] === "{") places[name] = element("b", { "data-value": `${prefix}.${name}` }, host);
    else if (piece[0] === "_") element("sub", {}, host, piece.replace(/^_\{?|\}$/g, ""));
    else host.append(piece);
  }
  return places;
}
