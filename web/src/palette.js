// The colours, read from the page's style, where gruvy's palette wrote them: one palette for pages and figures.

export const DASHES = ["", "7 3", "2 3", "9 3 2 3", "12 4", "4 2 1 2 1 2"];
const read = new Map();

/** Forget what was read: the theme changed. */
export function refresh() { read.clear(); }

/** @param {string} name without its two dashes */
export function property(name) {
  if (!read.has(name)) read.set(name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
  return read.get(name);
}

/** @param {string} colour as #rrggbb @returns {number[]} */
export const rgb = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
export const css = (c) => `rgb(${c[0]},${c[1]},${c[2]})`;
export const blend = (a, b, s) => a.map((v, i) => Math.round(v + (b[i] - v) * s));
export const dark = () => document.documentElement.dataset.theme === "dark";
export const negative = () => rgb(property("negative"));
export const positive = () => rgb(property("positive"));
const neutral = () => rgb(property("middle"));
export const neutralWire = () => rgb(property("wire"));
export const ofGate = () => rgb(property("of-z"));

/** The i-th line's colour and dashes: no two of the first 36 share both. */
export const line = (i) => ({ colour: property(`line-${i % 6}`), dash: DASHES[(i + Math.floor(i / 6)) % 6] });

let stops = [], name = "";
/** @param {number} v from 0 to 1 @returns {number[]} */
export function sequential(v) {
  const now = property("sequential");
  if (now !== name) [stops, name] = [now.split(/,\s*/).map(rgb), now];
  const s = Math.min(1, Math.max(0, v)) * (stops.length - 1), i = Math.min(stops.length - 2, Math.floor(s));
  return blend(stops[i], stops[i + 1], s - i);
}

/** @param {number} v from -1 to 1 @returns {number[]} */
export function diverging(v) {
  return blend(neutral(), v < 0 ? negative() : positive(), Math.min(1, Math.abs(v)) ** 0.8);
}

export const inkOn = (c) => (0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2] > 140 ? "#14181f" : "#ffffff");
