"use strict";
// Colours that survive colour blindness, heat maps on canvas, small charts in SVG.

const SVG = "http://www.w3.org/2000/svg";
// cividis, ten stops; blue to vermilion (Okabe and Ito) through the page's own neutral
const CIVIDIS = [
  [0, 34, 78],
  [18, 53, 112],
  [59, 73, 108],
  [87, 93, 109],
  [112, 113, 115],
  [138, 134, 120],
  [165, 156, 116],
  [195, 179, 105],
  [225, 204, 85],
  [254, 232, 56]
];
// PALETTE, LINES, NEUTRAL, BLUE and VERMILION stand before the scripts: they are those of gruvy's figures.

const dark = () => document.documentElement.dataset.theme === "dark";
const neutral = () => NEUTRAL[dark() ? "dark" : "light"];
const blend = (a, b, s) => a.map((v, i) => Math.round(v + (b[i] - v) * s));

function sequential(v) { // 0 .. 1
  const s = Math.min(1, Math.max(0, v)) * (CIVIDIS.length - 1),
    i = Math.min(CIVIDIS.length - 2, Math.floor(s));
  return blend(CIVIDIS[i], CIVIDIS[i + 1], s - i);
}

function diverging(v) { // -1 .. 1
  const s = Math.min(1, Math.abs(v)) ** 0.8;
  return blend(neutral(), v < 0 ? BLUE : VERMILION, s);
}
const css = (c) => `rgb(${c[0]},${c[1]},${c[2]})`;
const inkOn = (c) => (0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2] > 140 ? "#14181f" : "#ffffff");

function svg(name, attributes, parent, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  if (parent) parent.appendChild(node);
  return node;
}

function fitCanvas(canvas, height) {
  const width = canvas.clientWidth,
    ratio = window.devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.round(height * ratio);
  canvas.style.height = `${height}px`;
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

// Rows x steps of value(row, t), averaged into cells where there are more of them than pixels to show them. A cell holds
// whole blocks of steps, where values are given by blocks.
function heatMap(canvas, height, rows, steps, value, colour, block = 1) {
  const { pen, width } = fitCanvas(canvas, height);
  if (!rows || !steps || !width) return { rowsPerCell: 1, stepsPerCell: 1 };
  const rowsPerCell = Math.ceil(rows / (height / 2)),
    stepsPerCell = perColumn(steps, width, block);
  const R = Math.ceil(rows / rowsPerCell),
    C = Math.ceil(steps / stepsPerCell);
  const small = document.createElement("canvas");
  small.width = C;
  small.height = R;
  const brush = small.getContext("2d"),
    image = brush.createImageData(C, R);
  for (let i = 0; i < R; i++) {
    for (let j = 0; j < C; j++) {
      let sum = 0,
        count = 0;
      for (let a = i * rowsPerCell; a < Math.min(rows, (i + 1) * rowsPerCell); a++) {
        for (let t = j * stepsPerCell; t < Math.min(steps, (j + 1) * stepsPerCell); t++, count++) sum += value(a, t);
      }
      image.data.set([...colour(sum / count), 255], 4 * (i * C + j));
    }
  }
  brush.putImageData(image, 0, 0);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(small, 0, 0, C * (width * stepsPerCell / steps), R * (height * rowsPerCell / rows));
  return { rowsPerCell, stepsPerCell };
}

// How many steps share a column: no more columns than pixels, and none that cuts a block.
const perColumn = (steps, width, block = 1) => Math.ceil(Math.ceil(steps / Math.max(1, width)) / block) * block;

// One line for each series [{values, colour, width}] over the steps' middles, on a scale low .. high.
function lines(canvas, height, steps, series, low, high) {
  const { pen, width } = fitCanvas(canvas, height);
  const place = (t) => (t + 0.5) * width / steps,
    level = (v) => height - 4 - (v - low) / (high - low || 1) * (height - 8);
  for (const { values, colour, thick } of series) {
    pen.beginPath();
    pen.strokeStyle = colour;
    pen.lineWidth = thick || 1.5;
    for (let t = 0; t < steps; t++) pen.lineTo(place(t), level(values(t)));
    if (steps === 1) pen.arc(place(0), level(values(0)), 2, 0, 7);
    pen.stroke();
  }
}

// Bars from a middle line, one per step; the sum of several steps where there are more of them than pixels. Returns how
// many, and the largest bar.
function bars(canvas, height, steps, value) {
  const { pen, width } = fitCanvas(canvas, height), middle = height / 2, per = perColumn(steps, width), sums = [];
  for (let t = 0; t < steps; t++) sums[Math.floor(t / per)] = (sums[Math.floor(t / per)] || 0) + value(t);
  const size = sums.reduce((a, v) => Math.max(a, Math.abs(v)), 0), each = width * per / steps;
  sums.forEach((v, i) => {
    const tall = Math.abs(v) / (size || 1) * (middle - 2);
    pen.fillStyle = css(v < 0 ? BLUE : VERMILION);
    pen.fillRect(i * each + Math.min(1, each * 0.1), v < 0 ? middle : middle - tall, Math.max(1, each * 0.8), Math
      .max(0.5, tall));
  });
  pen.fillStyle = getComputedStyle(canvas).color;
  pen.globalAlpha = 0.35;
  pen.fillRect(0, middle - 0.5, width, 1);
  pen.globalAlpha = 1;
  return { stepsPerBar: per, size };
}

// Round numbers between low and high: about `count` of them.
function ticks(low, high, count) {
  const raw = (high - low) / Math.max(1, count) || 1,
    power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw),
    found = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step) found.push(Math.abs(v) < step *
    1e-9 ? 0 : v);
  return found;
}
const brief = (v) => String(+v.toPrecision(6)).replace("-", "−");

// A frame with axes in an SVG: returns the functions that place numbers. Axis: {low, high, ticks, label, text}.
function axes(host, title, x, y) {
  host.replaceChildren();
  const W = 460,
    H = 250,
    left = 58,
    right = 14,
    top = 14,
    bottom = 44;
  const root = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", class: "chart" }, host);
  svg("title", {}, root, title);
  const across = (v) => left + (v - x.low) / (x.high - x.low || 1) * (W - left - right);
  const up = (v) => H - bottom - (v - y.low) / (y.high - y.low || 1) * (H - top - bottom);
  for (const v of x.ticks) {
    svg("line", { x1: across(v), x2: across(v), y1: top, y2: H - bottom, class: "grid" }, root);
    svg("text", { x: across(v), y: H - bottom + 17, class: "tick", "text-anchor": "middle" }, root, (x.text || brief)(
      v));
  }
  for (const v of y.ticks) {
    svg("line", { x1: left, x2: W - right, y1: up(v), y2: up(v), class: "grid" }, root);
    svg("text", { x: left - 8, y: up(v) + 4, class: "tick", "text-anchor": "end" }, root, (y.text || brief)(v));
  }
  svg("text", { x: (left + W - right) / 2, y: H - 6, class: "axis", "text-anchor": "middle" }, root, x.label);
  svg("text", { transform: `translate(13 ${(top + H - bottom) / 2}) rotate(-90)`,
  class: "axis", "text-anchor": "middle" }, root, y.label);
  return { root, across, up, floor: H - bottom, W, H };
}

function polyline(frame, points, colour, extra) {
  const d = points.map(([a, b], i) => `${i ? "L" : "M"}${frame.across(a).toFixed(1)} ${frame.up(b).toFixed(1)}`).join(
    "");
  return svg("path", { d, stroke: colour, class: "line", ...extra }, frame.root);
}