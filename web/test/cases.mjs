// Runs cases that the tests in Python give on stdin, and prints what the page computes for them.

import { readFileSync } from "node:fs";
import { describing } from "../src/describe.js";
import { changes, fitting, pythonOf } from "../src/edit.js";
import { exciting, find, influence, sources, statesOf } from "../src/find.js";
import { Net } from "../src/gru.js";

/** Goes through a generator to its end, and looks that it says how far it is. */
function whole(generator) {
  let last = 0;
  for (;;) {
    const { done, value } = generator.next();
    if (done) return value;
    if (!(value >= last && value <= 1)) throw new Error(`progress went from ${last} to ${value}`);
    last = value;
  }
}

const DO = {
  run({ net, s, edits }) {
    const run = net.run(s, changes(fitting(edits, net, s.steps), net, s));
    const of = (name) => run.runs.map((one) => Array.from(one[name]));
    return {
      update: of("z"), reset: of("r"), candidate: of("n"), state: of("h"),
      final: run.final, steps: run.over ? run.steps().map((a) => (Number.isNaN(a[0]) ? a.map(() => 0) : a)) : null,
    };
  },
  describe: ({ net, s, edits, step, names }) => whole(describing(net, s, edits, { step, names })),
  find({ net, sequences, j, sequence, steps, threshold, least, most, unit, count, apart }) {
    const states = whole(statesOf(net, sequences, j));
    return { found: find(states, net.units, sequence, steps, { threshold, least, most }), peaks: exciting(states, net.units, unit, { count, apart }) };
  },
  influence: ({ net, s, edits }) => whole(influence(net, s, edits)),
  sources: ({ net, s, j, unit, t, gate, wire }) => sources(net, net.run(s), j, unit, t, gate, wire),
  fitting: ({ net, s, edits }) => fitting(edits, net, s.steps),
  python: ({ edits }) => edits.map(pythonOf),
};

const cases = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(cases.map((one) => DO[one.what]({ ...one, net: one.data && new Net(one.data) }))));
