// What the nets of the playground learn: the tasks of `gruvy.lab.tasks` and `gruvy.lab.binary`, drawn afresh for every
// batch. A test holds them to the lab's definitions.

/** @typedef {import("./random.js").Random} Random */
/**
 * A batch: x (B, T, I) row by row; y one target for each sequence, or for each step (B, T) where `kind` is "bits".
 * @typedef {{x: Float64Array, y: Float64Array, B: number, T: number}} Batch
 */
/**
 * kind: "number", one number after the last step; "class", one class after the last step; "bits", yes or no at every
 * step. `guess`: the loss of the best constant answer.
 * @typedef {{
 *   name: string, kind: "number"|"class"|"bits", inputs: number, outputs: number, guess: number, chance: number,
 *   solved: number, draw: (random: Random, batch: number, lag: number) => Batch,
 *   test: (random: Random, batch: number, lag: number) => Batch}} Task
 */

export const SYMBOLS = "abcdPQRS";
const CLUES = 4;

/**
 * The clue problem: one of four clues is shown once, within the first tenth of the steps, among distractors, and is
 * asked for after the last step.
 * @param {Random} random
 * @param {number} B
 * @param {number} lag
 * @returns {Batch}
 */
export function drawClue(random, B, lag) {
  const I = 2 * CLUES,
    x = new Float64Array(B * lag * I),
    y = new Float64Array(B);
  for (let i = 0; i < B; i++) {
    const at = random.whole(0, Math.max(1, Math.floor(lag / 10)));
    y[i] = random.whole(0, CLUES);
    for (let t = 0; t < lag; t++) {
      const symbol = random.whole(0, CLUES);
      x[(i * lag + t) * I + (t === at ? CLUES + y[i] : symbol)] = 1;
    }
  }
  return { x, y, B, T: lag };
}

/**
 * The adding problem: two of the numbers are marked, one in each half; their sum is asked for after the last step.
 * @param {Random} random
 * @param {number} B
 * @param {number} lag steps, at least 2
 * @returns {Batch}
 */
export function drawAdding(random, B, lag) {
  const x = new Float64Array(B * lag * 2),
    y = new Float64Array(B),
    half = Math.floor(lag / 2);
  for (let i = 0; i < B; i++) {
    for (let t = 0; t < lag; t++) x[(i * lag + t) * 2] = random.uniform();
    for (const at of [random.whole(0, half), random.whole(half, lag)]) {
      x[(i * lag + at) * 2 + 1] = 1;
      y[i] += x[(i * lag + at) * 2];
    }
  }
  return { x, y, B, T: lag };
}

/**
 * Sums of two numbers, digit by digit, the lowest first: the next digit of each in, the next digit of the sum out.
 * @param {number[]} a whole numbers from 0 to 2 ** bits - 1
 * @param {number[]} b as many
 * @param {number} bits digits of a and b, at most 30; the sums have one more
 * @returns {Batch}
 */
export function sums(a, b, bits) {
  const B = a.length,
    T = bits + 1,
    x = new Float64Array(B * T * 2),
    y = new Float64Array(B * T);
  for (let i = 0; i < B; i++) {
    for (let t = 0; t < T; t++) {
      x[(i * T + t) * 2] = (a[i] >>> t) & 1;
      x[(i * T + t) * 2 + 1] = (b[i] >>> t) & 1;
      y[i * T + t] = ((a[i] + b[i]) >>> t) & 1;
    }
  }
  return { x, y, B, T };
}

/**
 * Every sum of two numbers of so many bits, if there are no more than `most`; otherwise so many of them by chance.
 * @param {Random} random
 * @param {number} most
 * @param {number} bits
 * @returns {Batch}
 */
export function drawSums(random, most, bits) {
  const numbers = 2 ** bits;
  if (numbers * numbers > most) return randomSums(random, most, bits);
  const pairs = Array.from({ length: numbers * numbers }, (_, i) => i);
  return sums(pairs.map((i) => Math.floor(i / numbers)), pairs.map((i) => i % numbers), bits);
}

/**
 * Sums of random numbers of so many bits.
 * @param {Random} random
 * @param {number} B
 * @param {number} bits
 * @returns {Batch}
 */
export function randomSums(random, B, bits) {
  const draw = () => Array.from({ length: B }, () => random.whole(0, 2 ** bits)),
    a = draw();
  return sums(a, draw(), bits);
}

/** Digits of the sums that a net is asked for, whatever it has learned from. */
export const ASKED_BITS = 20;

/** @type {Record<string, Task>} */
export const TASKS = {
  addition: {
    name: "binary addition",
    kind: "bits",
    inputs: 2,
    outputs: 1,
    guess: Math.LN2,
    chance: 0,
    solved: 1,
    draw: drawSums,
    test: (random, B) => randomSums(random, B, ASKED_BITS),
  },
  clue: {
    name: "an early clue",
    kind: "class",
    inputs: 2 * CLUES,
    outputs: CLUES,
    guess: Math.log(CLUES),
    chance: 1 / CLUES,
    solved: 0.99,
    draw: drawClue,
    test: drawClue,
  },
  adding: {
    name: "the adding problem",
    kind: "number",
    inputs: 2,
    outputs: 1,
    guess: 1,
    chance: 0.15,
    solved: 0.95,
    draw: drawAdding,
    test: drawAdding,
  },
};
