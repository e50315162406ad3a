// The sentence under the answer, worked out a few milliseconds at a time, so that the page stays quick.

import { $ } from "../dom.js";
import { describing } from "../describe.js";
import { data, net, on, sequence, view } from "./state.js";
import * as whatif from "./whatif.js";

const SLICE = 10; // milliseconds
const MOST = 2e11; // multiplications that are begun without being asked: some minutes

let work = null, timer = 0, begun = 0;

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
  $("sentence").classList.add("stale"); // the old one stays meanwhile: nothing moves under the hand
  const T = sequence().steps, each = T * net.layers * net.directions * 3 * net.units * (net.units + net.inputs);
  if (each * T * T / 2 > MOST) {
    $("sentence").textContent = $("sentence-way").textContent = "";
    $("sentence-go").hidden = false;
    return;
  }
  timer = window.setTimeout(start, 350);
}

function start() {
  const step = net.task === "tag" ? view.t : null;
  work = describing(net, sequence(), whatif.here(), { step, names: data.classes });
  begun = performance.now();
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
      $("sentence").classList.remove("stale");
      $("sentence-way").textContent = "";
      return;
    }
    if (performance.now() > until) {
      $("sentence-way").textContent = performance.now() - begun > 700 ? `Working it out, ${Math.floor(100 * Number(value))} %` : "";
      timer = window.setTimeout(() => slice(mine), 0);
      return;
    }
  }
}
