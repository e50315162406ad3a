"use strict";
// The cursor, the controls, and the start.

function moveTo(t) {
  const s = sequence(),
    T = s.steps;
  view.t = Math.max(0, Math.min(T - 1, t));
  $("step").value = view.t + 1;
  $("step-out").textContent = `${view.t + 1} of ${T}`;
  placeCursor();
  showNumbers();
}

function placeCursor() {
  const plot = $("c-gate"),
    T = sequence().steps,
    width = plot.clientWidth,
    one = width / T;
  const cursor = $("cursor"),
    mark = $("row-mark");
  cursor.style.width = `${Math.max(3, one)}px`;
  cursor.style.transform = `translateX(${plot.offsetLeft + (view.t + 0.5) * one - Math.max(3, one) / 2}px)`;
  const place = view.order.indexOf(net.rowOf(view.layer, view.unit)),
    row = Math.floor(place / view.shown.rowsPerCell) * view.shown.rowsPerCell;
  const tall = plot.clientHeight / net.rows;
  mark.style.transform = `translate(${plot.offsetLeft}px, ${plot.offsetTop + row * tall - 1}px)`;
  mark.style.width = `${width}px`;
  mark.style.height = `${Math.max(3, tall * view.shown.rowsPerCell) + 2}px`;
}

function showNumbers() {
  const s = sequence(),
    t = view.t,
    { values: v, products } = net.at(run, view.layer, view.unit, t);
  diagram.show(v, backward() ? "hₜ₊₁" : "hₜ₋₁");
  equations.show(v, products, backward() ? "t+1" : "t−1");
  playground.load(() => net.trial(run, view.layer, view.unit, t), view.layer < D, data.ranges);
  const host = $("at-step"),
    says = [];
  host.replaceChildren();
  const item = (label, key, value) => {
    const span = element("span", {}, host, `${label} `);
    element("b", { "data-value": key }, span, number(value));
  };
  if (s.answers[view.target]) item("contribution of this step", "step.contribution", stepSums()[t]);
  strongest(s, t).forEach((f) => item(data.features[f], `input.${f}`, s.x[t * I + f]));
  if (net.sizes) rowNumbers(host, t);
  item("update", "unit.z", v.z);
  item("reset", "unit.r", v.r);
  item("state", "unit.out", v.out);
  $("so-far").replaceChildren();
  if (run.over) {
    const o = run.best(t);
    const text = net.task === "tag" ? `At step ${t + 1} it says ${name(o)}, ` :
      `If it ended at step ${t + 1}: ${net.labels ? name(o) : name(0)}, `;
    $("so-far").append(text);
    element("b", { "data-value": `sofar.${o}` }, $("so-far"), number(run.over(t, o)));
    says.push(`${text}${number(run.over(t, o))}`);
  } else $("so-far").textContent = "This net reads in both directions, so it has no answer before the end.";
  const scale = timeScales[view.layer * H + view.unit];
  $("unit").value = view.unit;
  $("unit-says").replaceChildren();
  const size = net.sizes ? net.sizes[view.layer][net.rowOf(view.layer, view.unit)] : 1;
  const asked = view.asked === view.unit ? "" : `unit ${view.asked} moves like this one and is not carried whole; `;
  const alike = size > 1 ? `${asked}the nearest to the mean of its row, ${size} units; ` : "";
  $("unit-says").append(`of ${H}; ${alike}remembers for `);
  element("b", { "data-value": "unit.scale" }, $("unit-says"), number(scale));
  $("unit-says").append(` steps. Step ${t + 1}.`);
  if (dots)
    for (const [i, dot] of Object.entries(dots)) dot.classList.toggle("on", +i === view.layer * H + view.unit);
  clearTimeout(quiet);
  quiet = setTimeout(() => {
    $("live").textContent =
      `Step ${t + 1} of ${s.steps}, unit ${view.unit}: update ${number(v.z)}, reset ${number(v.r)}, ` +
      `state ${number(v.out)}. ${says.join(" ")}`;
  }, 350);
}

// Of a row that stands for many units: the mean, and from the lowest to the highest.
function rowNumbers(host, t) {
  const row = net.rowOf(view.layer, view.unit),
    size = net.sizes[view.layer][row],
    from = Math.floor(t / run.block) * run.block + 1,
    to = Math.min(run.T, from + run.block - 1);
  if (size === 1 && run.block === 1) return;
  const whole = element("span", { class: "of-row" }, host, `${size === 1 ? "The unit" : `Mean of the row's ${size} units`}` +
    `${to > from ? `, steps ${from} to ${to}` : ""}: `);
  for (const [gate, label] of [["z", "update"], ["r", "reset"], ["h", "state"]]) {
    whole.append(gate === "z" ? label : `, ${label}`, " ");
    const [mean, low, high] = [0, 1, 2].map((which) => number(net.spread(run, view.layer, gate, row, t, which)));
    element("b", { "data-value": `row.${gate}.mean` }, whole, mean);
    whole.append(" (");
    element("span", { "data-value": `row.${gate}.low` }, whole, low);
    whole.append(" … ");
    element("span", { "data-value": `row.${gate}.high` }, whole, high);
    whole.append(")");
  }
  element("span", {}, host, `Unit ${view.unit}:`);
}

// The features that contributed most at this step, or the first ones.
function strongest(s, t) {
  const a = s.answers[view.target],
    all = Array.from({ length: I }, (_, f) => f);
  if (a && a.values.length === s.steps * I) all.sort((f, g) => Math.abs(a.values[t * I + g]) - Math.abs(a.values[t *
    I + f]));
  return all.slice(0, 4);
}

function pick(unit) {
  view.asked = Math.max(0, Math.min(H - 1, Math.round(unit) || 0));
  view.unit = net.unitOf(view.layer, net.rowOf(view.layer, view.asked));
  placeCursor();
  showNumbers();
}

function pickLayer(layer, unit = view.unit) {
  view.layer = layer;
  $("layer").value = layer;
  drawTracks();
  pick(unit);
  moveTo(view.t);
}

function pickAny(i) {
  pickLayer(Math.floor(i / H), i % H);
}

function scrub(event) {
  const box = $("c-gate").getBoundingClientRect();
  moveTo(Math.floor((event.clientX - box.left) / box.width * sequence().steps));
  if (event.target === $("c-gate") && event.type === "pointerdown") {
    pickRow(Math.floor((event.clientY - box.top) / box.height * net.rows));
  }
}

const pickRow = (place) => pick(net.unitOf(view.layer, view.order[Math.max(0, Math.min(net.rows - 1, place))]));

function play() {
  const going = timer !== 0;
  clearInterval(timer);
  timer = 0;
  $("play").textContent = going ? "Play" : "Pause";
  if (going) return;
  if (view.t === sequence().steps - 1) moveTo(0);
  const T = sequence().steps; // eight seconds at most, in strides where there are too many steps
  timer = setInterval(() => (view.t < T - 1 ? moveTo(view.t + Math.ceil(T / 200)) : play()), Math.max(40, Math.min(250,
    8000 / T)));
}

function charts() {
  dots = scaleChart($("f-scale"), timeScales, pickAny);
  const g = data.gradient,
    layers = net.layers * D;
  $("fig-gradient").hidden = !g;
  if (g) {
    const named = (j) => (layers === 1 ? "state" : `state, ${layerName(j)}`);
    const series = g.state.map((values, j) => ({ name: named(j), points: values.map((v, k) => [k, v]).filter((p) => p[
        1] !== null) }));
    series.push({ name: "input", points: g.input.map((v, k) => [k, v]).filter((p) => p[1] !== null) });
    lineChart($("f-gradient"), "Norm of the gradient over lag", series.filter((s) => s.points.length),
      "lag, steps back", "norm of the Jacobian", power);
  }
  const h = data.history || [],
    column = (key) => h.filter((r) => r[key] !== null && r[key] !== undefined).map((r) => [r.epoch, r[key]]);
  const loss = [
    ["training", "loss"],
    ["validation", "val_loss"]
  ].map(([label, key]) => ({ name: label, points: column(key) })).filter((s) => s.points.length);
  const score = [{ name: "validation", points: column("val_score") }].filter((s) => s.points.length);
  $("fig-loss").hidden = !loss.length;
  $("fig-score").hidden = !score.length;
  if (loss.length) lineChart($("f-loss"), "Loss of each epoch", loss, "epoch", "loss");
  if (score.length) lineChart($("f-score"), "Validation score of each epoch", score, "epoch", net.labels ?
    "accuracy" : "score");
}

const layerName = (j) => `layer ${Math.floor(j / D) + 1}${D === 2 ? (j % D ? " backward" : " forward") : ""}`;

function table() {
  const root = $("units"),
    total = net.layers * D * H,
    head = element("tr", {}, element("thead", {}, root));
  for (const text of ["unit", "time-scale, steps", "z < 0.1", "z > 0.9", "r < 0.1", "r > 0.9"]) element(
  "th", { scope: "col" }, head, text);
  const body = element("tbody", {}, root);
  const most = 512;
  if (total > most) $("table-says").textContent = `The table holds the first ${most} of ${total} units.`;
  for (let i = 0; i < Math.min(total, most); i++) {
    const row = element("tr", {}, body);
    element("th", { scope: "row", class: "tick" }, row, net.layers * D > 1 ?
      `${layerName(Math.floor(i / H))}, ${i % H}` : String(i));
    element("td", { "data-value": `table.${i}.scale` }, row, number(timeScales[i]));
    for (let k = 0; k < 4; k++) element("td", { "data-value": `table.${i}.${k}` }, row, number(saturation[k * total +
      i]));
  }
}

// What the page says of itself depends on who computed the gates.
function words() {
  if (!net.sizes) return;
  $("made").textContent = "The gates were computed beforehand";
  $("p-others").textContent = " The other units stay as they were.";
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  $("theme").textContent = theme === "dark" ? "Light" : "Dark";
  $("theme").setAttribute("aria-pressed", String(theme === "dark"));
}

function start() {
  setTheme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  $("summary").textContent = data.summary;
  $("notes").replaceChildren(...data.notes.map((text) => element("li", {}, null, text)));
  diagram = new CellDiagram($("cell"), net);
  equations = new Equations($("equations"), net);
  playground = new Playground(net, data.features);
  const truths = net.task === "classify" ? [...new Set(sequences.map((s) => s.truth))].filter((v) => v !== null) : [];
  const kinds = [
    ["all", `all, ${data.order}`]
  ];
  if (sequences.some((s) => s.right === false)) kinds.push(["wrong", "mistakes only"]);
  if (sequences.some((s) => s.right)) kinds.push(["right", "right ones only"]);
  option($("filter"), [...kinds, ...data.classes.filter((c) => truths.includes(c)).map((c) => [`class:${c}`,
    `only ${c}`
  ])], "all");
  option($("gate"), Object.entries(GATES).map(([key, [label]]) => [key, label]), "z");
  option($("layer"), runNames(), 0);
  $("layer-label").hidden = net.layers * D === 1;
  $("unit").max = H - 1;
  words();
  table();
  charts();
  $("filter").addEventListener("change", (e) => filterSequences(e.target.value));
  $("sequence").addEventListener("change", (e) => choose(+e.target.value));
  $("earlier").addEventListener("click", () => choose(view.at - 1));
  $("later").addEventListener("click", () => choose(view.at + 1));
  $("gate").addEventListener("change", (e) => { view.gate = e.target.value;
    drawTracks();
    placeCursor(); });
  $("layer").addEventListener("change", (e) => pickLayer(+e.target.value));
  $("order").addEventListener("change", () => { drawTracks();
    placeCursor(); });
  $("shows").addEventListener("change", () => drawTracks());
  $("target").addEventListener("change", (e) => { view.target = +e.target.value;
    drawTracks();
    showNumbers(); });
  $("step").addEventListener("input", (e) => moveTo(+e.target.value - 1));
  $("unit").addEventListener("change", (e) => pick(+e.target.value));
  $("play").addEventListener("click", play);
  $("theme").addEventListener("click", () => { setTheme(dark() ? "light" : "dark");
    charts();
    drawTracks();
    moveTo(view.t); });
  const tracks = $("tracks");
  tracks.addEventListener("pointerdown", (e) => { if (e.target.tagName === "CANVAS") { e.target.setPointerCapture(e
        .pointerId);
      scrub(e); } });
  tracks.addEventListener("pointermove", (e) => { if (e.target.tagName === "CANVAS" && e.buttons) scrub(e); });
  tracks.addEventListener("keydown", (e) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -1e9, End: 1e9 } [e.key];
    const row = { ArrowUp: -1, ArrowDown: 1 } [e.key];
    if (step) moveTo(view.t + step);
    else if (row) pickRow(view.order.indexOf(net.rowOf(view.layer, view.unit)) + row);
    else return;
    e.preventDefault();
  });
  let width = 0; // drawing changes the height, and that alone must not draw again
  new ResizeObserver(() => {
    if (tracks.clientWidth === width) return;
    width = tracks.clientWidth;
    requestAnimationFrame(() => { drawTracks();
      placeCursor(); });
  }).observe(tracks);
  view.asked = view.unit = net.unitOf(0, net.rowOf(0, firstUnit()));
  filterSequences("all");
  moveTo(Math.floor(sequence().steps / 2));
}

const runNames = () => Array.from({ length: net.layers * D }, (_, j) => [j, layerName(j)]);

// The unit in the middle of the time-scales: neither the fastest nor one that never moves.
function firstUnit() {
  const order = Array.from({ length: H }, (_, u) => u).sort((a, b) => timeScales[a] - timeScales[b] || a - b);
  return order[Math.floor(H / 2)];
}

start();