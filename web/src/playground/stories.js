// What the page offers to try, and what it says of it. A test trains every story's nets over several seeds and holds the
// page to what is said here.

/**
 * @typedef {{task: string, units: number, lag: number, remember: number, rate: number, seed: number,
 *   lstm: import("../cells.js").Held, gru: import("../cells.js").Held}} Choices the page's settings
 * @typedef {{name: string, choices: Partial<Choices>, look: string}} Story
 */

/** Of each task: what the nets are asked, the lag's bounds and name, and settings that are not the reader's to choose. */
export const PAGES = {
  clue: {
    name: "Early clue",
    asks: "Letters go by. One of them, P, Q, R or S, is the clue, and it is among the first. After the last letter the net is asked which one it was. A guess is right one time in four.",
    lag: { least: 10, most: 120, value: 60, name: "Lag", unit: "steps" },
    rate: 0.01,
    batch: 32,
    decay: 0,
    clip: 1,
    budget: 400,
  },
  adding: {
    name: "Two marked numbers",
    asks: "Numbers between 0 and 1 go by, and two of them are marked, one in each half. After the last the net is asked for the sum of the two. Right is within 0.08 of it.",
    lag: { least: 6, most: 100, value: 30, name: "Length", unit: "steps" },
    rate: 0.01,
    batch: 32,
    decay: 0,
    clip: 1,
    budget: 1200,
  },
  addition: {
    name: "Binary addition",
    asks: "Two binary numbers go in, one digit of each per step, the lowest first, and the digits of their sum come out. The nets learn from small numbers and are asked to add numbers of 20 digits, every digit right.",
    lag: { least: 2, most: 8, value: 4, name: "Digits learned from", unit: "digits" },
    rate: 0.01,
    batch: 256,
    decay: 0.1,
    clip: 0,
    budget: 1000,
  },
};

/** @type {Choices} */
export const FIRST = { task: "clue", units: 16, lag: 60, remember: 60, rate: 0.01, seed: 0, lstm: {}, gru: {} };

/** @type {Story[]} */
export const STORIES = [
  {
    name: "Remember a clue",
    choices: {},
    look: "The LSTM and the GRU start with a gate that keeps the state for about 60 steps. What they learn from reaches back to the clue, and they learn it. The RNN has no gate: its gradient is gone before it gets there, and it goes on guessing.",
  },
  {
    name: "Without that start",
    choices: { remember: 0 },
    look: "The same nets with weights as torch draws them. The gradient vanishes in all three, and in this budget none learns what the clue was: a gate can keep a memory, and it has to be set to.",
  },
  {
    name: "GRU without its update gate",
    choices: { gru: { z: 1 } },
    look: "With the update gate held at 1 the state is replaced at every step. The GRU's gradient vanishes like the RNN's, and it fails like the RNN.",
  },
  {
    name: "GRU without its reset gate",
    choices: { gru: { r: 1 } },
    look: "With the reset gate held at 1 the GRU still learns the clue: what remembers is the update gate.",
  },
  {
    name: "Add binary numbers",
    choices: { task: "addition", lag: 4, remember: 0 },
    look: "The memory that is needed is one digit: the carry. From sums of 4 digits the GRU learns a rule that holds for 20. Look at the carry run through 1023 + 1.",
  },
];
