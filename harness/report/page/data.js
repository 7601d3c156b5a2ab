"use strict";
// The report's data: one grid of time, a pool of series, plots that name them. Little-endian floats, NaN is a gap.

const REPORT = JSON.parse(document.getElementById("data").textContent);

const Data = {
  floats(base64) {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    return new Float32Array(bytes.buffer);
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
