// The GRU's step, once for all pages: the same equations as gruvy/reference.py, in float64.

/** @param {number} a */
export const sigmoid = (a) => 1 / (1 + Math.exp(-a));

/**
 * @param {ArrayLike<number>} a @param {number} from @param {ArrayLike<number>} b @param {number} start
 * @param {number} count
 */
export function dot(a, from, b, start, count) {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += a[from + i] * b[start + i];
  return sum;
}

let rh = new Float64Array(0);

/**
 * One step of a layer in one direction for one sequence: from x and the old state h the gates r, z, the candidate n and
 * its product q (U_n h + c with reset after, else U_n (r ∘ h)), and the new state.
 * @param {{W: ArrayLike<number>, U: ArrayLike<number>, b: ArrayLike<number>|null, c: ArrayLike<number>|null,
 *   width: number}} cell rows r, z, n; c of the candidate alone
 * @param {{units: number, after: boolean, keeps: boolean}} form
 * @param {ArrayLike<number>} x @param {number} xAt where the step's input begins
 * @param {ArrayLike<number>} h @param {number} hAt where the old state begins
 * @param {{r: Float64Array, z: Float64Array, n: Float64Array, q: Float64Array}} gates filled, unit by unit from `at`
 * @param {number} at
 * @param {Float64Array} to @param {number} toAt where the new state goes, another place than the old one's
 * @param {((gate: "r"|"z"|"n"|"h", unit: number, value: number) => number)|null} [change] what a gate, the candidate or
 *   the new state is instead; the rest follows from it
 */
export function gruStep({ W, U, b, c, width: I }, { units: H, after, keeps }, x, xAt, h, hAt, gates, at, to, toAt, change = null) {
  const { r, z, n, q } = gates;
  if (rh.length < H) rh = new Float64Array(H);
  for (let u = 0; u < H; u++) {
    const row = H + u;
    let a = sigmoid((b ? b[u] : 0) + dot(W, u * I, x, xAt, I) + dot(U, u * H, h, hAt, H));
    r[at + u] = a = change ? change("r", u, a) : a;
    rh[u] = a * h[hAt + u];
    a = sigmoid((b ? b[row] : 0) + dot(W, row * I, x, xAt, I) + dot(U, row * H, h, hAt, H));
    z[at + u] = change ? change("z", u, a) : a;
  }
  for (let u = 0; u < H; u++) {
    const row = 2 * H + u,
      a = (b ? b[row] : 0) + dot(W, row * I, x, xAt, I),
      product = after ? dot(U, row * H, h, hAt, H) + (c ? c[u] : 0) : dot(U, row * H, rh, 0, H),
      tanh = Math.tanh(after ? a + r[at + u] * product : a + product),
      candidate = change ? change("n", u, tanh) : tanh,
      update = z[at + u],
      old = h[hAt + u],
      state = keeps ? (1 - update) * candidate + update * old : (1 - update) * old + update * candidate;
    q[at + u] = product;
    n[at + u] = candidate;
    to[toAt + u] = change ? change("h", u, state) : state;
  }
}
