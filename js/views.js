// What nodes show below their widgets: where it is put, and how it is there again after a reload.

import { app } from "../../scripts/app.js";

/** What the canvas leaves free round an element, out of the height it is asked for. */
const MARGIN_PX = 10;

/** Views of nodes that show something: node -> { show, clear }. */
export const views = new Map();

/** Return the node that an execution id names: "12", or "5:12" for a node inside subgraph node 5. */
export function nodeAt(path) {
  let graph = app.rootGraph ?? app.graph;
  let node = null;
  for (const part of String(path).split(":")) {
    node = graph?.nodes?.find((one) => String(one.id) === part) ?? null;
    graph = node?.subgraph;
  }
  return node;
}

/** Call `after` when the node's own handler has run; other extensions' handlers stay in place. */
export function follow(node, event, after) {
  const before = node[event];
  node[event] = function (...args) {
    const result = before?.apply(this, args);
    after(...args);
    return result;
  };
}

/** Put an element of a height in pixels below a node's widgets; nothing of it is saved. */
export function addView(node, name, element, height) {
  // Nodes 2.0 gives what is left beside a preview, which may be nothing.
  element.style.minHeight = `${height}px`;
  const widget = node.addDOMWidget(name, "pdgrad", element, {
    serialize: false,
    hideOnZoom: false,
    getMinHeight: () => height + 2 * MARGIN_PX,
    getMaxHeight: () => height + 2 * MARGIN_PX,
  });
  widget.serialize = false;
  return widget;
}

/** Show a result on the node, and keep it in the workflow, so that it is there after a reload. */
export function attach(node, view, key, read) {
  views.set(node, view);
  const restore = () => {
    const kept = node.properties?.[key];
    if (kept !== undefined) view.show(kept);
  };
  follow(node, "onExecuted", (output) => {
    if (output?.[key]?.length) {
      node.properties[key] = read(output[key]);
      view.show(node.properties[key]);
    }
  });
  follow(node, "onConfigure", restore);
  follow(node, "onRemoved", () => {
    views.delete(node);
    view.remove();
  });
}
