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

/**
 * to += factor * a row
 * @param {Float64Array} to @param {number} at @param {number} factor
 * @param {ArrayLike<number>} row @param {number} start @param {number} count
 */
export function add(to, at, factor, row, start, count) {
  for (let i = 0; i < count; i++) to[at + i] += factor * row[start + i];
}

/**
 * @typedef {(name: "reset"|"update"|"candidate"|"state", t: number, values: Float64Array, at: number) => void} Change
 *   changes the units' values in place, from `at`
 */

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
 * @param {Change|null} [change] what becomes of the gates, the candidate and the new state; the rest follows from it
 * @param {number} [t] the step, which `change` is told
 */
export function gruStep({ W, U, b, c, width: I }, { units: H, after, keeps }, x, xAt, h, hAt, gates, at, to, toAt, change = null, t = 0) {
  const { r, z, n, q } = gates;
  if (rh.length < H) rh = new Float64Array(H);
  for (let u = 0; u < H; u++) {
    const row = H + u;
    r[at + u] = sigmoid(dot(W, u * I, x, xAt, I) + dot(U, u * H, h, hAt, H) + (b ? b[u] : 0));
    z[at + u] = sigmoid(dot(W, row * I, x, xAt, I) + dot(U, row * H, h, hAt, H) + (b ? b[row] : 0));
  }
  if (change) {
    change("reset", t, r, at);
    change("update", t, z, at);
  }
  for (let u = 0; u < H; u++) rh[u] = r[at + u] * h[hAt + u];
  for (let u = 0; u < H; u++) {
    const row = 2 * H + u,
      a = dot(W, row * I, x, xAt, I) + (b ? b[row] : 0),
      product = after ? dot(U, row * H, h, hAt, H) + (c ? c[u] : 0) : dot(U, row * H, rh, 0, H);
    q[at + u] = product;
    n[at + u] = Math.tanh(after ? a + r[at + u] * product : a + product);
  }
  if (change) change("candidate", t, n, at);
  for (let u = 0; u < H; u++) to[toAt + u] = mix(z[at + u], n[at + u], h[hAt + u], keeps);
  if (change) change("state", t, to, toAt);
}

/**
 * The new state, from the update gate, the candidate and the old state.
 * @param {number} z @param {number} n @param {number} h @param {boolean} keeps whether a gate of 1 keeps the old state
 */
export const mix = (z, n, h, keeps) => (keeps ? (1 - z) * n + z * h : (1 - z) * h + z * n);

let drh = new Float64Array(0);

/**
 * The twin of `gruStep`: the gradient by the new state, `dh`, becomes that by the old one.
 * @param {{U: ArrayLike<number>}} cell
 * @param {{units: number, after: boolean, keeps: boolean}} form
 * @param {Float64Array} dh @param {number} dhAt
 * @param {ArrayLike<number>} h @param {number} hAt the old state
 * @param {{r: Float64Array, z: Float64Array, n: Float64Array, q: Float64Array}} gates as the step filled them
 * @param {number} at
 * @param {Float64Array} da (3H) filled: the gradient by what came from the input, rows r, z, n
 * @param {Float64Array} dq (H) filled: by the product with U_n
 * @param {{r: boolean, z: boolean}|null} [fixed] gates that nothing moves: no gradient goes through them
 */
export function gruBack({ U }, { units: H, after, keeps }, dh, dhAt, h, hAt, { r, z, n, q }, at, da, dq, fixed = null) {
  const last = 2 * H;
  if (drh.length < H) drh = new Float64Array(H);
  drh.fill(0, 0, H); // by r ∘ h; with reset after by h, on its way through U_n
  for (let u = 0; u < H; u++) {
    const g = dh[dhAt + u], update = z[at + u], candidate = n[at + u], old = h[hAt + u],
      dz = g * (keeps ? old - candidate : candidate - old);
    da[last + u] = g * (keeps ? 1 - update : update) * (1 - candidate * candidate);
    da[H + u] = fixed && fixed.z ? 0 : dz * update * (1 - update);
    dq[u] = after ? da[last + u] * r[at + u] : da[last + u];
    dh[dhAt + u] = g * (keeps ? update : 1 - update);
    add(drh, 0, dq[u], U, (last + u) * H, H);
  }
  for (let u = 0; u < H; u++) {
    const reset = r[at + u], dr = after ? da[last + u] * q[at + u] : drh[u] * h[hAt + u];
    da[u] = fixed && fixed.r ? 0 : dr * reset * (1 - reset);
    dh[dhAt + u] += after ? drh[u] : drh[u] * reset;
  }
  for (let row = 0; row < last; row++) if (da[row] !== 0) add(dh, dhAt, da[row], U, row * H, H);
}
