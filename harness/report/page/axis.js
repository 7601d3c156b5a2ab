"use strict";
// The time axis: round steps of elapsed time, with the time of day (UTC) below.

const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800,
].map((seconds) => seconds * SECOND);

const Axis = {
  elapsed(ms) {
    if (ms === 0) return "start";
    const sign = ms < 0 ? "-" : "";
    let left = Math.round(Math.abs(ms) / SECOND);
    const parts = [];
    for (const [unit, size] of [["h", 3600], ["m", 60], ["s", 1]]) {
      const count = Math.floor(left / size);
      left -= count * size;
      if (count) parts.push(`${count}${unit}`);
    }
    return sign + parts.slice(0, 2).join(" ");
  },

  clock(ms, withSeconds) {
    return new Date(ms).toISOString().slice(11, withSeconds ? 19 : 16);
  },

  // Ticks that do not overlap: about one each 72 pixels.
  ticks(from, to, width) {
    const wanted = Math.max(2, Math.floor(width / 72));
    const step = STEPS.find((s) => (to - from) / s <= wanted) || STEPS[STEPS.length - 1];
    const tickvals = [], ticktext = [];
    for (let k = Math.ceil((from - REPORT.start) / step); REPORT.start + k * step <= to; k += 1) {
      const at = REPORT.start + k * step;
      tickvals.push(at);
      ticktext.push(`${this.elapsed(k * step)}<br><span style="font-size:10px;opacity:.65">${this.clock(at, step < MINUTE)}</span>`);
    }
    return { tickvals, ticktext };
  },

  moment() {
    return REPORT.end - REPORT.start > DAY / 2 ? "%b %d, %H:%M:%S UTC" : "%H:%M:%S UTC";
  },

  layout(range, width) {
    return {
      type: "date", range, ...this.ticks(range[0], range[1], width), tickmode: "array", showgrid: false, zeroline: false,
      linecolor: Theme.colour("grid"), tickcolor: Theme.colour("grid"), ticks: "outside", ticklen: 4,
      hoverformat: this.moment(), unifiedhovertitle: { text: `%{x|${this.moment()}}` },
      showspikes: true, spikemode: "across", spikethickness: 1, spikedash: "dot", spikecolor: Theme.colour("axis"),
    };
  },
};
