// node tests/run_playground.mjs FOLDER: what the playground's modules in that folder compute. Jobs as JSON on stdin, a
// list of [name, arguments]; their results as JSON on stdout.
import { resolve } from "node:path";
import { argv, stdin, stdout } from "node:process";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";

const load = (name) => import(pathToFileURL(resolve(argv[2], name)).href);
const [{ Net }, { AdamW, clip }, { TASKS, ...draws }, { Random }, { Learner }] = await Promise.all(
  ["nets.js", "optimiser.js", "tasks.js", "random.js", "learner.js"].map(load),
);
const floats = (list) => Float64Array.from(list.flat(Infinity));
const lists = (batch) => ({ ...batch, x: Array.from(batch.x), y: Array.from(batch.y) });

function net({ kind, task, units, held, convention, parameters, inputs, outputs }) {
  const made = new Net(kind, { kind: task, inputs, outputs }, units, { held, convention });
  if (parameters) made.parameters.set(floats(parameters));
  return made;
}

const JOBS = {
  loss({ x, y, B, T, ...of }) {
    const made = net(of),
      loss = made.loss({ x: floats(x), y: floats(y), B, T }, true);
    return { loss, gradient: Array.from(made.gradient) };
  },
  overLag({ x, T, ...of }) {
    return Array.from(net(of).overLag(floats(x), 0, T), (v) => (Number.isFinite(v) ? v : String(v)));
  },
  draw({ seed, remember, ...of }) {
    const made = net(of);
    made.draw(new Random(seed), remember);
    return Array.from(made.parameters);
  },
  adam({ parameters, gradients, rate, decay, most }) {
    const theta = floats(parameters),
      adam = new AdamW(theta.length, { decay }),
      norms = gradients.map((g) => {
        const gradient = floats(g),
          norm = clip(gradient, most ?? Infinity);
        adam.step(theta, gradient, rate);
        return norm;
      });
    return { parameters: Array.from(theta), norms };
  },
  task: ({ name, seed, batch, lag, test }) => lists(TASKS[name][test ? "test" : "draw"](new Random(seed), batch, lag)),
  tasks: () => TASKS,
  sums: ({ a, b, bits }) => lists(draws.sums(a, b, bits)),
  uniform({ seeds, count }) {
    const random = new Random(...seeds);
    return Array.from({ length: count }, () => random.uniform());
  },
  learn({ steps, question, ...settings }) {
    const learner = new Learner(settings),
      { draw } = learner.task,
      start = Array.from(learner.net.parameters),
      batches = [];
    learner.task = { ...learner.task, draw: (...given) => {
      batches.push(draw(...given));
      return batches.at(-1);
    } };
    const losses = learner.train(steps),
      seen = learner.look(question ?? { a: 1023, b: 1 });
    seen.rows = Object.fromEntries(Object.entries(seen.rows).map(([name, row]) => [name, Array.from(row)]));
    return {
      start, losses, batches: batches.map(lists), end: Array.from(learner.net.parameters), seen,
      test: learner.test(), asked: lists(learner.asked), overLag: learner.overLag(), lags: lists(learner.lags),
    };
  },
};

Object.assign(JOBS, {
  advance({ counts, ...settings }) {
    const learner = new Learner(settings), losses = [], tests = [];
    for (const count of counts) {
      const found = learner.advance(count);
      losses.push(...found.losses);
      tests.push(...found.tests);
    }
    return { losses, tests, steps: learner.steps, parameters: Array.from(learner.net.parameters) };
  },
});

const [{ FIRST, PAGES, STORIES }, { settingsOf }] = await Promise.all(["stories.js", "runs.js"].map((name) => load(`playground/${name}`)));
Object.assign(JOBS, {
  stories: () => STORIES.map(({ name }) => name),
  story({ story, kind, seed }) {
    const choices = { ...FIRST, ...STORIES.find(({ name }) => name === story).choices },
      learner = new Learner(settingsOf(choices, kind, seed)),
      before = learner.overLag().at(-1),
      { solved, steps, tests } = learner.advance(PAGES[choices.task].budget);
    return { solved, steps, right: tests.at(-1).right, of: tests.at(-1).of, before, after: learner.overLag().at(-1) };
  },
});

const jobs = JSON.parse(await text(stdin));
stdout.write(JSON.stringify(jobs.map(([name, given]) => JOBS[name](given))));
