// PDGrad in the page: a live plot on the sampler, texts on nodes, and colours by stage.

import { app } from "../../scripts/app.js";
import { api } from "../../scripts/api.js";

const COLOURS = {
  loaders: ["#2b3a4f", "#1f2b3c"],
  prior: ["#2b3a4f", "#1f2b3c"],
  demo: ["#3d3a2b", "#2c2a1f"],
  degrade: ["#4a3430", "#372521"],
  align: ["#2f4540", "#22332f"],
  restore: ["#2f4a38", "#223729"],
  guidance: ["#463050", "#33223b"],
  sampling: ["#4b3a24", "#382a19"],
  metrics: ["#3a3f47", "#2a2e34"],
};

const LINES = ["#6cb6ff", "#ffb454", "#8ddb8c", "#f47067", "#d2a8ff", "#7ee2e2"];
const PLOT_PX = 150;
const SAMPLER = "PDGradDDPMSampler";

/** Views of nodes that show something: node -> { show, clear }. */
const views = new Map();

/** Return the node that an execution id names: "12", or "5:12" for a node inside subgraph node 5. */
function nodeAt(path) {
  let graph = app.rootGraph ?? app.graph;
  let node = null;
  for (const part of String(path).split(":")) {
    node = graph?.nodes?.find((one) => String(one.id) === part) ?? null;
    graph = node?.subgraph;
  }
  return node;
}

/** Call `after` when the node's own handler has run; other extensions' handlers stay in place. */
function follow(node, event, after) {
  const before = node[event];
  node[event] = function (...args) {
    const result = before?.apply(this, args);
    after(...args);
    return result;
  };
}

function addView(node, name, element, height) {
  const widget = node.addDOMWidget(name, "pdgrad", element, {
    serialize: false,
    hideOnZoom: false,
    getMinHeight: () => height,
    getMaxHeight: () => height,
  });
  widget.serialize = false;
  return widget;
}

/** The curves of one sampling: cosines drawn through, k dashed, from -1 to 1. */
class Plot {
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
    canvas.width = width * ratio;
    canvas.height = PLOT_PX * ratio;
    const pen = canvas.getContext("2d");
    if (!pen) return;
    pen.scale(ratio, ratio);
    pen.font = "10px sans-serif";
    pen.fillStyle = "rgba(0, 0, 0, 0.25)";
    pen.fillRect(0, 0, width, PLOT_PX);
    const box = { left: 24, top: 20, right: width - 8, bottom: PLOT_PX - 8 };
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

/** A few lines of text below the widgets. */
class Text {
  constructor(node, height) {
    this.element = document.createElement("div");
    this.element.className = "pdgrad-text";
    Object.assign(this.element.style, {
      whiteSpace: "pre-wrap",
      font: "12px sans-serif",
      color: "#ddd",
      padding: "4px 6px",
      overflow: "auto",
    });
    addView(node, "pdgrad_text", this.element, height);
  }

  show(text) {
    this.element.textContent = text;
  }

  clear() {
    this.element.textContent = "";
  }

  remove() {}
}

/** Show a result on the node, and keep it in the workflow, so that it is there after a reload. */
function attach(node, view, key, read) {
  views.set(node, view);
  const restore = () => {
    const kept = node.properties?.[key];
    if (kept !== undefined) view.show(kept);
  };
  follow(node, "onExecuted", (output) => {
    if (output?.[key]?.length) {
      node.properties[key] = read(output[key][0]);
      view.show(node.properties[key]);
    }
  });
  follow(node, "onConfigure", restore);
  follow(node, "onRemoved", () => {
    views.delete(node);
    view.remove();
  });
}

app.registerExtension({
  name: "pdgrad",

  nodeCreated(node) {
    const kind = node.comfyClass ?? "";
    if (!kind.startsWith("PDGrad")) return;
    const stage = (node.constructor?.nodeData?.category ?? node.constructor?.category ?? "")
      .split("/")
      .pop();
    const colours = COLOURS[stage];
    if (colours) [node.color, node.bgcolor] = colours;
    if (kind === SAMPLER) attach(node, new Plot(node), "pdgrad_trace", JSON.parse);
    if (kind === "PDGradCompare") attach(node, new Text(node, 80), "pdgrad_text", String);
    if (kind === "PDGradGradientSurgery") attach(node, new Text(node, 60), "pdgrad_note", String);
  },

  setup() {
    api.addEventListener("pdgrad.trace", ({ detail }) => {
      const view = views.get(nodeAt(detail.node));
      if (view instanceof Plot) view.add(detail);
    });
  },
});
