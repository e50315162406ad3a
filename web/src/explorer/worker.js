// Nets that take a moment run beside the page, in a worker made of the page's own script; one sees how far it is.

import { Net } from "../gru.js";

const NAMES = ["r", "z", "n", "q", "h", "before", "last"];

/** In the worker: runs of one net. */
export function serve() {
  /** @type {Net} */
  let net = null;
  self.onmessage = ({ data: asked }) => {
    if (asked.net) { net = new Net(asked.net); return; }
    let told = 0;
    const { runs, top } = net.forward(net.seen(asked.x), asked.T, (share) => {
      if (share - told >= 0.05) { told = share; self.postMessage({ id: asked.id, share }); }
    });
    const parts = runs.map((one) => Object.fromEntries(NAMES.map((name) => [name, one[name]])));
    const inputs = runs.filter((_, j) => j % net.directions === 0).map((one) => one.x);
    const moved = [...parts.flatMap((part) => Object.values(part).map((a) => a.buffer)), ...inputs.map((a) => a.buffer), top.buffer];
    self.postMessage({ id: asked.id, parts, inputs, top }, { transfer: moved });
  };
}

/** On the page: asks a worker; of several questions the last one is answered. */
export class Runner {
  /** @param {Net} net @param {any} data @param {string} script the text of the page's script */
  constructor(net, data, script) {
    this.net = net;
    this.worker = new Worker(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
    this.worker.postMessage({ net: { net: data.net, cells: net.cells, shift: data.shift, scale: data.scale } });
    this.id = 0;
    this.busy = false;
    /** @type {(() => void) | null} */
    this.next = null;
  }

  /** @param {any} s a sequence @param {(share: number) => void} progress @param {(run: any) => void} done */
  run(s, progress, done) {
    const id = ++this.id, net = this.net;
    const ask = () => {
      this.busy = true;
      this.worker.onmessage = ({ data: told }) => {
        if (told.share !== undefined) { if (id === this.id) progress(told.share); return; }
        this.busy = false;
        if (this.next) { const next = this.next; this.next = null; next(); return; }
        const runs = told.parts.map((part, j) => {
          const k = Math.floor(j / net.directions), cell = net.cells[k][j % net.directions];
          return { ...part, cell, x: told.inputs[k], width: cell.width };
        });
        done(net.answered(runs, told.top, s.steps));
      };
      this.worker.postMessage({ id, x: s.x, T: s.steps });
    };
    if (this.busy) this.next = ask;
    else ask();
  }
}
