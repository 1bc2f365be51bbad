// The live plot on the sampler.

import { addView } from "./views.js";

const LINES = ["#6cb6ff", "#ffb454", "#8ddb8c", "#f47067", "#d2a8ff", "#7ee2e2"];
const PLOT_PX = 150;

/** The curves of one sampling: cosines drawn through, k dashed, from -1 to 1. */
export class Plot {
  constructor(node) {
    this.node = node;
    this.canvas = document.createElement("canvas");
    this.canvas.className = "pdgrad-plot";
    Object.assign(this.canvas.style, { width: "100%", height: `${PLOT_PX}px`, display: "block" });
    this.clear();
    addView(node, "pdgrad_plot", this.canvas, PLOT_PX);
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.canvas);
  }

  clear() {
    this.total = 0;
    this.series = {};
    this.draw();
  }

  /** Add one step as the sampler reports it. */
  add({ step, total, series }) {
    if (step === 1) this.series = {};
    this.total = total;
    for (const [name, value] of Object.entries(series)) {
      (this.series[name] ??= []).push([step, value]);
    }
    this.draw();
  }

  /** Show a finished trace: { t, series }, or a part of it. */
  show(trace) {
    this.total = trace.t.length;
    this.series = {};
    for (const [name, values] of Object.entries(trace.series)) {
      this.series[name] = values.map((value, index) => [index + 1, value]);
    }
    this.draw();
  }

  draw() {
    const { canvas } = this;
    const count = Math.max(0, ...Object.values(this.series ?? {}).map((line) => line.length));
    canvas.dataset.points = String(count);
    const ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth || 280;
    // The page may stretch what is on a node, as Nodes 2.0 does until there is a preview.
    const height = canvas.clientHeight || PLOT_PX;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const pen = canvas.getContext("2d");
    if (!pen) return;
    pen.scale(ratio, ratio);
    pen.font = "10px sans-serif";
    pen.fillStyle = "rgba(0, 0, 0, 0.25)";
    pen.fillRect(0, 0, width, height);
    const box = { left: 24, top: 20, right: width - 8, bottom: height - 8 };
    this.drawAxes(pen, box);
    if (count === 0) {
      pen.fillStyle = "#999";
      pen.fillText("the gradients' cosine and k, step by step", box.left + 4, box.top + 12);
      return;
    }
    this.drawLines(pen, box);
  }

  drawAxes(pen, box) {
    for (const value of [-1, 0, 1]) {
      const y = atValue(box, value);
      pen.strokeStyle = value === 0 ? "#888" : "#555";
      pen.lineWidth = 1;
      pen.beginPath();
      pen.moveTo(box.left, y);
      pen.lineTo(box.right, y);
      pen.stroke();
      pen.fillStyle = "#aaa";
      pen.fillText(String(value), 6, y + 3);
    }
  }

  drawLines(pen, box) {
    const names = Object.keys(this.series);
    const surgeries = [...new Set(names.map((name) => name.replace(/\.[^.]*$/, "")))];
    let legend = box.left;
    for (const name of names) {
      const surgery = name.replace(/\.[^.]*$/, "");
      const colour = LINES[surgeries.indexOf(surgery) % LINES.length];
      const dashed = name.endsWith(".k");
      pen.strokeStyle = colour;
      pen.lineWidth = 1.4;
      pen.setLineDash(dashed ? [3, 3] : []);
      pen.beginPath();
      for (const [step, value] of this.series[name]) {
        const share = this.total > 1 ? (step - 1) / (this.total - 1) : 0;
        pen.lineTo(box.left + share * (box.right - box.left), atValue(box, value));
      }
      pen.stroke();
      const label = `${surgery} ${dashed ? "k" : "cosine"}`;
      pen.beginPath();
      pen.moveTo(legend, 10);
      pen.lineTo(legend + 12, 10);
      pen.stroke();
      pen.setLineDash([]);
      pen.fillStyle = "#ccc";
      pen.fillText(label, legend + 15, 13);
      legend += 24 + pen.measureText(label).width;
    }
  }

  remove() {
    this.observer.disconnect();
  }
}

function atValue(box, value) {
  const share = (1 - Math.max(-1, Math.min(1, value))) / 2;
  return box.top + share * (box.bottom - box.top);
}
