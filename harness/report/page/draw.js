"use strict";
// From a plot of the data to Plotly's traces and layout.

const Draw = {
  figure(plot, range, width) {
    const make = { lines: this.lines, heatmap: this.heatmap, state: this.state, xy: this.xy, runs: this.runs }[plot.kind];
    const { data, yaxis } = make.call(this, plot);
    const layout = this.layout(plot, range, width, yaxis);
    if (plot.kind === "xy") Object.assign(layout, this.across(plot));
    if (plot.kind === "runs") Object.assign(layout, this.besides(plot, width));
    return { data, layout };
  },

  layout(plot, range, width, yaxis) {
    const text = Theme.colour("axis");
    return {
      autosize: true, margin: { l: 64, r: 14, t: 14, b: 42 }, showlegend: false, hovermode: plot.kind === "lines" ? "x unified" : "closest",
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", dragmode: COARSE_POINTER ? false : "zoom",
      font: { family: getComputedStyle(document.body).fontFamily, size: 11.5, color: text },
      hoverlabel: { bgcolor: Theme.colour("card"), bordercolor: Theme.colour("line"), font: { color: Theme.colour("text"), size: 12 }, namelength: 60 },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: Theme.colour("faint"), activecolor: Theme.colour("text") },
      xaxis: Axis.layout(range, Math.max(120, width - 78)),
      yaxis: { gridcolor: Theme.colour("grid"), zeroline: false, fixedrange: true, nticks: 6, automargin: true, ticklabelstandoff: 6, ...yaxis },
      shapes: this.shapes(plot), annotations: this.annotations(plot, width),
    };
  },

  lines(plot) {
    const x = Data.times(), data = [];
    let number = 0, largest = 0;
    for (const line of plot.lines) {
      for (const v of Data.series(line.s).high) if (v !== null) largest = Math.max(largest, Math.abs(v));
    }
    const format = this.format(largest);
    for (const line of plot.lines) {
      const one = Data.series(line.s);
      const limit = line.r === "limit";
      const colour = limit ? Theme.colour("limit") : Theme.line(number);
      if (!limit) number += 1;
      const banded = one.high !== one.value && !limit && !plot.stacked;
      if (banded) data.push(this.band(x, one, colour));
      const dash = { limit: "dash", trend: "dot" }[line.r] || "solid";
      const trace = {
        type: "scatter", mode: this.mode(one.value), x, y: one.value, name: this.escape(line.n), connectgaps: false,
        line: { color: colour, width: { limit: 1.5, band: 1 }[line.r] || 1.8, dash, shape: "linear" },
        marker: { color: colour, size: 4 },
        hovertemplate: `%{y:${format}}${plot.suffix}<extra>%{fullData.name}</extra>`,
      };
      if (banded) {
        trace.customdata = one.low.map((low, i) => [low, one.high[i]]);
        trace.hovertemplate = `%{y:${format}}${plot.suffix} (%{customdata[0]:${format}} to %{customdata[1]:${format}})<extra>%{fullData.name}</extra>`;
      }
      if (plot.stacked && !limit) Object.assign(trace, { stackgroup: "all", line: { ...trace.line, width: 1 }, fillcolor: Theme.faint(colour, 0.35) });
      data.push(trace);
    }
    return { data, yaxis: this.valueAxis(plot) };
  },

  // A sample between two gaps has no line: it is drawn as a dot.
  mode(values) {
    const alone = values.some((v, i) => v !== null && (values[i - 1] ?? null) === null && (values[i + 1] ?? null) === null);
    return alone ? "lines+markers" : "lines";
  },

  // Lowest to highest of each bucket, one polygon for each stretch without a gap.
  band(x, one, colour) {
    const px = [], py = [];
    for (let i = 0; i < x.length; i += 1) {
      if (one.high[i] === null) continue;
      let j = i;
      while (j + 1 < x.length && one.high[j + 1] !== null) j += 1;
      for (let k = i; k <= j; k += 1) { px.push(x[k]); py.push(one.high[k]); }
      for (let k = j; k >= i; k -= 1) { px.push(x[k]); py.push(one.low[k]); }
      px.push(null); py.push(null);
      i = j;
    }
    return {
      type: "scatter", mode: "lines", x: px, y: py, fill: "toself", hoverinfo: "skip", showlegend: false,
      line: { width: 0.6, color: Theme.faint(colour, 0.45) }, fillcolor: Theme.faint(colour, 0.22), meta: "band",
    };
  },

  format(largest) {
    if (largest >= 1000) return ",.0f";
    if (largest >= 100) return ".1~f";
    if (largest >= 10) return ".2~f";
    return ".3~g";
  },

  valueAxis(plot) {
    const axis = { ticksuffix: plot.suffix, exponentformat: "none", separatethousands: true };
    if (plot.log) axis.type = "log";
    if (plot.min === 0 && !plot.log) axis.rangemode = "tozero";
    const bounds = {};
    if (plot.max !== null) bounds.maxallowed = plot.max;
    if (plot.min !== null && plot.min !== 0) bounds.minallowed = plot.min;
    if (Object.keys(bounds).length) axis.autorangeoptions = bounds;
    return axis;
  },

  heatmap(plot) {
    const z = plot.lines.map((line) => Data.series(line.s).value);
    const names = plot.lines.map((line) => this.escape(line.n));
    const scale = [0, 1, 2, 3].map((i) => [[0, 0.02, 0.4, 1][i], Theme.colour(`heat${i}`)]);
    return {
      data: [{
        type: "heatmap", x: Data.times(), y: names, z, colorscale: scale, zmin: 0, showscale: false, hoverongaps: false,
        hovertemplate: `%{x}<br>%{y}: %{z:.3~g}${plot.suffix}<extra></extra>`,
      }],
      yaxis: { type: "category", nticks: 8, showgrid: false },
    };
  },

  // One bar for each stretch in which a state stayed the same.
  state(plot) {
    const x = Data.times(), step = REPORT.grid.step, bars = [];
    for (const line of plot.lines) {
      const values = Data.series(line.s).value;
      for (let i = 0; i < x.length; i += 1) {
        if (values[i] === null) continue;
        let j = i;
        while (j + 1 < x.length && values[j + 1] === values[i]) j += 1;
        const word = plot.words.find(([value]) => Math.abs(value - values[i]) < 1e-6);
        bars.push({ y: this.escape(line.n), base: x[i], length: x[j] - x[i] + step, text: word ? word[1] : `${values[i]}${plot.suffix}`, shown: !word || word[2] !== "ok", level: word ? word[2] : "neutral" });
        i = j;
      }
    }
    return {
      data: [{
        type: "bar", orientation: "h", y: bars.map((b) => b.y), base: bars.map((b) => b.base), x: bars.map((b) => b.length),
        marker: { color: bars.map((b) => Theme.faint(Theme.level(b.level), 0.75)), line: { width: 0 } }, width: 0.7,
        text: bars.map((b) => (b.shown && b.length > (REPORT.end - REPORT.start) / 12 ? b.text : "")), textposition: "inside", insidetextanchor: "middle", textangle: 0, insidetextfont: { color: Theme.colour("text") },
        customdata: bars.map((b) => [this.escape(b.text), `${Axis.clock(b.base, true)} to ${Axis.clock(b.base + b.length, true)} UTC`]),
        hovertemplate: "%{y}: %{customdata[0]}<br>%{customdata[1]}<extra></extra>",
      }],
      yaxis: { type: "category", showgrid: false, dtick: 1, autorange: "reversed", nticks: undefined },
    };
  },

  // The steps as points joined in their order, limits as lines; where there are no steps, every moment as a dot.
  xy(plot) {
    const x = Data.series(plot.across).value, data = [];
    let number = 0, largest = 0;
    for (const line of plot.lines) {
      const one = Data.series(line.s);
      for (const v of one.value) if (v !== null) largest = Math.max(largest, Math.abs(v));
      if (line.r === "limit") {
        const level = one.value.findLast((v) => v !== null);
        const right = Math.max(...x, ...plot.points.map((p) => p[0]));
        data.push({ type: "scatter", mode: "lines", x: [0, right * 1.05], y: [level, level], name: this.escape(line.n), hovertemplate: `${this.escape(line.n)} %{y:.3~g}${plot.suffix}<extra></extra>`, line: { color: Theme.colour("limit"), width: 1.5, dash: "dash" } });
        continue;
      }
      const colour = Theme.line(number++);
      if (plot.points.length) continue;
      data.push({ type: "scatter", mode: "markers", x, y: one.value, name: this.escape(line.n), hoverinfo: "skip", marker: { color: Theme.faint(colour, 0.3), size: 4 } });
    }
    if (plot.fitted.length) {
      data.push({ type: "scatter", mode: "lines", x: plot.fitted.map((p) => p[0]), y: plot.fitted.map((p) => p[1]), name: "Universal Scalability Law", line: { color: Theme.colour("axis"), width: 1.4, dash: "dot" }, hovertemplate: "Universal Scalability Law: %{y:.3~g}<extra></extra>" });
    }
    if (plot.points.length) {
      data.push({
        type: "scatter", mode: "lines+markers", cliponaxis: false, x: plot.points.map((p) => p[0]), y: plot.points.map((p) => p[1]), name: "steps",
        line: { color: Theme.line(0), width: 2 }, marker: { size: 10, color: plot.points.map((p) => Theme.level(p[2])), line: { width: 1.5, color: Theme.colour("card") } },
        text: plot.points.map((p) => this.escape(p[3])), hovertemplate: "%{text}<extra></extra>",
      });
    }
    return { data, yaxis: { ...this.valueAxis(plot), rangemode: "tozero" } };
  },

  // The axis of the load, and what is marked on it.
  across(plot) {
    // What held stands to the left of its line, what broke to the right, a knee at the foot: they never meet.
    const text = (at, words, level) => ({ x: at, xref: "x", y: level === "neutral" ? 0 : 1, yref: "paper", yanchor: "bottom", xanchor: level === "breach" ? "left" : "right", text: this.escape(words), showarrow: false, font: { size: 11, color: Theme.level(level) } });
    return {
      hovermode: "closest", dragmode: false, margin: { l: 64, r: 14, t: 22, b: 42 },
      xaxis: { title: { text: this.escape(plot.acrossTitle), standoff: 6, font: { size: 11.5 } }, rangemode: "tozero", zeroline: false, gridcolor: Theme.colour("grid"), fixedrange: true, nticks: 8, automargin: true },
      shapes: plot.uprights.map(([at, , level]) => ({ type: "line", xref: "x", yref: "paper", x0: at, x1: at, y0: 0, y1: 1, line: { color: Theme.level(level), width: 1.4, dash: "dot" } })),
      annotations: plot.uprights.map(([at, words, level]) => text(at, words, level)),
    };
  },

  // Runs side by side, this one last: a dot for each sub-window in order of time, a bar for the level of the run.
  runs(plot) {
    const last = plot.runs.length - 1, data = [];
    const largest = Math.max(...plot.runs.flatMap(([, level, values]) => [level, ...values].map(Math.abs)));
    const format = this.format(largest);
    for (const [name, value] of plot.levels) {
      data.push({ type: "scatter", mode: "lines", x: [-0.5, last + 0.5], y: [value, value], name: this.escape(name), line: { color: Theme.colour("limit"), width: 1.5, dash: "dash" }, hovertemplate: `${this.escape(name)} %{y:${format}}${plot.suffix}<extra></extra>` });
    }
    plot.runs.forEach(([name, level, values], at) => {
      const own = at === last, colour = Theme.line(own ? 0 : 10);
      const words = this.escape(own ? `this run, ${name}` : name);
      data.push({
        type: "scatter", mode: "markers", name: words, x: values.map((_, k) => at + 0.5 * ((k + 0.5) / values.length - 0.5)), y: values,
        marker: { color: Theme.faint(colour, 0.75), size: 7 }, hovertemplate: `${words}<br>sub-window: %{y:${format}}${plot.suffix}<extra></extra>`,
      });
      data.push({ type: "scatter", mode: "lines", name: words, x: [at - 0.34, at + 0.34], y: [level, level], line: { color: colour, width: 3 }, hovertemplate: `${words}<br>level: %{y:${format}}${plot.suffix}<extra></extra>` });
    });
    return { data, yaxis: this.valueAxis(plot) };
  },

  // Their axis. Run ids are too long to stand there: they are told on hover, and in the list of the comparison.
  besides(plot, width) {
    const last = plot.runs.length - 1, every = Math.ceil(last / Math.max(2, Math.floor(width / 60)));
    const ticks = plot.runs.map((_, at) => at).filter((at) => at === last || (at % every === 0 && last - at >= every / 2));
    return {
      hovermode: "closest", dragmode: false, margin: { l: 64, r: 14, t: 14, b: 42 }, shapes: [], annotations: [],
      xaxis: {
        range: [-0.6, last + 0.6], tickmode: "array", tickvals: ticks, ticktext: ticks.map((at) => (at === last ? "this run" : `${at + 1}`)), tickangle: 0,
        title: { text: last > 1 ? "baseline runs, then this run" : "baseline run, then this run", standoff: 6, font: { size: 11.5 } }, showgrid: false, zeroline: false, fixedrange: true, automargin: true,
      },
    };
  },

  shapes(plot) {
    const across = (from, to, fillcolor, extra = {}) => ({
      type: "rect", xref: "x", yref: "paper", x0: from, x1: to, y0: 0, y1: 1, line: { width: 0 }, layer: "below", fillcolor, ...extra,
    });
    const grey = Theme.faint(Theme.colour("warmup"), 0.2), shapes = [];
    const [from, to] = REPORT.steady || [REPORT.end, REPORT.end];
    if (from > REPORT.start) shapes.push(across(REPORT.start, from, grey));
    if (to < REPORT.end) shapes.push(across(to, REPORT.end, grey));
    for (const [a, b] of REPORT.aside || []) shapes.push(across(a, b, grey, { name: "set aside" }));
    const red = Theme.faint(Theme.colour("breach"), 0.13);
    for (const [a, b] of plot.shades) shapes.push(across(a, b, red, { name: "breach" }));
    for (const [at] of plot.marks) {
      shapes.push({ type: "line", xref: "x", yref: "paper", x0: at, x1: at, y0: 0, y1: 1, line: { color: Theme.colour("breach"), width: 1.2, dash: "dot" } });
    }
    return shapes;
  },

  annotations(plot, width) {
    const note = (at, text, colour, y) => ({
      x: at, xref: "x", y, yref: "paper", yanchor: "bottom", xanchor: "left", text, showarrow: false, font: { size: 10, color: colour },
    });
    // What happened late is named to the left of its line: to the right there is no room.
    const late = (at) => at > REPORT.start + 0.75 * (REPORT.end - REPORT.start);
    const notes = plot.marks.map(([at, text]) => ({ ...note(at, this.escape(text), Theme.colour("breach"), 1), xanchor: late(at) ? "right" : "left" }));
    if (plot.kind === "lines" && width > 620) {
      for (const [at] of REPORT.aside || []) notes.push({ ...note(at, "set aside", Theme.colour("axis"), 1), yanchor: "top", xshift: 2 });
    }
    const from = REPORT.steady ? REPORT.steady[0] : REPORT.end;
    // Without a warm-up it is the start of the parts: seconds that need no word.
    const named = REPORT.warmup > 0 || !REPORT.steady;
    if (named && from > REPORT.start && plot.kind === "lines" && width > 620) notes.push({ ...note(REPORT.start, REPORT.steady ? "warm-up" : "not judged", Theme.colour("axis"), 1), yanchor: "top", xshift: 2 });
    return notes;
  },

  // Plotly reads a few tags in names; whatever comes from outside is shown as it is.
  escape(text) {
    return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  },
};
