/**
 * What the visitor sets on a plane and Python never hears of: its layers, its legend and where it
 * looks. The address says it, so that a link, a reload and a session begun anew show it; while the
 * visitor is on another page, or with another model, this very tab remembers it.
 *
 * @typedef {{layers: ?string, off: ?string, zoom: ?string}} Said as the address has it; null: as at first
 */

const LAYERS = ["heat", "manifold", "rings", "density", "posteriors", "fog", "regions", "entropy", "by-images"];
const NONE = "none";

/** @type {Map<string, Said>} by page and plane */
const remembered = new Map();
/** @type {Set<string>} the pages, and places on them, for which the address was asked */
const asked = new Set();
addEventListener("popstate", () => asked.clear()); // back at an address that knew
addEventListener("zscape:follow", () => [asked, remembered].forEach((each) => each.clear())); // another's

export class Seen {
  /** @param {import("./plane.js").LatentPlane} plane before it has shown anything */
  constructor(plane) {
    this.plane = plane;
    const { key, named, layers } = plane.data;
    this.page = location.pathname;
    this.key = `${this.page} ${key}`;
    this.named = named;
    this.first = this.#atFirst(layers);
    const place = `${this.page} ${named}`;
    this.said = remembered.get(this.key) ?? (asked.has(place) ? this.#nothing() : this.#inAddress());
    asked.add(place);
  }

  /** Python may name other layers by now: they are on where the visitor switched none. */
  takeFirst() {
    const first = this.#atFirst(this.plane.data.layers);
    if (first === this.first) return;
    this.first = first;
    if (this.said.layers !== null) return;
    this.plane.on = this.layers;
    this.plane.layersShown = "";
  }

  /** The layers switched on. @returns {Set<string>} */
  get layers() {
    const said = (this.said.layers ?? this.first).split(",");
    return new Set(said.filter((layer) => LAYERS.includes(layer)));
  }

  /** The classes switched off in the legend. @returns {Set<number>} */
  get off() {
    return new Set(this.said.off?.split(",").filter((k) => /^\d+$/.test(k)).map(Number));
  }

  /** Whether the classes switched off are the legend's. */
  get #offIsKnown() {
    const { points } = this.plane.data;
    const classes = points ? (points.names?.length ?? 0) : Infinity; // they come later
    return this.said.off?.split(",").every((k) => /^\d+$/.test(k) && Number(k) < classes);
  }

  /** Centre and half extent, where the visitor has moved. @returns {{x: number, y: number, half: number} | null} */
  get zoom() {
    const [x, y, half] = this.said.zoom?.split(",").map(Number) ?? [];
    return [x, y, half].every(Number.isFinite) && half > 0 ? { x, y, half } : null;
  }

  /** Let the address say what is seen now. */
  tell() {
    const { plane } = this;
    const { view, points, data } = plane;
    if (!plane.host.isConnected || location.pathname !== this.page) return;
    const layers = this.#layers(plane.on);
    const [x, y, half] = data.look ?? [view.home.x, view.home.y, view.home.half];
    const home = view.x === x && view.y === y && view.half === half;
    this.said = {
      layers: layers === this.first ? null : layers,
      off: points ? [...points.hidden].sort((i, j) => i - j).join(",") || null : this.said.off,
      zoom: home || plane.glide.leads ? null : [view.x, view.y, view.half].map(short).join(","),
    };
    this.say();
  }

  /** Say it in the address, where another plane may have stood before. */
  say() {
    remembered.set(this.key, this.said);
    const said = Object.entries(this.said).map(([name, value]) => [name + this.named, value]);
    dispatchEvent(new CustomEvent("zscape:say", { detail: Object.fromEntries(said) }));
  }

  #atFirst(layers) {
    return this.#layers(new Set(["heat", "posteriors", ...layers]));
  }

  #layers(on) {
    return LAYERS.filter((layer) => on.has(layer)).join(",") || NONE;
  }

  /** @returns {Said} */
  #nothing() {
    return { layers: null, off: null, zoom: null };
  }

  /** But for what no plane can show, of which Python tells. @returns {Said} */
  #inAddress() {
    const address = new URLSearchParams(location.search);
    const said = Object.keys(this.#nothing()).map((name) => [name, address.get(name + this.named)]);
    this.said = /** @type {Said} */ (Object.fromEntries(said));
    const { layers, off, zoom } = this.said;
    const known = layers === NONE || layers?.split(",").every((layer) => LAYERS.includes(layer));
    return {
      layers: known ? layers : null,
      off: this.#offIsKnown ? off : null,
      zoom: this.zoom ? zoom : null,
    };
  }
}

/** @param {number} value */
function short(value) {
  return String(Number(value.toPrecision(5)));
}
