// Random numbers that a seed decides: sfc32 (Chris Doty-Humphrey's Small Fast Counting generator), 128 bits of state.

export class Random {
  /** @param {...number} seeds whole numbers; the same ones give the same numbers */
  constructor(...seeds) {
    this.a = 0x9e3779b9 | 0;
    this.b = 0x243f6a88 | 0;
    this.c = 0xb7e15162 | 0;
    this.counter = 1;
    for (const seed of seeds) {
      this.a ^= seed | 0;
      this.b = (this.b + Math.imul(seed | 0, 0x85ebca6b)) | 0;
      for (let i = 0; i < 16; i++) this.bits();
    }
  }

  /** 32 random bits, as a whole number from 0 */
  bits() {
    const sum = (((this.a + this.b) | 0) + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (this.c << 21) | (this.c >>> 11);
    this.c = (this.c + sum) | 0;
    return sum >>> 0;
  }

  /** A number from 0 up to 1, with 53 bits */
  uniform() {
    return ((this.bits() >>> 5) * 67108864 + (this.bits() >>> 6)) / 9007199254740992;
  }

  /**
   * A whole number from `low` up to `high` - 1
   * @param {number} low
   * @param {number} high
   */
  whole(low, high) {
    return low + Math.floor(this.uniform() * (high - low));
  }
}
