/**
 * The plane in a notebook, as a module of anywidget. STYLE, PLANE_STYLE, MENU_STYLE and ENGINE are constants
 * before this text, see `__init__.py`.
 */

import { element } from "../../components/latent_plane/assets/furniture.js";
import { serve } from "../../components/engine/assets/serve.js";
import { choice, press } from "../standalone/choice.js";
import { Dimensions } from "../standalone/dimensions.js";
import { showPlane } from "../standalone/host.js";
import { savePlane, saveStrips } from "../standalone/saving.js";
import { bufferOf, Kernel, KernelChannel, NotebookChannel } from "./kernel.js";
import { followTheme } from "./theme.js";

const MODES = { cursor: "Move z", select: "Select points", stops: "Set stops" };

/** Called by anywidget, for each place where the widget is shown. @param {{model: any, el: HTMLElement}} widget */
function render({ model, el }) {
  const told = model.get("_told");
  const part = partsOf(bufferOf(model.get("_data")), told.layout);
  const { root, place, below } = furnished(el, told.note);
  const kernel = new Kernel(model);
  const points = told.description.points ? part("points") : undefined;
  const given = { style: PLANE_STYLE, open: opening(kernel, told, part), points };

  const shown = showPlane(place, { ...told.description, ...wished(model) }, given, (name, value) => {
    say(name, name === "selected" ? [...shown.plane.selected] : value);
  });
  const { plane } = shown;
  const dimensions = told.dimensions && new Dimensions(below, told.dimensions, {
    slide: (dim, value) => {
      if (model.get("mode") === "stops") say("mode", "cursor");
      plane.slide(dim, value);
    },
    rest: (z) => say("z", z),
  });
  function say(name, value) {
    model.set(name, value);
    model.save_changes();
  }
  function rest() {
    dimensions?.show(plane.z);
    if (plane.hello) dimensions?.traverse(plane.channel, plane.hello.image_shape);
  }

  const modes = Object.keys(MODES).filter((mode) => points || mode !== "select");
  const buttons = choice("What the pointer does", modes.map((mode) => MODES[mode]), (k) => say("mode", modes[k]));
  place.before(buttons);
  const follow = () => {
    press(buttons, modes.indexOf(model.get("mode")));
    shown.update(wished(model));
    rest();
  };
  const names = ["z", "selected", "stops", "mode"].map((name) => `change:${name}`);
  for (const name of names) model.on(name, follow);
  place.addEventListener("zscape:decoded", rest, { once: true }); // the model is there
  place.addEventListener("zscape:decoded", () => plane.hand.press?.kind === "z" && dimensions?.show(plane.z));
  savePlane(plane, MENU_STYLE);
  if (dimensions) {
    below.prepend(dimensions.corner);
    saveStrips(dimensions, MENU_STYLE);
  }
  const unfollow = followTheme(root, () => shown.update({}));
  follow();

  return () => {
    for (const name of names) model.off(name, follow);
    unfollow();
    shown.remove();
    kernel.close();
  };
}

/** What Python or the visitor set last, as the plane wants it. @param {any} model */
function wished(model) {
  const { way } = model.get("_told").description;
  const [mode, stops] = [model.get("mode"), model.get("stops")];
  return {
    z: model.get("z"),
    selected: model.get("selected"),
    mode,
    way: mode === "stops" || stops.length ? { ...way, stops } : null,
  };
}

/** The widget's parts in an element, which no style of the notebook reaches. */
function furnished(el, note) {
  const outer = element("div", { "data-lm-suppress-shortcuts": "true" }); // JupyterLab's, of one key
  el.append(outer);
  const shadow = outer.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  shadow.adoptedStyleSheets = [sheet];
  const [place, below] = [element("div", { class: "plane" }), element("div", { class: "dimensions" })];
  const root = element("div", { class: "notebook" }, [place, element("p", { class: "quiet" }, [note]), below]);
  shadow.append(root);
  return { root, place, below };
}

/** @returns {(name: string) => ArrayBuffer} the parts of the data */
function partsOf(whole, layout) {
  return (name) => {
    const [at, length] = layout[name] ?? [0, 0];
    return whole.slice(at, at + length);
  };
}

/**
 * The engine, or the kernel where it knows the model alone.
 * @param {Kernel} kernel @param {any} told @param {(name: string) => ArrayBuffer} part
 * @returns {import("../../components/latent_plane/assets/near.js").Open}
 */
function opening(kernel, { hello, hasImages, layout }, part) {
  if (!layout.weights) return (_data, listener) => new KernelChannel(kernel, hello, listener);
  const codes = new Float32Array(part("codes"));
  const d = hello.latent_dim;
  const at = new Map(Array.from(new Uint32Array(part("rows")), (row, k) => [row, d * k]));
  const stored = { count: hello.images, code: (row) => codes.subarray(at.get(row), at.get(row) + d), image: () => null };
  return (_data, listener) =>
    new NotebookChannel(kernel, hasImages, part("weights"), ENGINE, stored, listener, here);
}

/** The engine in the page itself, where the notebook lets no thread start. */
function here() {
  const { port1, port2 } = new MessageChannel();
  serve(port1);
  return Object.assign(port2, { terminate: () => port2.close() });
}

export default { render };
