// PDGrad in the page: a live plot on the sampler, texts on nodes, before and after, and colours.

import { app } from "../../scripts/app.js";
import { api } from "../../scripts/api.js";
import { Compare } from "./compare.js";
import { Plot } from "./plot.js";
import { colourSockets } from "./socket_colours.js";
import { addView, attach, nodeAt, views } from "./views.js";

const COLOURS = {
  loaders: ["#2b3a4f", "#1f2b3c"],
  prior: ["#2b3a4f", "#1f2b3c"],
  photo: ["#3d3a2b", "#2c2a1f"],
  demo: ["#3d3a2b", "#2c2a1f"],
  degrade: ["#4a3430", "#372521"],
  align: ["#2f4540", "#22332f"],
  restore: ["#2f4a38", "#223729"],
  guidance: ["#463050", "#33223b"],
  sampling: ["#4b3a24", "#382a19"],
  metrics: ["#3a3f47", "#2a2e34"],
};

const PLOTTED = ["PDGradDDPMSampler", "PDGradGuideModel"];

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

const first = (shown) => String(shown[0]);

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
    if (PLOTTED.includes(kind)) {
      attach(node, new Plot(node), "pdgrad_trace", (shown) => JSON.parse(shown[0]));
    }
    if (kind === "PDGradRestoreFace") {
      const pairs = (shown) => shown.flatMap((one) => JSON.parse(one));
      attach(node, new Compare(node), "pdgrad_compare", pairs);
    }
    if (kind === "PDGradAuthenticity") attach(node, new Text(node, 240), "pdgrad_text", first);
    if (kind === "PDGradCompare") attach(node, new Text(node, 80), "pdgrad_text", first);
    if (kind === "PDGradGradientSurgery") attach(node, new Text(node, 60), "pdgrad_note", first);
  },

  setup() {
    colourSockets(app);
    api.addEventListener("pdgrad.trace", ({ detail }) => {
      const view = views.get(nodeAt(detail.node));
      if (view instanceof Plot) view.add(detail);
    });
  },
});
