"use strict";
// Colours come from the style sheet, so that the page and its plots never disagree.

const Theme = {
  colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  },

  line(number) {
    return this.colour(`s${number % 12}`);
  },

  // "#rrggbb" with an opacity.
  faint(hex, alpha) {
    const n = parseInt(hex.slice(1), 16);
    return `rgba(${(n >> 16) & 255},${(n >> 8) & 255},${n & 255},${alpha})`;
  },

  level(level) {
    return { ok: this.colour("pass"), warning: this.colour("warn"), breach: this.colour("breach"), unknown: this.colour("inconclusive") }[level] || this.colour("band");
  },
};
