// Normal numbers that Python and the page draw alike: the twin of gruvy/inside/noise.py.

/** The last mixing of MurmurHash3. @param {number} h 32 bits */
export function mixed(h) {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A number between 0 and 1. @param {number} seed @param {number} step @param {number} channel @param {number} which */
function uniform(seed, step, channel, which) {
  let h = seed;
  for (const key of [step, channel, which]) h = mixed((h + key + 0x9e3779b9) >>> 0);
  return (h + 0.5) / 2 ** 32;
}

/** A standard normal number, of its seed, step and channel alone. @param {number} seed @param {number} step @param {number} channel */
export const normal = (seed, step, channel) =>
  Math.sqrt(-2 * Math.log(uniform(seed, step, channel, 0))) * Math.cos(2 * Math.PI * uniform(seed, step, channel, 1));
