// One unit at one step, as if its input, its old state or its gates were different.

import { rect, ruleX } from "@observablehq/plot";
import { $, element, number, template, whenVisible } from "../dom.js";
import { Chart } from "../plots.js";

const PARTS = ["x", "h", "z", "r"];

export class Playground {
  /** @type {any} */ x;
  /** @type {any} */ first;
  /** @type {any} */ ranges;
  /** @type {any} */ h;
  /** @type {any} */ forced;
  /** @type {any} */ trial;
  /** @type {any} */ given;

  constructor(net, features) {
    this.net = net;
    this.features = features;
    this.nodes = Object.fromEntries(PARTS.map((k) => [k, $(`p-${k}`)]));
    this.outs = Object.fromEntries(PARTS.map((k) => [k, $(`p-${k}-out`)]));
    this.feature = $("p-feature");
    for (const [name, node] of Object.entries(this.nodes)) {
      node.addEventListener("input", () => {
        if (name === "z" || name === "r") this.forced[name] = +node.value;
        else if (name === "h") this.h = +node.value;
        else this.setX(+node.value);
        this.update();
      });
    }
    this.feature.addEventListener("change", () => this.update());
    $("p-free").addEventListener("click", () => { this.forced = { z: null, r: null }; this.update(); });
    $("p-reset").addEventListener("click", () => this.load(...this.given));
    this.due = whenVisible(() => this.host());
    this.says = template($("p-says"), "kept {kept} + let in {added} = new state {out}, candidate {n}", "play");
  }

  // The feature's value as the user has it; units of a lower layer are not scaled.
  scaled(f) {
    const { scale, shift } = this.net;
    return [this.first && scale ? scale[f] : 1, this.first && shift ? shift[f] : 0];
  }

  setX(v) {
    const f = +this.feature.value, [scale, shift] = this.scaled(f);
    this.x[f] = (v - shift) / scale;
  }

  // make: gives a fresh Net.trial; first: whether it is of the first layer, which sees the user's input.
  load(make, first, ranges) {
    this.given = [make, first, ranges];
    this.trial = make();
    Object.assign(this, { first, ranges, x: this.trial.x, h: this.trial.h, forced: { z: null, r: null } });
    const names = first ? this.features : Array.from(this.x, (_, i) => `unit ${i} below`);
    if (this.feature.options.length !== names.length || this.feature.dataset.first !== String(first)) {
      this.feature.replaceChildren(...names.map((name, i) => element("option", { value: i }, null, name)));
      this.feature.dataset.first = String(first);
    }
    this.nodes.x.parentNode.hidden = !this.x.length;
    this.update();
  }

  update() {
    const f = Math.max(0, +this.feature.value), [scale, shift] = this.scaled(f), v = this.trial.compute(this.h, this.forced);
    const x = this.x.length ? this.x[f] * scale + shift : 0;
    const [low, high] = this.first ? this.ranges[f] || [-1, 1] : [-1, 1];
    this.nodes.x.min = Math.min(low, x);
    this.nodes.x.max = Math.max(high, x);
    const show = { x, h: this.h, z: v.z, r: v.r };
    for (const [name, node] of Object.entries(this.nodes)) {
      if (document.activeElement !== node || name === "z" || name === "r") node.value = show[name];
      this.outs[name].textContent = number(show[name]);
    }
    for (const g of ["z", "r"]) $(`p-${g}-is`).textContent = this.forced[g] === null ? "follows" : "held";
    for (const [name, node] of Object.entries(this.says)) node.textContent = number(v[name]);
    this.due(() => this.draw(v, show.h));
  }

  // Bars from −1 to 1: the old state and the part of it that is kept, what is let in, their sum; the candidate as a mark.
  draw(v, h) {
    const rows = [
      { row: 0, from: 0, to: h, fill: "var(--muted)", opacity: 0.3, name: "old state", value: h },
      { row: 0, from: 0, to: v.kept, fill: "var(--of-h)", opacity: 1, name: "kept", value: v.kept },
      { row: 1, from: v.kept, to: v.kept + v.added, fill: "var(--of-n)", opacity: 1, name: "let in", value: v.added },
      { row: 2, from: 0, to: v.out, fill: "var(--of-h)", opacity: 1, name: "new state", value: v.out },
      { row: 3, from: v.n, to: v.n, fill: "var(--of-n)", opacity: 1, name: "candidate", value: v.n },
    ];
    const say = (y) => rows.filter((r) => r.row === Math.floor(y)).map((r) => `${r.name} ${number(r.value)}`).join(", ");
    const names = ["kept of the old state", "let in", "new state", "candidate"];
    const wide = this.host().clientWidth < 420;
    new Chart(this.host(), {
      title: "The part of the old state that is kept, what is let in, their sum, and the candidate", height: 190, left: wide ? 86 : 140,
      x: { domain: [-1.05, 1.05], ticks: [-1, -0.5, 0, 0.5, 1] },
      y: { domain: [4, 0], ticks: [0.5, 1.5, 2.5, 3.5], format: (p) => (wide && p < 1 ? "kept" : names[Math.floor(p)]) },
      read: (_, y) => (y >= 0 && y < 4 ? { text: say(y) } : null),
    }, [...rows.map(bar), ruleX([0], { stroke: "var(--muted)" })], () => [["part", "value"], ...rows.map((r) => [r.name, r.value])]);
  }

  host() { return $("p-picture"); }
}

// The candidate is a mark, all else a bar.
function bar(r) {
  const wide = r.row === 3 ? 0.006 : 0;
  return rect([r], {
    x1: Math.min(r.from, r.to) - wide, x2: Math.max(r.from, r.to) + wide, y1: r.row + 0.18, y2: r.row + 0.82,
    fill: r.fill, fillOpacity: r.opacity, stroke: r.fill, strokeWidth: 1,
  });
}
