// The cell, drawn: one unit's numbers on the wires of the equations. One crossing: the hop on the way to the candidate.

import { number, svg } from "./dom.js";
import { blend, css, diverging, inkOn, negative, neutralWire, ofGate, positive, sequential } from "./palette.js";

export class CellDiagram {
  constructor(host, net) {
    this.net = net;
    this.values = {};
    this.numbers = {};
    const keeps = net.keeps,
      after = net.reset === "after";
    const root = svg("svg", { viewBox: "0 0 880 470", role: "img", class: "cell", "aria-labelledby": "cell-title" },
      host);
    svg("title", { id: "cell-title" }, root,
      "The cell of one unit at the chosen step; the numbers are in the equations beside it");
    const marker = svg("marker", {
      id: "tip",
      viewBox: "0 0 10 10",
      refX: 9,
      refY: 5,
      markerWidth: 13,
      markerHeight: 13,
      markerUnits: "userSpaceOnUse",
      orient: "auto"
    }, svg("defs", {}, root));
    svg("path", { d: "M0 1L10 5L0 9z", class: "tip" }, marker);
    svg("rect", { x: 92, y: 26, width: 716, height: 384, rx: 28, class: "body" }, root);
    svg("text", { x: 450, y: 17, class: "caption", "text-anchor": "middle" }, root,
      "what is kept runs along the top");
    this.root = root;
    this.wires = {};
    const wire = (name, d, end) => {
      this.wires[name] = svg("path", { d, class: "wire", "data-wire": name, ...(end ?
        { "marker-end": "url(#tip)" } : {}) }, root);
    };
    wire("x", "M56 438H690M199 438V292M459 438V292M690 438V292");
    wire("h", "M14 84H428M124 84V378H441V292M181 378V292");
    wire("h_rh", after ? "M330 84V130M330 168V240" : "M330 84V240", true);
    wire("r", "M224 262H308", true);
    wire("rh", "M330 284V336H428A22 22 0 0 1 472 336H670V294", true);
    wire("z", "M450 234V172");
    wire("z_keep", keeps ? "M450 172V106" : "M450 172V142M450 114V106", true);
    wire("z_add", keeps ? "M450 172H551M579 172H658" : "M450 172H658", true);
    wire("n", "M680 234V194", true);
    wire("kept", "M472 84H658", true);
    wire("added", "M680 150V106", true);
    wire("out", "M702 84H866", true);
    this.ops = {};
    this.box("r", 190, 262, "σ", "reset gate");
    this.box("z", 450, 262, "σ", "update gate");
    this.box("n", 680, 262, "tanh", "candidate");
    for (const [name, x, y, sign] of [
        ["rh", 330, 262, "∘"],
        ["kept", 450, 84, "∘"],
        ["added", 680, 172, "∘"],
        ["out", 680, 84, "+"],
        ["one", ...(keeps ? [565, 172] : [450, 128]), "1−"]
      ]) this.circle(name, x, y, sign);
    if (after) {
      svg("rect", { x: 296, y: 130, width: 68, height: 38, rx: 9, class: "box plain" }, root);
      svg("text", { x: 330, y: 154, class: "sign small", "text-anchor": "middle" }, root, "U h + c");
    }
    svg("text", { x: 20, y: 443, class: "name" }, root, "x");
    svg("text", { x: 31, y: 448, class: "name sub" }, root, "t");
    this.labels = {};
    this.tag("h", 12, 66, "start", "", true);
    this.tag("out", 868, 66, "end", "", true);
    this.tag("r", 266, 250, "middle", "r", true);
    this.tag("rh", 318, 326, "end", after ? "r∘q" : "r∘h");
    if (after) this.tag("q", 342, 212, "start", "q");
    this.tag("z", 462, 220, "start", "z");
    this.tag("one", keeps ? 565 : 472, keeps ? 148 : 134, keeps ? "middle" : "start", "1−z");
    this.tag("n", 692, 222, "start", "h̃");
    this.tag("kept", 565, 70, "middle", "kept");
    this.tag("added", 692, 134, "start", "let in");
  }

  box(name, x, y, sign, caption) {
    const node = svg("rect", { x: x - 34, y: y - 28, width: 68, height: 56, rx: 12, class: "box" }, this.root);
    const text = svg("text", { x, y: y + 6, class: "sign", "text-anchor": "middle" }, this.root, sign);
    svg("title", {}, node, caption);
    for (const part of [node, text]) part.setAttribute("data-gate", name);
    this.ops[name] = { node, text };
  }

  circle(name, x, y, sign) {
    const node = svg("circle", { cx: x, cy: y, r: name === "one" ? 14 : 20, class: "op" }, this.root);
    const text = svg("text", {
      x,
      y: y + (name === "one" ? 5 : sign === "∘" ? 10 : 7),
      "text-anchor": "middle",
      class: name === "one" ? "sign small" : "sign big"
    }, this.root, sign);
    this.ops[name] = { node, text };
  }

  // A value with its name before it, or above it.
  tag(name, x, y, anchor, label, stacked) {
    if (stacked) this.labels[name] = svg("text", { x, y: y - 18, class: "value", "text-anchor": anchor }, this
    .root);
    const node = svg("text", { x, y, class: "value", "text-anchor": anchor }, this.root);
    const text = svg("tspan", { class: "label" }, stacked ? this.labels[name] : node, stacked ? label :
    `${label} `);
    this.labels[name] = text;
    this.values[name] = svg("tspan", { "data-value": `cell.${name}` }, node);
  }

  // v: h, r, z, n, q, out of one unit at one step; previous: how the old state is called.
  show(v, previous) {
    const keeps = this.net.keeps,
      after = this.net.reset === "after",
      old = keeps ? v.z : 1 - v.z;
    const all = {
      h: v.h,
      r: v.r,
      z: v.z,
      n: v.n,
      q: v.q,
      out: v.out,
      one: 1 - v.z,
      rh: v.r * (after ? v.q : v.h),
      kept: old * v.h,
      added: (1 - old) * v.n
    };
    this.numbers = all;
    for (const [name, node] of Object.entries(this.values)) node.textContent = number(all[name]);
    this.labels.h.textContent = previous;
    this.labels.out.textContent = "hₜ";
    const level = {
      x: 0.5,
      h: v.h,
      h_rh: after ? v.q : v.h,
      r: v.r,
      rh: all.rh,
      z: v.z,
      z_keep: old,
      z_add: 1 - old,
      n: v.n,
      kept: all.kept,
      added: all.added,
      out: v.out
    };
    for (const [name, node] of Object.entries(this.wires)) {
      const size = Math.min(1, Math.abs(level[name]));
      node.style.strokeWidth = (1.5 + 4.5 * size).toFixed(2);
      const gate = name === "r" || name[0] === "z";
      node.style.stroke = name === "x" ? "" : css(gate ? blend(neutralWire(), ofGate(), size) : blend(
        neutralWire(), level[name] < 0 ? negative() : positive(), size));
    }
    for (const [name, op] of Object.entries(this.ops)) {
      const c = name === "r" || name === "z" || name === "one" ? sequential(all[name]) : diverging(all[name]);
      op.node.style.fill = css(c);
      op.text.style.fill = inkOn(c);
    }
  }
}
