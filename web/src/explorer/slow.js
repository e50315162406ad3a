// Long work, a few milliseconds at a time, so that the page stays quick; it says how far it is.

const SLICE = 10; // milliseconds

/**
 * Go through a generator that yields how far it is. A second call for the same key ends the first.
 * @template T
 * @param {string} key @param {Generator<number, T, void>} work @param {(result: T) => void} done
 * @param {(share: number) => void} [says] after the first seven tenths of a second
 */
export function slowly(key, work, done, says = () => {}) {
  stop(key);
  const begun = performance.now();
  const go = () => {
    const until = performance.now() + SLICE;
    for (;;) {
      const step = work.next();
      if (step.done) {
        running.delete(key);
        done(/** @type {T} */ (step.value));
        return;
      }
      if (performance.now() < until) continue;
      if (performance.now() - begun > 700) says(/** @type {number} */ (step.value));
      running.set(key, window.setTimeout(go, 0));
      return;
    }
  };
  running.set(key, window.setTimeout(go, 0));
}

/** @type {Map<string, number>} */
const running = new Map();

/** @param {string} key */
export function stop(key) {
  clearTimeout(running.get(key));
  running.delete(key);
}

/** @param {number} share */
export const percent = (share) => `Working it out, ${Math.floor(100 * share)} %`;
