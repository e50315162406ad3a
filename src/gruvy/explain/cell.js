"use strict";
// The cell, drawn: one unit's numbers on the wires of the equations. One crossing, at the hop under σ_z.

class CellDiagram {
  constructor(host, net) {
    this.net = net;
    this.values = {};
    const keeps = net.keeps, after = net.reset === "after";
    const root = svg("svg", {viewBox: "0 0 780 420", role: "img", class: "cell", "aria-labelledby": "cell-title"}, host);
    svg("title", {id: "cell-title"}, root, "The cell of one unit at the chosen step; the numbers are in the equations beside it");
    const defs = svg("defs", {}, root), marker = svg("marker", {
      id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 6, markerHeight: 6, orient: "auto-start-reverse"}, defs);
    svg("path", {d: "M0 0.5L8 4L0 7.5z", class: "tip"}, marker);
    svg("rect", {x: 74, y: 22, width: 632, height: 352, rx: 26, class: "body"}, root);
    this.root = root;
    this.wires = {};
    const wire = (name, d, end) => {
      this.wires[name] = svg("path", {d, class: "wire", "data-wire": name, ...(end ? {"marker-end": "url(#tip)"} : {})}, root);
    };
    wire("x", "M36 386H590M186 386V264M426 386V264M590 386V264");
    wire("h", "M20 76H406M110 76V344H410M170 344V264M410 344V264");
    wire("h_rh", after ? "M260 76V126M260 162V211" : "M260 76V211", true);
    wire("r", "M202 230H240", true);
    wire("rh", "M260 249V304H400A18 18 0 0 1 436 304H574V264", true);
    wire("z", "M418 204V166");
    wire("z_keep", keeps ? "M418 166V95" : "M418 166V140M418 112V95", true);
    wire("z_add", keeps ? "M418 166H486M514 166H563" : "M418 166H563", true);
    wire("n", "M582 204V186", true);
    wire("kept", "M437 76H563", true);
    wire("added", "M582 147V95", true);
    wire("out", "M601 76H752", true);
    this.ops = {};
    this.box("r", 178, 230, "σ", "reset gate");
    this.box("z", 418, 230, "σ", "update gate");
    this.box("n", 582, 230, "tanh", "candidate");
    for (const [name, x, y, sign] of [["rh", 260, 230, "∘"], ["kept", 418, 76, "∘"], ["added", 582, 166, "∘"], ["out", 582, 76, "+"],
      ["one", ...(keeps ? [500, 166] : [418, 126]), "1−"]]) this.circle(name, x, y, sign);
    if (after) {
      svg("rect", {x: 238, y: 126, width: 44, height: 36, rx: 8, class: "box plain"}, root);
      svg("text", {x: 260, y: 149, class: "sign small", "text-anchor": "middle"}, root, "U·+c");
    }
    const dh = after ? "q" : "h";
    this.tag("h", 20, 60, "start", "h_prev");
    this.tag("out", 760, 60, "end", "h_t");
    svg("text", {x: 20, y: 410, class: "name"}, root, "x");
    svg("text", {x: 31, y: 414, class: "name sub"}, root, "t");
    svg("text", {x: 42, y: 410, class: "caption"}, root, "input");
    this.tag("r", 214, 216, "middle", "r", true);
    this.tag("rh", 272, 282, "start", after ? "r∘q" : "r∘h");
    if (after) this.tag("q", 270, 190, "start", dh);
    this.tag("z", 428, 192, "start", "z");
    this.tag("one", keeps ? 500 : 440, keeps ? 196 : 130, keeps ? "middle" : "start", "1−z");
    this.tag("n", 592, 200, "start", "h̃");
    this.tag("kept", 500, 64, "middle", "kept");
    this.tag("added", 592, 124, "start", "let in");
    svg("text", {x: 390, y: 14, class: "caption", "text-anchor": "middle"}, root, "what is kept runs along the top");
  }

  box(name, x, y, sign, caption) {
    const node = svg("rect", {x: x - 30, y: y - 26, width: 60, height: 52, rx: 11, class: "box"}, this.root);
    const text = svg("text", {x, y: y + 6, class: "sign", "text-anchor": "middle"}, this.root, sign);
    svg("title", {}, node, caption);
    this.ops[name] = {node, text};
  }

  circle(name, x, y, sign) {
    const node = svg("circle", {cx: x, cy: y, r: name === "one" ? 14 : 18, class: "op"}, this.root);
    const text = svg("text", {x, y: y + (name === "one" ? 5 : 6), class: name === "one" ? "sign small" : "sign", "text-anchor": "middle"}, this.root, sign);
    this.ops[name] = {node, text};
  }

  tag(name, x, y, anchor, label, stacked) {
    const node = svg("text", {x, y, class: "value", "text-anchor": anchor}, this.root);
    svg("tspan", {class: "label"}, node, stacked ? label : `${label} `);
    this.values[name] = svg("tspan", {"data-value": `cell.${name}`, ...(stacked ? {x, dy: 0} : {})}, node);
    if (stacked) { node.firstChild.setAttribute("dy", -15); this.values[name].setAttribute("dy", 15); }
    this.labels = {...this.labels, [name]: node.firstChild};
  }

  // v: h, r, z, n, q, out of one unit at one step; previous: how the old state is called.
  show(v, previous) {
    const keeps = this.net.keeps, after = this.net.reset === "after", old = keeps ? v.z : 1 - v.z;
    const all = {h: v.h, r: v.r, z: v.z, n: v.n, q: v.q, out: v.out, one: 1 - v.z, rh: v.r * (after ? v.q : v.h),
      kept: old * v.h, added: (1 - old) * v.n};
    for (const [name, node] of Object.entries(this.values)) node.textContent = number(all[name]);
    this.labels.h.textContent = `${previous} `;
    this.labels.out.textContent = "h_t ";
    const level = {x: 0.5, h: v.h, h_rh: after ? v.q : v.h, r: v.r, rh: all.rh, z: v.z, z_keep: old, z_add: 1 - old, n: v.n,
      kept: all.kept, added: all.added, out: v.out};
    for (const [name, node] of Object.entries(this.wires)) {
      const size = Math.min(1, Math.abs(level[name]));
      node.style.strokeWidth = (1.5 + 4.5 * size).toFixed(2);
      const gate = name === "r" || name[0] === "z";
      node.style.stroke = name === "x" ? "" : css(gate ? blend(neutralWire(), [230, 159, 0], size) : blend(neutralWire(), level[name] < 0 ? BLUE : VERMILION, size));
    }
    for (const [name, op] of Object.entries(this.ops)) {
      const c = name === "r" || name === "z" || name === "one" ? sequential(all[name]) : diverging(all[name]);
      op.node.style.fill = css(c);
      op.text.style.fill = inkOn(c);
    }
  }
}

const neutralWire = () => (dark() ? [92, 102, 118] : [190, 194, 200]);
