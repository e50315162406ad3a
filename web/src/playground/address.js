// The page's settings in its address, so that a link leads to what one sees.

import { PAGES } from "./stories.js";

/** @typedef {import("./stories.js").Choices} Choices */
/** @typedef {import("../cells.js").Held} Held */

const gates = (/** @type {Held} */ held) => Object.entries(held).map(([gate, at]) => `${gate}${at}`).join("_");

/** @param {Choices} choices */
export function toAddress({ task, units, lag, remember, rate, seed, lstm, gru }) {
  const held = { lstm: gates(lstm), gru: gates(gru) };
  return new URLSearchParams(Object.entries({ task, units, lag, remember, rate, seed, ...held }).filter(([, v]) => v !== "")
    .map(([name, v]) => [name, String(v)])).toString();
}

/**
 * What an address asks for; what it does not say, or says wrongly, is as in `others`.
 * @param {string} hash @param {Choices} others @returns {Choices}
 */
export function fromAddress(hash, others) {
  const given = new URLSearchParams(hash.replace(/^#/, "")), asked = given.get("task") || "",
    task = asked in PAGES ? asked : others.task, { lag } = PAGES[task];
  /** @type {(name: string, low: number, high: number, whole?: boolean) => number|null} */
  const numberOf = (name, low, high, whole = true) => {
    const text = given.get(name), v = Number(text);
    return text === null || text === "" || !(v >= low && v <= high) || (whole && !Number.isInteger(v)) ? null : v;
  };
  /** @type {(name: string, known: string) => Held} */
  const held = (name, known) => Object.fromEntries((given.get(name) || "").split("_").map((part) => [part[0], Number(part.slice(1))])
    .filter(([gate, at]) => gate && known.includes(String(gate)) && +at >= 0 && +at <= 1));
  return {
    task,
    units: numberOf("units", 4, 32) ?? others.units,
    lag: numberOf("lag", lag.least, lag.most) ?? (task === others.task ? others.lag : lag.value),
    remember: numberOf("remember", 0, 200) ?? others.remember,
    rate: numberOf("rate", 0.0003, 0.1, false) ?? others.rate,
    seed: numberOf("seed", 0, 99999) ?? others.seed,
    lstm: held("lstm", "ifo"),
    gru: held("gru", "zr"),
  };
}
