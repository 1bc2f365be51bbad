// Fetch Weights: a sidebar tab that shows what a recipe lacks, and fetches it when asked to.

import { app } from "../../scripts/app.js";
import { api } from "../../scripts/api.js";

const TAB = "pdgrad-weights";
const ICON = "pi pi-download";

/** The open panel, if there is one. */
let panel = null;

function element(tag, style = {}, text = "") {
  const made = document.createElement(tag);
  Object.assign(made.style, style);
  if (text) made.textContent = text;
  return made;
}

function link(url, text) {
  const made = element("a", { color: "var(--p-primary-color, #6cb6ff)", wordBreak: "break-all" }, text);
  Object.assign(made, { href: url, target: "_blank", rel: "noreferrer" });
  return made;
}

/** Choices by value, with the one that is chosen. */
function select(label, choices, chosen, onChange) {
  const row = element("label", { display: "flex", gap: "6px", margin: "4px 0", alignItems: "center" });
  row.append(element("span", { minWidth: "64px" }, label));
  const box = element("select", {
    flex: "1",
    minWidth: "0",
    background: "var(--comfy-input-bg, #222)",
    color: "var(--input-text, #ddd)",
    border: "1px solid var(--border-color, #444)",
    padding: "3px",
  });
  for (const [value, text] of choices) {
    const option = element("option", {}, text);
    option.value = value;
    option.selected = value === chosen;
    box.append(option);
  }
  box.addEventListener("change", () => onChange(box.value));
  row.append(box);
  return row;
}

/** One missing file: its licence and size first, then where from and where to, and its progress. */
class FileRow {
  constructor(file, onChange) {
    this.file = file;
    this.root = element("div", { borderTop: "1px solid var(--border-color, #444)", padding: "6px 0" });
    this.root.className = "pdgrad-weight";
    this.root.dataset.name = file.name;
    const head = element("label", { display: "flex", gap: "6px", fontWeight: "bold" });
    if (file.url) {
      this.box = element("input");
      this.box.type = "checkbox";
      this.box.checked = !file.optional;
      this.box.addEventListener("change", onChange);
      head.append(this.box);
    }
    head.append(element("span", { wordBreak: "break-all" }, `${file.file} · ${file.size}`));
    this.root.append(head, element("div", {}, `for ${file.purpose}`));
    this.root.append(element("div", { color: "#e0b060" }, `Licence: ${file.licence}`));
    const from = element("div", {}, file.url ? "from " : "by hand from ");
    from.append(link(file.url ?? file.page, file.url ?? file.page));
    this.root.append(from, element("div", { wordBreak: "break-all" }, `into ${file.folder}`));
    this.bar = element("progress", { width: "100%", display: "none" });
    this.said = element("div", { fontStyle: "italic" });
    this.said.className = "pdgrad-said";
    this.root.append(this.bar, this.said);
  }

  get wanted() {
    return Boolean(this.box?.checked) && this.root.dataset.state !== "done";
  }

  /** Show a state as the server reports it: waiting, fetching, done or failed. */
  show({ state, received, total, message }) {
    this.root.dataset.state = state;
    this.bar.style.display = state === "fetching" ? "block" : "none";
    if (state === "fetching" && total) [this.bar.max, this.bar.value] = [total, received];
    const size = (bytes) => `${(bytes / 1e6).toFixed(0)} MB`;
    const texts = {
      waiting: "waiting",
      fetching: received === undefined ? "" : `${size(received)}${total ? ` of ${size(total)}` : ""}`,
      done: `fetched; ${message}`,
      failed: message,
    };
    this.said.textContent = texts[state] ?? "";
    this.said.style.color = state === "failed" ? "#f47067" : state === "done" ? "#8ddb8c" : "";
  }
}

/** What the tab shows: choices, what is here, what is missing, and the button. */
class Panel {
  constructor(root) {
    this.root = root;
    this.query = { recipe: "", restorer: "" };
    this.rows = [];
    this.load();
  }

  async load() {
    const asked = new URLSearchParams(this.query);
    try {
      const answer = await api.fetchApi(`/pdgrad/weights?${asked}`);
      const data = await answer.json();
      if (!answer.ok) throw new Error(data.error);
      this.draw(data);
    } catch (error) {
      this.root.replaceChildren(element("div", { padding: "12px" }, String(error.message ?? error)));
    }
  }

  draw(data) {
    const body = element("div", { padding: "10px", fontSize: "12px", overflow: "auto", height: "100%" });
    body.className = "pdgrad-weights";
    body.append(element("h3", { margin: "0 0 6px" }, "PDGrad: Fetch Weights"));
    body.append(element("div", { marginBottom: "6px" }, "Nothing is downloaded until you press Fetch."));
    body.append(this.choices(data));
    for (const note of data.notes) body.append(element("div", { margin: "4px 0" }, note));
    const missing = data.files.filter((file) => !file.path);
    this.rows = missing.map((file) => new FileRow(file, () => this.count()));
    const needed = this.rows.filter((row) => !row.file.optional);
    const optional = this.rows.filter((row) => row.file.optional);
    const title = data.ready ? "Everything that this recipe needs is here." : "Missing:";
    body.append(element("div", { margin: "8px 0 4px", fontWeight: "bold" }, title));
    body.append(...needed.map((row) => row.root));
    if (data.pip) body.append(this.packages(data));
    if (optional.length) {
      body.append(element("div", { margin: "8px 0 4px", fontWeight: "bold" }, "Better with:"));
      body.append(...optional.map((row) => row.root));
    }
    body.append(this.buttons());
    this.root.replaceChildren(body);
    for (const state of Object.values(data.running)) this.show(state);
    this.count();
  }

  choices(data) {
    const change = (key) => (value) => {
      this.query[key] = value;
      this.load();
    };
    const both = element("div");
    const recipes = Object.entries(data.recipes).map(([name, title]) => [name, `${name}: ${title}`]);
    const restorers = [["", "the recipe's own"], ...data.restorers.map((name) => [name, name])];
    both.append(select("recipe", recipes, data.recipe, change("recipe")));
    both.append(select("restorer", restorers, data.restorer, change("restorer")));
    return both;
  }

  packages(data) {
    const made = element("div", { borderTop: "1px solid var(--border-color, #444)", padding: "6px 0" });
    for (const { name, remark } of data.packages) {
      made.append(element("div", {}, `Python package ${name}${remark ? ` (${remark})` : ""}`));
    }
    made.append(element("div", {}, "Install with:"));
    made.append(element("code", { wordBreak: "break-all", userSelect: "text" }, data.pip));
    return made;
  }

  buttons() {
    const style = { padding: "6px 10px", margin: "10px 6px 0 0", cursor: "pointer" };
    // Always in sight, however long the list is.
    const made = element("div", {
      position: "sticky",
      bottom: "-10px",
      padding: "0 0 10px",
      background: "var(--comfy-menu-bg, #1e1e1e)",
    });
    this.fetchButton = element("button", style);
    this.fetchButton.className = "pdgrad-fetch";
    this.fetchButton.addEventListener("click", () => this.fetch());
    this.stopButton = element("button", { ...style, display: "none" }, "Stop");
    this.stopButton.addEventListener("click", () => this.post("/pdgrad/weights/stop", {}));
    this.told = element("div", { marginTop: "6px", color: "#f47067" });
    made.append(this.fetchButton, this.stopButton, this.told);
    return made;
  }

  /** Say on the button what a click would do. */
  count() {
    if (!this.fetchButton) return;
    const wanted = this.rows.filter((row) => row.wanted);
    const megabytes = wanted.reduce((sum, row) => sum + row.file.megabytes, 0);
    const size = megabytes >= 1000 ? `${(megabytes / 1000).toFixed(1)} GB` : `${Math.round(megabytes)} MB`;
    const busy = this.rows.some((row) => ["waiting", "fetching"].includes(row.root.dataset.state));
    const files = wanted.length === 1 ? "1 file" : `${wanted.length} files`;
    this.fetchButton.textContent = wanted.length
      ? `Fetch ${files} (${size}) under the licences above`
      : "Nothing to fetch";
    this.fetchButton.disabled = busy || !wanted.length;
    this.stopButton.style.display = busy ? "inline-block" : "none";
  }

  fetch() {
    const names = this.rows.filter((row) => row.wanted).map((row) => row.file.name);
    this.post("/pdgrad/weights/fetch", { names });
  }

  async post(path, body) {
    this.told.textContent = "";
    const answer = await api.fetchApi(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) this.told.textContent = (await answer.json()).error;
  }

  show(state) {
    const row = this.rows.find((one) => one.file.name === state.name);
    row?.show(state);
    this.count();
  }
}

app.registerExtension({
  name: "pdgrad.fetch_weights",

  setup() {
    api.addEventListener("pdgrad.fetch", ({ detail }) => panel?.show(detail));
    app.extensionManager.registerSidebarTab({
      id: TAB,
      icon: ICON,
      title: "Fetch Weights",
      tooltip: "PDGrad: fetch the weights that a recipe needs",
      type: "custom",
      render: (root) => {
        panel = new Panel(root);
      },
      destroy: () => {
        panel = null;
      },
    });
  },
});
