// The equations with the numbers of one unit at one step.

import { element, number, template } from "../dom.js";

export class Equations {
  constructor(host, net) {
    this.host = host;
    this.net = net;
  }

  // `old` is how the state before is indexed: t−1 forward in time, t+1 backward.
  build(old) {
    const net = this.net, after = net.reset === "after";
    const [a, b] = net.keeps ? ["h̃_t", `h_{${old}}`] : [`h_{${old}}`, "h̃_t"];
    const [va, vb] = net.keeps ? ["{n}", "{h}"] : ["{h}", "{n}"];
    this.host.replaceChildren();
    this.places = {};
    const rows = [
      ["z", "update gate", `z_t = σ( W_z x_t + U_z h_{${old}} + b_z )`, "= σ( {z.Wx} + {z.Uh} + {z.b} ) = {z}"],
      ["r", "reset gate", `r_t = σ( W_r x_t + U_r h_{${old}} + b_r )`, "= σ( {r.Wx} + {r.Uh} + {r.b} ) = {r}"],
      ["n", "candidate", after ? `h̃_t = tanh( W_h x_t + b_h + r_t ∘ ( U_h h_{${old}} + c_h ) )` :
        `h̃_t = tanh( W_h x_t + U_h ( r_t ∘ h_{${old}} ) + b_h )`,
      after ? "= tanh( {n.Wx} + {n.b} + {r} · ( {n.Uh} + {c} ) ) = {n}" : "= tanh( {n.Wx} + {n.Uh} + {n.b} ) = {n}"],
      ["out", "state", `h_t = ( 1 − z_t ) ∘ ${a} + z_t ∘ ${b}`, `= ( 1 − {z} ) · ${va} + {z} · ${vb} = {out}`],
    ];
    for (const [name, meaning, law, numbers] of rows) {
      const box = element("div", { class: `equation ${name}` }, this.host);
      element("div", { class: "meaning" }, box, meaning);
      template(element("div", { class: "law" }, box), law, "");
      const line = element("div", { class: "numbers" }, box);
      template(line, numbers, `equation.${name}`);
      this.places[name] = Array.from(line.querySelectorAll("b"));
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
