// The sentence under the answer, worked out a few milliseconds at a time, so that the page stays quick.

import { $ } from "../dom.js";
import { describing } from "../describe.js";
import { data, net, on, sequence, view } from "./state.js";
import * as whatif from "./whatif.js";

const SLICE = 10; // milliseconds
const MOST = 2e11; // multiplications that are begun without being asked: some minutes

let work = null, timer = 0;

export function beginSentence() {
  $("sentence-box").hidden = !whatif.possible();
  if (!whatif.possible()) return;
  on("run", again);
  if (net.task === "tag") on("step", again);
  $("sentence-go").addEventListener("click", () => { $("sentence-go").hidden = true; start(); });
}

// Something changed: once it stands still, begin anew.
function again() {
  clearTimeout(timer);
  work = null;
  $("sentence-go").hidden = true;
  $("sentence").textContent = "…";
  const T = sequence().steps, each = T * net.layers * net.directions * 3 * net.units * (net.units + net.inputs);
  if (each * T * T / 2 > MOST) {
    $("sentence").textContent = "";
    $("sentence-go").hidden = false;
    return;
  }
  timer = window.setTimeout(start, 350);
}

function start() {
  const step = net.task === "tag" ? view.t : null;
  work = describing(net, sequence(), whatif.here(), { step, names: data.classes });
  slice(work);
}

function slice(mine) {
  if (mine !== work) return;
  const until = performance.now() + SLICE;
  for (;;) {
    const { done, value } = mine.next();
    if (done) {
      work = null;
      $("sentence").textContent = /** @type {any} */ (value).text;
      return;
    }
    if (performance.now() > until) {
      $("sentence").textContent = `Working it out, ${Math.floor(100 * value)} %`;
      timer = window.setTimeout(() => slice(mine), 0);
      return;
    }
  }
}
