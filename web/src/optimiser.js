// Adam with decoupled weight decay (Kingma and Ba 2015; Loshchilov and Hutter 2019), and clipping to a norm: torch's.

/**
 * Scale a gradient down to a norm, in place, as torch does: it divides by the norm plus a millionth.
 * @param {Float64Array} gradient
 * @param {number} most the largest norm that is left as it is; Infinity leaves every one
 * @returns {number} the norm that there was
 */
export function clip(gradient, most) {
  let square = 0;
  for (let i = 0; i < gradient.length; i++) square += gradient[i] * gradient[i];
  const norm = Math.sqrt(square),
    scale = most / (norm + 1e-6);
  if (scale < 1) for (let i = 0; i < gradient.length; i++) gradient[i] *= scale;
  return norm;
}

export class AdamW {
  /**
   * @param {number} size how many parameters
   * @param {{decay?: number, beta1?: number, beta2?: number, epsilon?: number}} [settings] torch's but for the decay,
   *   which is 0
   */
  constructor(size, { decay = 0, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = {}) {
    this.decay = decay;
    this.beta1 = beta1;
    this.beta2 = beta2;
    this.epsilon = epsilon;
    this.first = new Float64Array(size);
    this.second = new Float64Array(size);
    this.steps = 0;
  }

  /**
   * One step, in place.
   * @param {Float64Array} parameters
   * @param {Float64Array} gradient
   * @param {number} rate the learning rate
   */
  step(parameters, gradient, rate) {
    const { first, second, beta1, beta2 } = this;
    this.steps++;
    const kept = 1 - rate * this.decay,
      by = rate / (1 - beta1 ** this.steps),
      root = Math.sqrt(1 - beta2 ** this.steps);
    for (let i = 0; i < parameters.length; i++) {
      const g = gradient[i];
      first[i] += (1 - beta1) * (g - first[i]);
      second[i] = beta2 * second[i] + (1 - beta2) * g * g;
      parameters[i] = parameters[i] * kept - (by * first[i]) / (Math.sqrt(second[i]) / root + this.epsilon);
    }
  }
}
