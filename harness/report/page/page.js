"use strict";
// The page: Plotly unpacked, plots drawn when they come into sight, one zoom for all of them.

const COARSE_POINTER = matchMedia("(pointer: coarse)").matches;
const CONFIG = {
  displaylogo: false, responsive: true, doubleClick: false, scrollZoom: false, displayModeBar: "hover",
  modeBarButtons: [COARSE_POINTER ? ["zoomIn2d", "zoomOut2d"] : ["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d"], ["toImage"]],
};

const Page = {
  view: null, // [from, to] in milliseconds, null for the whole run
  drawn: new Set(),
  stale: new Set(),

  range() {
    return this.view || [REPORT.start, Math.max(REPORT.end, REPORT.start + SECOND)];
  },

  async start() {
    const divs = [...document.querySelectorAll(".plot")];
    if (!divs.length) return;
    try {
      await this.unpack();
    } catch (error) {
      for (const div of divs) div.textContent = "This browser cannot unpack the plots: it needs DecompressionStream (browsers since 2023).";
      return;
    }
    this.watch(divs);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
    addEventListener("beforeprint", () => this.print(true));
    addEventListener("afterprint", () => this.print(false));
    document.getElementById("whole").addEventListener("click", () => this.show(null));
    document.documentElement.dataset.ready = "yes";
  },

  // The script's text is allowed by its hash in the page's policy, wherever it comes from.
  async unpack() {
    const packed = Data.bytes(document.getElementById("library").textContent.trim());
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
    if (!window.Plotly) throw new Error("Plotly did not start");
  },

  watch(divs) {
    const observer = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        entry.target.inSight = entry.isIntersecting;
        if (entry.isIntersecting) this.refresh(entry.target);
      }
    }, { rootMargin: "300px 0px" });
    divs.forEach((div) => observer.observe(div));
  },

  refresh(div) {
    if (!this.drawn.has(div)) this.draw(div);
    else if (this.stale.delete(div)) this.move(div);
  },

  draw(div, width = div.clientWidth) {
    const plot = REPORT.plots[div.dataset.plot];
    const { data, layout } = Draw.figure(plot, this.range(), width);
    const drawing = this.drawn.has(div) ? Plotly.react(div, data, layout, CONFIG) : Plotly.newPlot(div, data, layout, CONFIG);
    if (!this.drawn.has(div)) {
      div.on("plotly_relayout", (change) => this.zoomed(div, change));
      div.on("plotly_doubleclick", () => this.show(null));
      div.addEventListener("dblclick", () => this.show(null));
    }
    this.drawn.add(div);
    this.stale.delete(div);
    drawing.then(() => { div.dataset.drawn = "yes"; });
  },

  // Whether its axis is time, not the load or a list of runs.
  timed(div) {
    return div.dataset.kind !== "xy" && div.dataset.kind !== "runs";
  },

  zoomed(div, change) {
    if (div.moving || !this.timed(div)) return;
    const from = change["xaxis.range[0]"] ?? change["xaxis.range"]?.[0];
    const to = change["xaxis.range[1]"] ?? change["xaxis.range"]?.[1];
    if (from === undefined || to === undefined) return;
    const view = [from, to].map((t) => (typeof t === "number" ? t : Date.parse(`${t.replace(" ", "T")}Z`)));
    if (view.every(Number.isFinite) && view[1] > view[0]) this.show(view);
  },

  // Zooming in one plot zooms all: those in sight now, the others when they come into sight.
  show(view) {
    if (view && view[0] <= REPORT.start && view[1] >= REPORT.end) view = null;
    this.view = view;
    document.getElementById("whole").hidden = view === null;
    for (const div of this.drawn) {
      if (div.inSight) this.move(div);
      else this.stale.add(div);
    }
  },

  move(div) {
    if (!this.timed(div)) return;
    const range = this.range();
    const { tickvals, ticktext } = Axis.ticks(range[0], range[1], Math.max(120, div.clientWidth - 78));
    div.moving = true;
    Plotly.relayout(div, { "xaxis.range": range, "xaxis.tickvals": tickvals, "xaxis.ticktext": ticktext }).then(() => { div.moving = false; });
  },

  redraw() {
    for (const div of this.drawn) this.draw(div);
  },

  drawAll() {
    for (const div of document.querySelectorAll(".plot")) if (!this.drawn.has(div)) this.draw(div);
  },

  // Paper is white and narrower than a screen; everything is on it, also what was never scrolled to.
  print(begins) {
    if (begins) document.documentElement.dataset.theme = "light";
    else delete document.documentElement.dataset.theme;
    this.drawAll();
    for (const div of this.drawn) {
      const small = div.closest(".panels > .card:not(.c12)") !== null, width = small ? 300 : 640;
      const height = div.dataset.kind === "state" ? 330 : small ? 175 : 210; // as report.css has it for paper
      this.draw(div, begins ? width : div.clientWidth);
      const size = begins ? { width, height } : { width: null, height: null, autosize: true };
      if (!this.timed(div)) {
        Plotly.relayout(div, size);
        continue;
      }
      const { tickvals, ticktext } = Axis.ticks(...this.range(), (begins ? width : Math.max(198, div.clientWidth)) - 78);
      const ticks = { "xaxis.tickvals": tickvals, "xaxis.ticktext": ticktext };
      Plotly.relayout(div, { ...size, ...ticks });
    }
  },
};

Page.start();
