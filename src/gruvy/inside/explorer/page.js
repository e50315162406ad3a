"use strict";
// The page: which sequence, which step, which unit; everything else follows from these.

const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const net = data.carried ? new Carried(data) : new Net(data),
  H = net.units,
  D = net.directions,
  I = net.inputs;
const timeScales = floats(data.time_scales),
  saturation = floats(data.saturation);
const sequences = data.sequences.map((s) => ({ ...s, x: floats(s.x), answers: s.answers.map((a) => ({ ...a,
    values: floats(a.values) })) }));
const GATES = {
  z: ["Update gate z", sequential, 0, 1],
  keep: ["Kept of the old state", sequential, 0, 1],
  r: ["Reset gate r", sequential, 0, 1],
  n: ["Candidate h̃", diverging, -1, 1],
  h: ["State h", diverging, -1, 1]
};
const view = { list: [], at: 0, t: 0, layer: 0, unit: 0, gate: "z", target: 0, order: [], shown: {} };
let run = null,
  diagram = null,
  equations = null,
  playground = null,
  dots = null,
  timer = 0,
  quiet = 0;

const sequence = () => sequences[view.list[view.at]];
const name = (o) => (net.labels ? data.classes[o] : data.classes[o] || (net.outputs === 1 ? "output" :
`output ${o}`));
const nameOfOutput = (o) => (net.labels && net.outputs === 1 ? data.classes[1] : name(o));
const backward = () => view.layer % D === 1;

function option(select, entries, chosen) {
  select.replaceChildren(...entries.map(([value, text]) => { const o = element("option", { value });
    o.textContent = text; return o; }));
  select.value = chosen;
}

function filterSequences(kind) {
  const all = sequences.map((_, i) => i);
  view.list = kind === "wrong" ? all.filter((i) => sequences[i].right === false) : kind === "right" ? all.filter((
      i) => sequences[i].right) :
    kind.startsWith("class:") ? all.filter((i) => sequences[i].truth === kind.slice(6)) : all;
  option($("sequence"), view.list.map((i, k) => {
    const s = sequences[i],
      truth = s.truth === null ? "" : net.task === "tag" ? "" : ` · is ${s.truth}`;
    return [k, `${s.right === false ? "✗ " : s.right ? "✓ " : ""}${s.id}${truth} · says ${s.says}`];
  }), 0);
  choose(0);
}

function choose(k) {
  view.at = Math.max(0, Math.min(view.list.length - 1, k));
  $("sequence").value = view.at;
  const s = sequence();
  run = net.run(s);
  view.t = Math.min(view.t, s.steps - 1);
  $("step").max = s.steps;
  view.target = 0;
  option($("target"), s.answers.map((a, i) => [i, nameOfOutput(a.output)]), 0);
  $("target-label").hidden = s.answers.length < 2;
  $("place").textContent = `${view.at + 1} of ${view.list.length}`;
  $("earlier").disabled = view.at === 0;
  $("later").disabled = view.at === view.list.length - 1;
  showVerdict();
  drawTracks();
  moveTo(view.t);
}

function showVerdict() {
  const s = sequence(),
    answer = run.final,
    host = $("answers"),
    few = answer.slice(0, 6);
  $("mark").textContent = s.right === null ? "" : s.right ? "✓ right" : "✗ wrong";
  $("mark").className = `mark ${s.right ? "good" : "bad"}`;
  const says = net.labels ? `the net says ${name(best(answer))}` : "the net says";
  $("said").textContent = s.truth === null ? says : net.task === "tag" ? s.truth : `It is ${s.truth}, ${says}`;
  if (!net.labels) {
    const places = template($("said"), ` {0}${few.slice(1).map((_, o) => `, {${o + 1}}`).join("")}`, "final");
    few.forEach((v, o) => { places[o].textContent = number(v); });
    if (net.outputs > few.length) $("said").append(` and ${net.outputs - few.length} more`);
  }
  host.replaceChildren();
  const order = answer.map((_, o) => o).sort((a, b) => (net.labels ? answer[b] - answer[a] : a - b)).slice(0, 5);
  for (const o of order) {
    const row = element("div", { class: "answer" }, host);
    element("span", { title: name(o) }, row, name(o));
    const meter = element("span", net.labels ? { class: "meter" } : {}, row);
    if (net.labels) element("i", {}, meter).style.width = `${100 * answer[o]}%`;
    element("span", { "data-value": `answer.${o}` }, row, number(answer[o]));
  }
}

function ramp(host, colour, low, high) {
  host.replaceChildren();
  const bar = element("span", { class: "ramp" }, host),
    stops = [];
  for (let i = 0; i <= 8; i++) stops.push(css(colour(low < 0 ? -1 + i / 4 : i / 8)));
  bar.style.background = `linear-gradient(90deg, ${stops.join(",")})`;
  const ends = element("span", { class: "ends tick" }, host);
  element("span", {}, ends, brief(low));
  element("span", {}, ends, brief(high));
}

function drawTracks() {
  const s = sequence(),
    T = s.steps,
    target = s.answers[view.target],
    contributions = target && target.values;
  const byFeature = contributions && contributions.length === T * I,
    says = [];
  $("shows").parentNode.hidden = !byFeature;
  const showing = byFeature && $("shows").value === "c";
  // input: lines for a few features, a heat map for many
  const values = showing ? contributions : s.x,
    few = I <= 4;
  const ranges = showing ? null : data.ranges;
  if (few) {
    const low = showing ? values.reduce((a, v) => Math.min(a, v), 0) : Math.min(...ranges.map((r) => r[0]));
    const high = showing ? values.reduce((a, v) => Math.max(a, v), 0) : Math.max(...ranges.map((r) => r[1]));
    lines($("c-input"), 104, T, Array.from({ length: I }, (_, f) => ({ values: (t) => values[t * I + f],
      colour: LINES[f] })), low, high);
    $("input-scale").replaceChildren();
    data.features.forEach((feature, f) => keyed($("input-scale"), LINES[f], feature));
    element("span", { class: "tick" }, $("input-scale"), ` ${brief(low)} … ${brief(high)}`);
  } else {
    const size = showing ? values.reduce((a, v) => Math.max(a, Math.abs(v)), 1e-12) : 1;
    const middle = (f) => (showing ? 0 : (ranges[f][0] + ranges[f][1]) / 2),
      half = (f) => (showing ? size : (ranges[f][1] - ranges[f][0]) / 2 || 1);
    const found = heatMap($("c-input"), Math.max(90, Math.min(190, I * 9)), I, T, (f, t) => (values[t * I + f] -
      middle(f)) / half(f), diverging);
    ramp($("input-scale"), diverging, showing ? -size : -1, showing ? size : 1);
    element("span", { class: "tick" }, $("input-scale"), showing ? `${I} features` :
      `${I} features, each over its own range`);
    if (found.rowsPerCell > 1) says.push(`each input row is the mean of ${found.rowsPerCell} features`);
  }
  // contributions: one number per step
  for (const node of [$("c-contribution"), $("c-contribution").previousElementSibling]) node.hidden = !contributions;
  if (contributions) {
    const sums = stepSums(),
      { stepsPerBar, size } = bars($("c-contribution"), 76, T, (t) => sums[t]);
    if (stepsPerBar > 1) says.push(`each bar of the contributions is the sum of ${stepsPerBar} steps`);
    const host = $("contribution-scale");
    host.replaceChildren();
    host.append(`to ${nameOfOutput(target.output)}; `);
    keyed(host, css(VERMILION), "for");
    keyed(host, css(BLUE), "against");
    element("span", { class: "tick" }, host, `largest ${brief(+size.toPrecision(3))}`);
  }
  // gates: one row per unit, or a row of units that move alike
  const [title, colour, low, high] = GATES[view.gate], R = net.rows;
  view.order = Array.from({ length: R }, (_, row) => row);
  const scales = view.order.map(rowScale),
    units = view.order.map((row) => net.unitOf(view.layer, row));
  if ($("order").value === "scale") view.order.sort((a, b) => (scales[b] > scales[a] ? 1 : scales[b] < scales[a] ? -1 :
    units[a] - units[b]));
  else view.order.sort((a, b) => units[a] - units[b]);
  const tall = Math.max(110, Math.min(300, R * 4));
  view.shown = heatMap($("c-gate"), tall, R, T, (row, t) => net.shown(run, view.layer, view.gate, view.order[row], t),
    colour, run.block);
  $("gate-name").textContent = title;
  ramp($("gate-scale"), colour, low, high);
  const meaning = {
    z: net.keeps ? "1 keeps the old state, 0 takes the candidate" : "0 keeps the old state, 1 takes the candidate",
    keep: "1 keeps all of it",
    r: "0 hides the old state from the candidate",
    n: "what would be let in",
    h: "what is remembered"
  };
  element("span", { class: "tick" }, $("gate-scale"), `${meaning[view.gate]}; ${H} ${H === 1 ? "unit" : "units"}`);
  const many = net.sizes ? range(net.sizes[view.layer]) : String(view.shown.rowsPerCell);
  if (many !== "1") says.push(`each row of the gates is the mean of ${many} units${net.sizes ? " that move alike" : ""}`);
  if (view.shown.stepsPerCell > 1) says.push(`each column of the gates is the mean of ${view.shown.stepsPerCell} steps`);
  drawAnswers(T);
  $("aggregated").textContent = says.length ?
    `More than fits the screen: ${says.join("; ")}. The cursor still reads single steps${net.sizes ? `, and ${R === H ?
    "every unit" : "one unit of each row"}, exactly.` : " and units."}` : "";
  const axis = $("axis");
  axis.replaceChildren();
  for (const v of ticks(1, T, Math.min(8, T)).filter((v) => v >= 1 && v <= T && Number.isInteger(v))) {
    element("span", { class: "tick" }, axis, String(v)).style.left = `${(v - 0.5) / T * 100}%`;
  }
}

const range = (counts) => (Math.min(...counts) === Math.max(...counts) ? String(counts[0]) :
  `${Math.min(...counts)} or ${Math.max(...counts)}`);

// The time-scale of a row: of its unit, or the middle one of its units.
function rowScale(row) {
  const from = view.layer * H;
  if (!net.sizes) return timeScales[from + row];
  const found = [];
  for (let u = 0; u < H; u++) if (net.rowOf(view.layer, u) === row) found.push(timeScales[from + u]);
  return found.sort((a, b) => a - b)[Math.floor(found.length / 2)];
}

function keyed(host, colour, text) {
  const key = element("span", { class: "key" }, host);
  element("i", {}, key).style.background = colour;
  key.append(text);
}

function stepSums() {
  const s = sequence(),
    answer = s.answers[view.target],
    width = answer.values.length / s.steps;
  answer.sums ||= Array.from({ length: s.steps }, (_, t) => answer.values.subarray(t * width, (t + 1) * width).reduce(
    (a, v) => a + v, 0));
  return answer.sums;
}

function drawAnswers(T) {
  const s = sequence(),
    none = run.over === null,
    final = run.final;
  $("answer-head").hidden = $("c-answer").hidden = none;
  if (none) return;
  const shown = net.labels ? final.map((_, o) => o).sort((a, b) => final[b] - final[a]).slice(0, 3) : final.map((_,
    o) => o).slice(0, 6);
  const truth = net.labels ? data.classes.indexOf(s.truth) : -1;
  if (truth >= 0 && !shown.includes(truth)) shown.push(truth);
  let [low, high] = net.labels ? [0, 1] : [Infinity, -Infinity];
  for (let t = 0; t < T && !net.labels; t++)
    for (const o of shown) [low, high] = [Math.min(low, run.over(t, o)), Math.max(high, run.over(t, o))];
  lines($("c-answer"), 96, T, shown.map((o, i) => ({ values: (t) => run.over(t, o), colour: LINES[i], thick: 2 })), low,
    high);
  $("answer-key").replaceChildren();
  shown.forEach((o, i) => keyed($("answer-key"), LINES[i], name(o)));
  element("span", { class: "tick" }, $("answer-key"), ` ${brief(low)} … ${brief(high)}`);
}