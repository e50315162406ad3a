// Runs: what is known of a net that learns in the pool, and how several of them are taken forward together.

import { PAGES } from "./stories.js";

/**
 * @typedef {{kind: import("../nets.js").Kind, key: string, steps: number, losses: number[],
 *   tests: import("./pool.js").Test[], overLag: number[], seen: import("../learner.js").Seen|null, solved: boolean}} Run
 */

let count = 0;

/** @param {import("../nets.js").Kind} kind @returns {Run} */
export const newRun = (kind) =>
  ({ kind, key: `${kind}-${++count}`, steps: 0, losses: [], tests: [], overLag: [], seen: null, solved: false });

/**
 * A net's settings from the page's.
 * @param {import("./stories.js").Choices} choices @param {import("../nets.js").Kind} kind @param {number} seed
 * @returns {import("../learner.js").Settings}
 */
export function settingsOf(choices, kind, seed) {
  const { task, units, lag, remember, rate } = choices,
    { batch, decay, clip } = PAGES[task];
  return { kind, task, units, lag, remember, rate, seed, batch, decay, clip, held: kind === "rnn" ? {} : choices[kind] };
}

/** What a report adds to a run. @param {Run} run @param {import("./pool.js").Report} report */
export function absorb(run, report) {
  run.steps = report.steps;
  for (const loss of report.losses) run.losses.push(loss);
  run.tests.push(...report.tests);
  run.solved = report.solved;
  if (report.overLag) run.overLag = report.overLag;
  if (report.seen) run.seen = report.seen;
}

/** Still learning. @param {Run} run @param {number} budget */
export const learns = (run, budget) => !run.solved && run.steps < budget;
