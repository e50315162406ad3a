// The playground: what the reader sets, and the three nets that learn side by side, in step with each other.

import { $, element, option } from "../dom.js";
import { GATES, KINDS, NAMES } from "../nets.js";
import { refresh } from "../palette.js";
import { ASKED_BITS } from "../tasks.js";
import { fromAddress, toAddress } from "./address.js";
import { Pool } from "./pool.js";
import { absorb, learns, newRun, settingsOf } from "./runs.js";
import { FIRST, PAGES, STORIES } from "./stories.js";
import { drawCurves, drawLags, drawNet, drawSeed, gatesOf, standing, strip } from "./view.js";

/** @typedef {import("./runs.js").Run} Run */

/** What the sliders stand for, where it is not their number. */
const REMEMBER = [0, 2, 3, 5, 8, 12, 20, 30, 45, 60, 80, 100, 150, 200],
  RATES = [0.0003, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1],
  SPEEDS = [{ name: "one step a second", wait: 1000 }, { name: "five steps a second", wait: 200 }, { name: "as fast as it can", wait: 0 }];
/** Milliseconds that the nets may take for what the page draws next; fewer where they work in the page itself. */
const AIM = { workers: 150, page: 12 };
const SEEDS = 5;

export class Playground {
  /** @param {string} source the page's script */
  constructor(source) {
    const cores = navigator.hardwareConcurrency || 2;
    this.pool = new Pool(source, Math.max(1, Math.min(KINDS.length, cores)));
    this.choices = fromAddress(location.hash, FIRST);
    /** @type {Run[]} */
    this.runs = [];
    /** @type {Map<string, Run>} of the strip, by net and seed */
    this.others = new Map();
    this.playing = false;
    this.trying = false;
    this.tried = 0;
    this.busy = false;
    this.turn = 0;
    this.each = 1;
    this.budget = 0;
    this.drawn = false;
    this.build();
    this.show();
    this.restart();
  }

  /** The controls that are made here, and what they do. */
  build() {
    option($("task"), Object.entries(PAGES).map(([value, { name }]) => [value, name]), this.choices.task);
    for (const [i, story] of STORIES.entries()) {
      const button = element("button", { type: "button", "aria-pressed": "false", "data-story": i }, $("stories"), story.name);
      button.addEventListener("click", () => this.tell(i));
    }
    for (const kind of KINDS) {
      if (gatesOf(kind).length) {
        option($(`rows-${kind}`), gatesOf(kind), gatesOf(kind)[0][0]);
        $(`rows-${kind}`).addEventListener("change", () => this.draw());
      }
      for (const { gate, name, hold } of GATES[kind]) this.gate(kind, gate, name, hold);
    }
    const on = (/** @type {string} */ id, /** @type {string} */ event, /** @type {() => void} */ act) => $(id).addEventListener(event, act);
    on("play", "click", () => (this.playing ? this.pause() : this.play()));
    on("once", "click", () => { this.pause(); this.take(1); });
    on("again", "click", () => this.restart());
    on("try", "click", () => this.trySeeds());
    on("task", "change", () => this.change({ task: $("task").value, lag: PAGES[$("task").value].lag.value }));
    on("lag", "input", () => this.change({ lag: +$("lag").value }));
    on("units", "input", () => this.change({ units: +$("units").value }));
    on("remember", "input", () => this.change({ remember: REMEMBER[+$("remember").value] }));
    on("rate", "input", () => this.change({ rate: RATES[+$("rate").value] }));
    on("seed", "change", () => this.change({ seed: Math.max(0, Math.min(99999, Math.round(+$("seed").value) || 0)) }));
    on("speed", "input", () => { $("speed-out").textContent = this.speed.name; });
    for (const id of ["question-a", "question-b"]) on(id, "change", () => this.look());
    on("theme", "click", () => this.theme(document.documentElement.dataset.theme !== "dark"));
    this.theme(matchMedia("(prefers-color-scheme: dark)").matches);
    $("settings").open = innerWidth > 760; // on a phone the curves are not to lie far below
    let width = innerWidth;
    addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; this.draw(); } });
  }

  /** A gate's switch, and where it is held. @param {"lstm"|"gru"|"rnn"} kind @param {string} gate @param {string} name @param {number} hold */
  gate(kind, gate, name, hold) {
    const row = element("div", { class: "gate" }, $(`gates-${kind}`)),
      label = element("label", {}, row),
      box = element("input", { type: "checkbox", id: `on-${kind}-${gate}` }, label);
    label.append(` ${name} ${gate}`);
    const held = element("label", { class: "held" }, row, "held at"),
      slider = element("input", { type: "range", min: 0, max: 1, step: 0.01, value: hold, id: `at-${kind}-${gate}`,
        "aria-label": `${NAMES[kind]}: ${name} held at` }, held),
      out = element("output", { for: slider.id }, held);
    const set = () => {
      const all = { ...this.choices[/** @type {"lstm"|"gru"} */ (kind)] };
      if (box.checked) delete all[gate];
      else all[gate] = +slider.value;
      this.change({ [kind]: all });
    };
    box.addEventListener("change", set);
    slider.addEventListener("input", set);
    this.gates = [...(this.gates || []), { kind, gate, box, slider, out, held }];
  }

  get speed() { return SPEEDS[+$("speed").value]; }

  get question() {
    const digits = (/** @type {string} */ id) => Math.max(0, Math.min(2 ** ASKED_BITS - 1, Math.round(+$(id).value) || 0));
    return { a: digits("question-a"), b: digits("question-b") };
  }

  /** The controls say what is chosen. */
  show() {
    const { choices } = this, page = PAGES[choices.task], { lag } = page;
    $("task").value = choices.task;
    $("asks").textContent = page.asks;
    $("lag-name").textContent = lag.name;
    Object.assign($("lag"), { min: lag.least, max: lag.most, value: choices.lag });
    $("units").value = choices.units;
    $("remember").value = REMEMBER.findIndex((v) => v >= choices.remember);
    $("rate").value = RATES.findIndex((v) => v >= choices.rate - 1e-9);
    $("seed").value = choices.seed;
    $("lag-out").textContent = `${choices.lag} ${lag.unit}`;
    $("units-out").textContent = choices.units;
    $("remember-out").textContent = choices.remember ? `${choices.remember} steps` : "off";
    $("rate-out").textContent = choices.rate;
    $("speed-out").textContent = this.speed.name;
    $("question").hidden = choices.task !== "addition";
    for (const { kind, gate, box, slider, out, held } of this.gates || []) {
      const at = choices[/** @type {"lstm"|"gru"} */ (kind)][gate];
      box.checked = at === undefined;
      held.hidden = at === undefined;
      if (at !== undefined) slider.value = String(at);
      out.textContent = slider.value;
    }
    const told = STORIES.findIndex((story) => toAddress({ ...FIRST, ...story.choices, seed: choices.seed }) === toAddress(choices));
    for (const button of $("stories").children) button.setAttribute("aria-pressed", String(+button.dataset.story === told));
    $("look").textContent = told < 0 ? "" : STORIES[told].look;
  }

  /** Other settings, and new nets that have them. @param {Partial<import("./stories.js").Choices>} some */
  change(some) {
    Object.assign(this.choices, some);
    try {
      history.replaceState(null, "", `#${toAddress(this.choices)}`);
    } catch {
      // a page inside another may not have an address: the settings are then not kept in it
    }
    this.show();
    this.restart();
  }

  /** @param {number} i */
  tell(i) {
    this.change({ ...FIRST, seed: this.choices.seed, ...STORIES[i].choices });
    this.play();
  }

  /** New nets, that have learned nothing. */
  async restart() {
    this.pause();
    const turn = ++this.turn, old = [...this.runs, ...this.others.values()];
    this.trying = false;
    this.others.clear();
    for (const run of old) this.pool.ask("end", run.key);
    this.runs = KINDS.map(newRun);
    this.budget = PAGES[this.choices.task].budget;
    this.each = 1;
    this.seedStrip();
    const { question, choices } = this;
    await Promise.all(this.runs.map(async (run) => {
      const report = await this.pool.ask("start", run.key, { settings: settingsOf(choices, run.kind, choices.seed), question });
      if (turn === this.turn) absorb(run, report);
    }));
    if (turn === this.turn) this.draw();
  }

  play() {
    if (this.playing) return;
    if (this.runs.every((run) => run.solved)) return;
    if (!this.runs.some((run) => learns(run, this.budget))) this.budget += PAGES[this.choices.task].budget;
    this.playing = true;
    $("play").textContent = "Pause";
    this.loop();
  }

  pause() {
    this.playing = false;
    $("play").textContent = "Play";
  }

  async loop() {
    const turn = this.turn;
    await this.begun();
    while (this.playing && turn === this.turn && this.runs.some((run) => learns(run, this.budget))) {
      const begun = performance.now(), { wait } = this.speed;
      await this.take(wait ? 1 : Math.max(1, Math.min(20, Math.round(this.each))));
      await new Promise((go) => setTimeout(go, Math.max(0, wait - (performance.now() - begun))));
    }
    if (this.playing && turn === this.turn) {
      this.pause();
      $("live").textContent = this.runs.map((run) => `${NAMES[run.kind]}: ${standing(run, this.budget)}`).join(" ");
    }
  }

  /** Until the nets are there. */
  async begun() {
    while (this.runs.some((run) => !run.tests.length)) await new Promise((go) => setTimeout(go, 10));
  }

  /** So many steps of every net that still learns. @param {number} steps */
  async take(steps) {
    const { turn, question } = this, begun = performance.now();
    await this.begun();
    const learning = this.runs.filter((run) => learns(run, this.budget));
    // What the nets show is looked at when little is taken, and otherwise where a test is due.
    const due = steps === 1 || learning.some((run) => Math.floor((run.steps + steps) / 20) > Math.floor(run.steps / 20));
    this.busy = true;
    await Promise.all(learning.map(async (run) => {
      const report = await this.pool.ask("advance", run.key, { steps: Math.min(steps, this.budget - run.steps), question: due ? question : null });
      if (turn === this.turn) absorb(run, report);
    }));
    this.busy = false;
    if (turn !== this.turn) return;
    const aim = this.pool.workers.length ? AIM.workers : AIM.page;
    this.each = Math.max(1, Math.min(20, (steps * aim) / Math.max(1, performance.now() - begun)));
    this.draw(due);
  }

  /** Ask the nets another question. */
  async look() {
    const { turn, question } = this;
    $("question-a").value = question.a;
    $("question-b").value = question.b;
    await Promise.all(this.runs.map(async (run) => {
      const { seen } = await this.pool.ask("look", run.key, { question });
      if (turn === this.turn && seen) run.seen = seen;
    }));
    this.draw();
  }

  /** @param {boolean} [nets] the nets too, not the curves alone */
  draw(nets = true) {
    const { task } = this.choices, runs = this.runs;
    if (!runs.length || runs.some((run) => !run.tests.length)) return;
    $("play").disabled = $("once").disabled = runs.every((run) => run.solved);
    drawCurves(runs, task, this.budget);
    for (const run of runs) $(`standing-${run.kind}`).textContent = standing(run, this.budget);
    if (nets) {
      drawLags(runs);
      for (const run of runs) drawNet(run, task, $(`rows-${run.kind}`)?.value);
    }
    for (const run of runs) drawSeed(run, this.choices.seed, this.budget);
    if (this.others.size) this.tellSeeds();
    if (nets) for (const [name, run] of this.others) drawSeed(run, +name.split(" ")[1], this.budget);
    document.documentElement.dataset.steps = String(Math.max(...runs.map((run) => run.steps)));
  }

  get seeds() { return Array.from({ length: SEEDS }, (_, i) => this.choices.seed + i); }

  seedStrip() {
    strip(this.seeds);
    $("try").disabled = false;
    $("try-says").textContent = "";
  }

  /** Every net from four more starts, and on other questions: some at a time, in turn. */
  async trySeeds() {
    const turn = this.turn, choices = { ...this.choices }, budget = PAGES[choices.task].budget,
      queue = this.seeds.slice(1).flatMap((seed) => KINDS.map((kind) => ({ seed, kind })));
    $("try").disabled = true;
    this.trying = true;
    this.tried = 0;
    this.tellSeeds();
    this.play();
    const left = [...queue];
    const work = async () => {
      for (let next = left.shift(); next && turn === this.turn; next = left.shift()) {
        const run = newRun(next.kind);
        this.others.set(`${next.kind} ${next.seed}`, run);
        absorb(run, await this.pool.ask("start", run.key, { settings: settingsOf(choices, next.kind, next.seed) }));
        while (turn === this.turn && learns(run, budget)) {
          absorb(run, await this.pool.ask("advance", run.key, { steps: this.pool.workers.length ? 20 : 1 }));
          if (turn === this.turn) drawSeed(run, next.seed, budget);
        }
        this.pool.ask("end", run.key);
        this.tried++;
        if (turn === this.turn) this.tellSeeds();
      }
    };
    await Promise.all(Array.from({ length: this.pool.size }, work));
    this.trying = false;
  }

  /** How far the seeds are; when all are done, how many of them each net solved. */
  tellSeeds() {
    const others = (SEEDS - 1) * KINDS.length;
    if (this.tried < others) {
      $("try-says").textContent = `${this.tried} of ${others} other nets are done.`;
      return;
    }
    const solved = (/** @type {string} */ kind) => this.runs.concat([...this.others.values()]).filter((run) => run.kind === kind && run.solved).length;
    $("try-says").textContent = `Solved, of ${SEEDS} seeds: ${KINDS.map((kind) => `${NAMES[kind]} ${solved(kind)}`).join(", ")}.`;
  }

  /** @param {boolean} dark */
  theme(dark) {
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    $("theme").textContent = dark ? "Light" : "Dark";
    $("theme").setAttribute("aria-pressed", String(dark));
    refresh();
    this.draw();
  }
}
