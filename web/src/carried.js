// A net too large to be computed here: what was computed beforehand, in rows of units that move alike, and of each row
// one unit whole. It answers the same questions as Net.

import { Net, bytes, floats, sigmoid } from "./gru.js";

const SPREAD = ["r", "z", "n", "h"];

export class Carried extends Net {
  /** @type {any} */ W;
  /** @type {any} */ own;
  /** @type {any} */ b;
  /** @type {any} */ c;

  constructor(data) {
    super(data);
    const c = data.carried;
    this.count = c.rows;
    this.row = new Uint16Array(bytes(c.row));
    this.whole = c.unit;
    for (const name of ["W", "own", "b", "c"]) this[name] = floats(c[name]);
    this.sizes = this.whole.map((units, j) => units.map((_, row) => this.row.subarray(j * this.units, (j + 1) * this
      .units).filter((r) => r === row).length));
  }

  get rows() { return this.count; }
  rowOf(j, unit) { return this.row[j * this.units + unit]; }
  unitOf(j, row) { return this.whole[j][row]; }

  /** @param {any} s @returns {any} */
  run(s) {
    const c = s.carried,
      T = s.steps,
      found = { T, block: c.block, columns: Math.ceil(T / c.block), x: this.seen(s.x) };
    found.means = new Uint16Array(bytes(c.means));
    found.units = floats(c.units);
    const answer = floats(c.answer);
    Object.assign(found, { final: Array.from(answer), outputs: c.outputs, over: null });
    if (c.over !== null) {
      const over = floats(c.over),
        bestValue = floats(c.best_value),
        width = c.outputs.length;
      found.over = (t, o) => (o === c.best[t] ? bestValue[t] : over[t * width + c.outputs.indexOf(o)]);
      found.best = (t) => c.best[t];
    }
    return found;
  }

  // Over the units of a row and the steps of a block: 0 their mean, 1 the lowest, 2 the highest.
  spread(run, j, gate, row, t, which) {
    const k = SPREAD.indexOf(gate);
    return run.means[(((j * 4 + k) * 3 + which) * this.count + row) * run.columns + Math.floor(t / run.block)] /
      32767.5 - 1;
  }

  shown(run, j, gate, row, t) {
    if (gate !== "keep") return this.spread(run, j, gate, row, t, 0);
    const z = this.spread(run, j, "z", row, t, 0);
    return this.keeps ? z : 1 - z;
  }

  at(run, j, unit, t) {
    const row = this.rowOf(j, unit),
      found = { c: this.c[j * this.count + row] };
    const read = (k) => run.units[((j * 7 + k) * this.count + row) * run.T + t];
    ["r", "z", "n"].forEach((gate, k) => {
      found[gate] = { Wx: read(2 * k), Uh: read(2 * k + 1), b: this.b[(j * this.count + row) * 3 + k] };
    });
    return { values: this.values(found, read(6)), products: found };
  }

  values(p, h) {
    const gate = (g) => sigmoid(p[g].Wx + p[g].Uh + p[g].b),
      r = gate("r"),
      z = gate("z"),
      after = this.reset === "after";
    const q = p.n.Uh + (after ? p.c : 0),
      n = Math.tanh(p.n.Wx + p.n.b + (after ? r * q : q));
    return { r, z, n, q, h, out: this.mix(z, n, h) };
  }

  // The other units' weights are not here, so their reset gates stay as they were.
  trial(run, j, unit, t) {
    const row = this.rowOf(j, unit),
      I = this.inputs,
      first = j < this.directions,
      { values, products } = this.at(run, j, unit, t);
    const was = first ? run.x.slice(t * I, (t + 1) * I) : new Float64Array(0),
      x = was.slice(),
      after = this.reset === "after";
    const compute = (h, forced) => {
      const parts = { c: products.c };
      ["r", "z", "n"].forEach((gate, k) => {
        const from = (((j % this.directions) * this.count + row) * 3 + k) * I;
        let Wx = products[gate].Wx;
        for (let f = 0; f < x.length; f++) Wx += this.W[from + f] * (x[f] - was[f]);
        parts[gate] = { Wx, Uh: products[gate].Uh, b: products[gate].b };
      });
      const own = (k) => this.own[(j * this.count + row) * 3 + k];
      parts.r.Uh += own(0) * (h - values.h);
      parts.z.Uh += own(1) * (h - values.h);
      const free = this.values({ ...parts, n: products.n }, h),
        r = forced.r === null ? free.r : forced.r,
        z = forced.z === null ? free.z : forced.z;
      const Uh = parts.n.Uh + own(2) * (after ? h - values.h : r * h - values.r * values.h);
      const n = Math.tanh(parts.n.Wx + parts.n.b + (after ? r * (Uh + parts.c) : Uh));
      return this.mixed(r, z, n, h);
    };
    return { x, h: values.h, compute };
  }
}
