"use strict";
// The report's data: one grid of time, a pool of series, plots that name them. Little-endian floats, NaN is a gap.

const REPORT = JSON.parse(document.getElementById("data").textContent);

const Data = {
  bytes(base64) {
    const text = atob(base64);
    const bytes = new Uint8Array(text.length); // a loop: Uint8Array.from takes ten times as long
    for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
    return bytes;
  },

  floats(base64) {
    return new Float32Array(this.bytes(base64).buffer);
  },

  times() {
    if (!this.cache) {
      const { first, step, count } = REPORT.grid;
      this.cache = Array.from({ length: count }, (_, i) => first + i * step);
    }
    return this.cache;
  },

  // {value, low, high}: numbers or null, so that a gap is drawn as a gap.
  series(index) {
    const packed = REPORT.series[index];
    if (!packed.value) {
      const list = (text) => Array.from(this.floats(text), (v) => (Number.isNaN(v) ? null : v));
      packed.value = list(packed.v);
      packed.low = packed.l ? list(packed.l) : packed.value;
      packed.high = packed.h ? list(packed.h) : packed.value;
    }
    return packed;
  },
};
