// A colour for each type of wire that is the pack's own, apart from those of the core's types.

const SOCKETS = {
  PDG_PRIOR: "#5c7cfa",
  PDG_RESTORER: "#2fb380",
  PDG_FEATURES: "#a07be8",
  PDG_LOSS: "#e64980",
  PDG_GUIDANCE: "#ff7a45",
  PDG_CONTRACTION: "#c9a227",
  PDG_FACES: "#22b8cf",
  PDG_TRACE: "#9aa5b1",
  PDG_PEOPLE: "#7fb7e6",
  PDG_GUIDES: "#d98880",
};

/** Sockets that take several types have the first one's colour where the page shows only one. */
const SEVERAL = {
  "PDG_LOSS,PDG_GUIDANCE": SOCKETS.PDG_LOSS,
  "PDG_GUIDANCE,PDG_LOSS": SOCKETS.PDG_GUIDANCE,
  "PDG_RESTORER,UPSCALE_MODEL": SOCKETS.PDG_RESTORER,
};

/**
 * Colour the pack's sockets and links.
 *
 * The page clears the colours of types that its palette does not know, whenever one is loaded: ours
 * stay, unless a palette has another for them.
 */
export function colourSockets(app) {
  const canvas = app.canvas;
  const maps = [canvas?.default_connection_color_byType, canvas?.constructor?.link_type_colors];
  for (const map of maps.filter(Boolean)) {
    for (const [type, colour] of Object.entries({ ...SOCKETS, ...SEVERAL })) keep(map, type, colour);
  }
  const style = document.createElement("style");
  const rules = Object.entries(SOCKETS).map(([type, hex]) => `--color-datatype-${type}: ${hex};`);
  // Nodes 2.0 sets a palette's colours on the element itself, which wins over this.
  style.textContent = `:root { ${rules.join(" ")} }`;
  document.head.append(style);
}

function keep(map, type, colour) {
  let current = colour;
  Object.defineProperty(map, type, {
    get: () => current,
    set: (value) => {
      current = value || colour;
    },
    enumerable: true,
    configurable: true,
  });
}
