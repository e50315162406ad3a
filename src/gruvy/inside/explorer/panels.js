"use strict";
// The equations with numbers, the playground, the charts. Each is given what it shows and keeps nothing else.

function number(v) {
  if (Number.isNaN(v)) return "–";
  if (!Number.isFinite(v)) return v > 0 ? "∞" : "−∞";
  const size = Math.abs(v);
  const text = size < 10 ? v.toFixed(4) : size < 1e6 ? v.toFixed(2) : v.toExponential(3);
  return (/^-[0.]+$/.test(text) ? text.slice(1) : text).replace("-", "−");
}

function element(name, attributes, parent, text) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  if (parent) parent.appendChild(node);
  return node;
}

// Text with {name} places, each a span that carries data-value="prefix.name"; _x and ^x are sub- and superscripts.
function template(host, text, prefix) {
  const places = {};
  for (const piece of text.split(/(\{[\w.]+\}|_\{[^}]+\}|_.)/)) {
    if (!piece) continue;
    if (piece[0] === "{") places[piece.slice(1, -1)] = element(
    "b", { "data-value": `${prefix}.${piece.slice(1, -1)}` }, host);
    else if (piece[0] === "_") element("sub", {}, host, piece.replace(/^_\{?|\}$/g, ""));
    else host.append(piece);
  }
  return places;
}

class Equations {
  constructor(host, net) {
    this.host = host;
    this.net = net;
  }

  // `old` is how the state before is indexed: t−1 forward in time, t+1 backward.
  build(old) {
    const net = this.net,
      after = net.reset === "after",
      [a, b] = net.keeps ? ["h̃_t", `h_{${old}}`] : [`h_{${old}}`, "h̃_t"];
    const [va, vb] = net.keeps ? ["{n}", "{h}"] : ["{h}", "{n}"];
    this.host.replaceChildren();
    this.places = {};
    const rows = [
      ["z", "update gate", `z_t = σ( W_z x_t + U_z h_{${old}} + b_z )`, "= σ( {z.Wx} + {z.Uh} + {z.b} ) = {z}"],
      ["r", "reset gate", `r_t = σ( W_r x_t + U_r h_{${old}} + b_r )`, "= σ( {r.Wx} + {r.Uh} + {r.b} ) = {r}"],
      ["n", "candidate", after ? `h̃_t = tanh( W_h x_t + b_h + r_t ∘ ( U_h h_{${old}} + c_h ) )` :
        `h̃_t = tanh( W_h x_t + U_h ( r_t ∘ h_{${old}} ) + b_h )`,
        after ? "= tanh( {n.Wx} + {n.b} + {r} · ( {n.Uh} + {c} ) ) = {n}" :
        "= tanh( {n.Wx} + {n.Uh} + {n.b} ) = {n}"
      ],
      ["out", "state", `h_t = ( 1 − z_t ) ∘ ${a} + z_t ∘ ${b}`, `= ( 1 − {z} ) · ${va} + {z} · ${vb} = {out}`],
    ];
    for (const [name, meaning, law, numbers] of rows) {
      const box = element("div", { class: `equation ${name}` }, this.host);
      element("div", { class: "meaning" }, box, meaning);
      template(element("div", { class: "law" }, box), law, "");
      const line = element("div", { class: "numbers" }, box);
      this.places[name] = [];
      template(line, numbers, `equation.${name}`);
      for (const node of line.querySelectorAll("b")) this.places[name].push(node);
    }
    this.old = old;
  }

  show(values, products, old) {
    if (old !== this.old) this.build(old);
    for (const nodes of Object.values(this.places)) {
      for (const node of nodes) {
        const [, , name, part] = node.dataset.value.split(".");
        node.textContent = number(part ? products[name][part] : name === "c" ? products.c : values[name]);
      }
    }
  }
}

class Playground {
  constructor(net, features) {
    this.net = net;
    this.features = features;
    this.nodes = Object.fromEntries(["x", "h", "z", "r"].map((k) => [k, document.getElementById(`p-${k}`)]));
    this.outs = Object.fromEntries(["x", "h", "z", "r"].map((k) => [k, document.getElementById(`p-${k}-out`)]));
    this.feature = document.getElementById("p-feature");
    for (const [name, node] of Object.entries(this.nodes)) {
      node.addEventListener("input", () => {
        if (name === "z" || name === "r") this.forced[name] = +node.value;
        else if (name === "h") this.h = +node.value;
        else this.setX(+node.value);
        this.update();
      });
    }
    this.feature.addEventListener("change", () => this.update());
    document.getElementById("p-free").addEventListener("click", () => { this.forced = { z: null, r: null };
      this.update(); });
    document.getElementById("p-reset").addEventListener("click", () => this.load(...this.given));
    this.picture = document.getElementById("p-picture");
    this.says = template(document.getElementById("p-says"),
      "kept {kept} + let in {added} = new state {out}, candidate {n}", "play");
  }

  // The feature's value as the user has it; units of a lower layer are not scaled.
  scaled(f) {
    const { scale, shift } = this.net;
    return [this.first && scale ? scale[f] : 1, this.first && shift ? shift[f] : 0];
  }

  setX(v) {
    const f = +this.feature.value,
      [scale, shift] = this.scaled(f);
    this.x[f] = (v - shift) / scale;
  }

  // make: gives a fresh Net.trial; first: whether it is of the first layer, which sees the user's input.
  load(make, first, ranges) {
    this.given = [make, first, ranges];
    this.trial = make();
    Object.assign(this, { first, ranges, x: this.trial.x, h: this.trial.h, forced: { z: null, r: null } });
    const names = first ? this.features : Array.from(this.x, (_, i) => `unit ${i} below`);
    if (this.feature.options.length !== names.length || this.feature.dataset.first !== String(first)) {
      this.feature.replaceChildren(...names.map((name, i) => { const o = element("option", { value: i });
        o.textContent = name; return o; }));
      this.feature.dataset.first = String(first);
    }
    this.nodes.x.parentNode.hidden = !this.x.length;
    this.update();
  }

  update() {
    const f = Math.max(0, +this.feature.value),
      [scale, shift] = this.scaled(f),
      v = this.trial.compute(this.h, this.forced);
    const x = this.x.length ? this.x[f] * scale + shift : 0;
    const [low, high] = this.first ? this.ranges[f] || [-1, 1] : [-1, 1];
    this.nodes.x.min = Math.min(low, x);
    this.nodes.x.max = Math.max(high, x);
    const show = { x, h: this.h, z: v.z, r: v.r };
    for (const [name, node] of Object.entries(this.nodes)) {
      if (document.activeElement !== node || name === "z" || name === "r") node.value = show[name];
      this.outs[name].textContent = number(show[name]);
    }
    for (const g of ["z", "r"]) document.getElementById(`p-${g}-is`).textContent = this.forced[g] === null ?
      "follows" : "held";
    for (const [name, node] of Object.entries(this.says)) node.textContent = number(v[name]);
    this.draw(v, show.h);
  }

  draw(v, h) {
    this.picture.replaceChildren();
    const root = svg("svg", { viewBox: "0 0 540 190", role: "img", class: "chart" }, this.picture);
    svg("title", {}, root,
      "Bars from minus one to one: the part of the old state that is kept, what is let in, and their sum");
    const across = (value) => 310 + Math.max(-1.1, Math.min(1.1, value)) * 205;
    for (const tick of [-1, -0.5, 0, 0.5, 1]) {
      svg("line", { x1: across(tick), x2: across(tick), y1: 8, y2: 160, class: "grid" }, root);
      svg("text", { x: across(tick), y: 180, class: "tick", "text-anchor": "middle" }, root, brief(tick));
    }
    const bar = (y, from, to, fill, opacity, label) => {
      svg("rect", { x: Math.min(across(from), across(to)), y, width: Math.max(1, Math.abs(across(to) - across(
          from))), height: 22, rx: 3, fill, "fill-opacity": opacity }, root);
      svg("text", { x: 6, y: y + 16, class: "note" }, root, label);
    };
    bar(12, 0, h, "#999999", 0.45, "");
    bar(12, 0, v.kept, PALETTE.blue, 0.95, "kept");
    bar(56, v.kept, v.kept + v.added, PALETTE.orange, 0.95, "let in");
    bar(100, 0, v.out, PALETTE.green, 0.95, "new state");
    svg("line", { x1: across(v.kept), x2: across(v.kept), y1: 34, y2: 56,
    class: "grid", "stroke-dasharray": "3 3" }, root);
    svg("line", { x1: across(v.out), x2: across(v.out), y1: 78, y2: 100, class: "grid", "stroke-dasharray": "3 3" },
      root);
    svg("line", { x1: across(v.n), x2: across(v.n), y1: 132, y2: 152, stroke: PALETTE.pink, "stroke-width": 4 }, root);
    svg("text", { x: 6, y: 147, class: "note" }, root, "candidate");
  }
}

const power = (v) => `10${String(Math.round(v)).split("").map((c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[+c])).join("")}`;

// Units as dots, stacked in bins of log time-scale; bars instead where there are too many for dots.
function scaleChart(host, scales, onPick) {
  const found = Array.from(scales).map((s, i) => [Math.log10(Math.min(1e6, Math.max(0.05, s))), i]).filter(([s]) => !
    Number.isNaN(s));
  if (!found.length) return null;
  const low = Math.floor(Math.min(...found.map(([s]) => s)) * 2) / 2,
    high = Math.max(low + 1, Math.ceil(Math.max(...found.map(([s]) => s)) * 2 + 0.001) / 2);
  const bins = 36,
    stacks = Array.from({ length: bins }, () => []);
  for (const [s, i] of found.sort((a, b) => a[0] - b[0])) stacks[Math.min(bins - 1, Math.floor((s - low) / (high -
    low) * bins))].push(i);
  const most = Math.max(...stacks.map((s) => s.length)),
    many = most > 24;
  const exponents = [];
  for (let e = Math.ceil(low - 1e-9); e <= high + 1e-9; e++)
    for (const m of high - low < 2.1 ? [1, 2, 5] : [1]) {
      if (e + Math.log10(m) >= low && e + Math.log10(m) <= high) exponents.push(e + Math.log10(m));
    }
  const frame = axes(host, `Time-scales of ${found.length} units`, { low, high, ticks: exponents,
    label: "steps until the state has decayed to 1/e", text: (v) => (v > 3.01 || v < -2 ? power(v) : brief(10 **
      v)) }, { low: 0, high: Math.max(4, most + 0.5), ticks: ticks(0, Math.max(4, most), 4).filter(Number
      .isInteger), label: "units" });
  const dots = {},
    tall = (frame.up(0) - frame.up(1));
  stacks.forEach((stack, b) => {
    const x = frame.across(low + (b + 0.5) / bins * (high - low));
    if (many) {
      if (stack.length) svg("rect", { x: x - 4.5, y: frame.up(stack.length), width: 9, height: frame.floor - frame
          .up(stack.length), class: "dot" }, frame.root);
      return;
    }
    stack.forEach((i, k) => {
      const dot = svg("circle", { cx: x, cy: frame.up(k + 0.5), r: Math.min(5, tall / 2 - 0.4),
        class: "dot" }, frame.root);
      svg("title", {}, dot, `unit ${i}: ${number(scales[i])} steps`);
      dot.addEventListener("click", () => onPick(i));
      dots[i] = dot;
    });
  });
  return dots;
}

// series: [{name, points: [[x, y], ...]}]
function lineChart(host, title, series, xLabel, yLabel, yText) {
  const points = series.flatMap((s) => s.points),
    xs = points.map((p) => p[0]),
    ys = points.map((p) => p[1]);
  const span = (v) => { const a = Math.min(...v),
      b = Math.max(...v); return a === b ? [a - 0.5, b + 0.5] : [a, b]; };
  const [x0, x1] = span(xs), [y0, y1] = span(ys), pad = (y1 - y0) * 0.05;
  const whole = (list) => list.filter(Number.isInteger);
  const frame = axes(host, title, { low: x0, high: x1, ticks: whole(ticks(x0, x1, 6)), label: xLabel }, { low: y0 -
      pad, high: y1 + pad, ticks: yText ? whole(ticks(y0, y1, 5)) : ticks(y0 - pad, y1 + pad, 5), label: yLabel,
    text: yText });
  series.forEach((s, i) => {
    polyline(frame, s.points, LINES[i % LINES.length], i % 2 ? { "stroke-dasharray": "7 4" } : {});
  });
  if (series.length > 1) {
    const legend = element("div", { class: "legend" }, host);
    series.forEach((s, i) => {
      const key = element("span", { class: "key" }, legend),
        line = svg("svg", { viewBox: "0 0 26 6", width: 26, height: 6, "aria-hidden": "true" }, key);
      svg("path", { d: "M0 3H26", stroke: LINES[i % LINES.length], "stroke-width": 3, ...(i % 2 ?
        { "stroke-dasharray": "7 4" } : {}) }, line);
      key.append(s.name);
    });
  }
}