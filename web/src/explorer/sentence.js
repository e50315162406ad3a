// The sentence under the answer.

import { $ } from "../dom.js";
import { describing } from "../describe.js";
import { percent, slowly, stop } from "./slow.js";
import { data, net, on, sequence, view } from "./state.js";
import * as whatif from "./whatif.js";

const MOST = 2e11; // multiplications that are begun without being asked: some minutes

let timer = 0;

export function beginSentence() {
  $("sentence-box").hidden = !whatif.quick();
  if (!whatif.quick()) return;
  on("run", again);
  if (net.task === "tag") on("step", again);
  $("sentence-go").addEventListener("click", () => { $("sentence-go").hidden = true; start(); });
}

// Something changed: once it stands still, begin anew.
function again() {
  clearTimeout(timer);
  stop("sentence");
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
  slowly("sentence", describing(net, sequence(), whatif.here(), { step, names: data.classes }), (found) => {
    $("sentence").textContent = found.text;
    $("sentence").classList.remove("stale");
    $("sentence-way").textContent = "";
  }, (share) => { $("sentence-way").textContent = percent(share); });
}
