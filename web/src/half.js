// Numbers of 16 bits.

/** float16: one bit of sign, five of exponent, ten of fraction. @param {number} bits */
export function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1, power = (bits >> 10) & 31, part = bits & 1023;
  if (power === 31) return part ? NaN : sign * Infinity;
  return sign * (power ? 2 ** (power - 15) * (1 + part / 1024) : part * 2 ** -24);
}

const both = new DataView(new ArrayBuffer(4));

/** bfloat16: the upper half of a float32. @param {number} bits */
export function bfloat(bits) {
  both.setUint32(0, bits << 16);
  return both.getFloat32(0);
}
