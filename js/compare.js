// Before and after on Restore Face: a line that follows the pointer.

import { api } from "../../scripts/api.js";
import { addView } from "./views.js";

const HEIGHT_PX = 220;

/** The photo and its restored self, one over the other. */
export class Compare {
  constructor(node) {
    this.node = node;
    this.pairs = [];
    this.index = 0;
    this.element = box("pdgrad-compare", {
      position: "relative",
      width: "100%",
      height: `${HEIGHT_PX}px`,
      overflow: "hidden",
      cursor: "ew-resize",
      touchAction: "none",
      background: "rgba(0, 0, 0, 0.25)",
      borderRadius: "4px",
    });
    this.before = picture();
    this.after = picture();
    this.line = box("pdgrad-compare-line", {
      position: "absolute",
      top: "0",
      bottom: "0",
      width: "2px",
      marginLeft: "-1px",
      background: "rgba(255, 255, 255, 0.8)",
      pointerEvents: "none",
    });
    const labels = [label("before", { left: "6px" }), label("after", { right: "6px" })];
    this.parts = [this.before, this.after, this.line, ...labels];
    this.hint = label("the photo and its restored self", { left: "6px" });
    this.next = this.pager();
    this.element.append(...this.parts, this.hint, this.next);
    for (const event of ["pointermove", "pointerdown"]) {
      this.element.addEventListener(event, (one) => this.follow(one));
    }
    for (const image of [this.before, this.after]) image.onerror = () => this.clear();
    // Always of one height: Nodes 2.0 asks for it once.
    addView(node, "pdgrad_compare", this.element, HEIGHT_PX);
    this.split(0.5);
    this.show([]);
  }

  /** Show pairs of pictures that the host holds: [{ before, after }, ...]. */
  show(pairs) {
    this.pairs = pairs;
    this.index = 0;
    this.element.dataset.pairs = String(pairs.length);
    for (const part of this.parts) part.style.display = pairs.length ? "block" : "none";
    this.next.style.display = pairs.length > 1 ? "block" : "none";
    this.hint.style.display = pairs.length ? "none" : "block";
    this.turn();
  }

  /** The host keeps such pictures until it ends: what is gone is not shown. */
  clear() {
    if (this.pairs.length) this.show([]);
  }

  turn() {
    const pair = this.pairs[this.index];
    if (!pair) return;
    this.before.src = address(pair.before);
    this.after.src = address(pair.after);
    this.next.textContent = `${this.index + 1} / ${this.pairs.length} ▸`;
  }

  pager() {
    const button = document.createElement("button");
    button.className = "pdgrad-compare-next";
    button.title = "the next photo";
    Object.assign(button.style, LABEL, { bottom: "4px", right: "6px", cursor: "pointer" });
    button.style.border = "0";
    button.addEventListener("click", () => {
      this.index = (this.index + 1) % this.pairs.length;
      this.turn();
    });
    return button;
  }

  follow(event) {
    const place = this.element.getBoundingClientRect();
    if (place.width) this.split((event.clientX - place.left) / place.width);
  }

  /** Put the line at a share of the width: left of it is the photo, right of it the result. */
  split(share) {
    const percent = 100 * Math.max(0, Math.min(1, share));
    this.element.dataset.split = percent.toFixed(0);
    this.after.style.clipPath = `inset(0 0 0 ${percent}%)`;
    this.line.style.left = `${percent}%`;
  }

  remove() {}
}

const LABEL = {
  position: "absolute",
  font: "11px sans-serif",
  color: "#fff",
  background: "rgba(0, 0, 0, 0.5)",
  padding: "1px 5px",
  borderRadius: "3px",
};

function box(name, style) {
  const element = document.createElement("div");
  element.className = name;
  Object.assign(element.style, style);
  return element;
}

function label(text, place) {
  const element = box("pdgrad-compare-label", { ...LABEL, top: "4px", ...place });
  element.style.pointerEvents = "none";
  element.textContent = text;
  return element;
}

function picture() {
  const image = document.createElement("img");
  image.draggable = false;
  Object.assign(image.style, {
    position: "absolute",
    inset: "0",
    width: "100%",
    height: "100%",
    objectFit: "contain",
    pointerEvents: "none",
  });
  return image;
}

function address(file) {
  return api.apiURL(`/view?${new URLSearchParams(file)}`);
}
