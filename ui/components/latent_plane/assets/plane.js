/** The latent plane. Streamlit calls `mount` at first and again whenever its data or theme changes. */

import { Channel, Latest, Verb } from "./channel.js";
import { rgb, scale, theme } from "./colours.js";
import { density, Field, RETURNS, rise, thinnest } from "./fog.js";
import { element, furnish, placeTip, sayZ, showLayers, showLegend, showPixels } from "./furniture.js";
import { listen } from "./gestures.js";
import { Pad } from "./pad.js";
import { Points, paint } from "./points.js";
import { Thumbnails } from "./thumbnails.js";
import * as scene from "./scene.js";
import { number, View } from "./view.js";
import { along, norm } from "./way.js";

const STEP = 0.05;
const COARSE_STEP = 0.5;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const REST_MS = 350; // the keys rest that long before Python hears of z
const PICK_PX = 9;
const STOP_PX = 14;
const MAX_ROWS = 64;
const THUMBNAIL_PX = 34;
const ASTRAY = [0.3, 1]; // of the prior's sigma: where fog begins and where it is full
const MAX_ELLIPSES = 300;

/** @type {WeakMap<Node, LatentPlane>} */
const planes = new WeakMap();

/** @param {{data: any, parentElement: ShadowRoot, setStateValue: Function}} component @param {URL} root */
export async function mount({ data, parentElement, setStateValue }, root) {
  const host = parentElement.querySelector(".root");
  let plane = planes.get(host);
  if (!plane) {
    plane = new LatentPlane(host, root);
    planes.set(host, plane);
    await loadStyle(parentElement, new URL(`${data.assets}/plane.css`, root));
  }
  plane.update(data, setStateValue);
  return () => {
    if (host.isConnected) return; // no farewell: an update takes over
    planes.delete(host);
    plane.remove();
  };
}

function loadStyle(parent, url) {
  return new Promise((resolve) => {
    const link = element("link", { rel: "stylesheet", href: url });
    link.onload = link.onerror = resolve;
    parent.append(link);
  });
}

class LatentPlane {
  /** @param {HTMLElement} host @param {URL} root */
  constructor(host, root) {
    this.host = host;
    this.root = root;
    this.parts = furnish(host);
    this.view = new View();
    /** @type {any} what Python sent last */
    this.data = null;
    /** @type {number[] | null} the cursor, kept until someone moves it */
    this.z = null;
    /** @type {number[] | null} under a pointer that only hovers */
    this.ghost = null;
    /** @type {Set<number>} */
    this.selected = new Set();
    /** @type {number[][]} */
    this.stops = [];
    this.active = 0;
    /** @type {Points | null} */
    this.points = null;
    this.hovered = -1;
    /** @type {{kind: "z" | "stop" | "lasso", from: [number, number], before: any, corners: [number, number][], moved: boolean} | null} */
    this.press = null;
    /** @type {Map<string, string[]>} what Python was told, by name, so that its echo is known */
    this.told = new Map();
    this.hello = null;
    this.channel = null;

    this.decoding = new Latest((wish) => this.decode(wish));
    this.strip = new Latest((wish) => this.decodeStrip(wish));
    /** @type {Set<string> | null} the layers switched on */
    this.on = null;
    /** @type {number | null} how far encode(decode(z)) lands from the z shown */
    this.astray = null;
    this.returning = new Latest((z) => this.decodeReturn(z));
    this.fogging = new Latest((z) => this.decodeFog(z));
    /** @type {{mu: number[], sigma: number[]} | null} q(z|x) of the drawing */
    this.posterior = null;
    this.encoding = new Latest((wish) => this.encode(wish));
    this.imaging = new Latest((i) => this.showPoint(i));
    this.layers = { scene: document.createElement("canvas"), points: document.createElement("canvas") };

    const { signal } = (this.end = new AbortController());
    listen(this.parts.plane, this.verbs(), signal);
    this.parts.plane.addEventListener("keydown", (event) => this.key(event), { signal });
    this.resizing = new ResizeObserver(() => this.resize());
    this.resizing.observe(host);
    this.resizing.observe(this.parts.stage);
  }

  remove() {
    this.end.abort();
    this.resizing.disconnect();
    this.channel?.close();
    clearTimeout(this.resting);
    cancelAnimationFrame(this.frame);
  }

  // ---- what Python sends ------------------------------------------------------------------

  update(data, setStateValue) {
    const before = this.data ?? {};
    this.data = data;
    this.setStateValue = setStateValue;
    this.host.style.setProperty("--height", `${data.height}px`);
    this.host.style.setProperty("--z", data.colours.z);
    this.theme = theme(this.host);

    if (this.accepts("z", before)) {
      this.z = data.z;
      this.look();
    }
    if (this.accepts("selected", before)) this.selected = new Set(data.selected);
    const stops = (from) => from.way?.stops ?? null;
    if (this.accepts("stops", { stops: stops(before) }, stops(data))) this.stops = stops(data) ?? [];

    if (before.model !== data.model) this.connect();
    if (before.points?.url !== data.points?.url) this.loadPoints();
    else if (this.points && JSON.stringify(before.points) !== JSON.stringify(data.points))
      this.loadPoints();
    if (!this.on) this.on = new Set(["backdrop", ...(data.rings ? ["rings"] : [])]);
    else if (before.rings !== data.rings) this.on[data.rings ? "add" : "delete"]("rings");
    this.showLayers();
    if (data.draw && !this.pad) this.pad = new Pad(this.parts.side, this.padVerbs());
    if (before.backdrop?.url !== data.backdrop?.url) this.loadBackdrop();
    this.parts.strip.hidden = !data.way?.strip;
    this.parts.strip.dataset.testid = data.way?.strip ? "filmstrip" : "";
    this.parts.plane.setAttribute("aria-label", this.label());
    this.lookAtWay();
    this.resize();
  }

  /**
   * Whether Python's value is news: neither what it sent before nor an echo of what it was told,
   * and no drag is under way, which will have the last word.
   */
  accepts(name, before, value = this.data[name]) {
    const text = JSON.stringify(value ?? null);
    const first = this.told.get(name) === undefined;
    const told = this.told.get(name) ?? [];
    this.told.set(name, told);
    if (!first && (text === JSON.stringify(before[name] ?? null) || this.press)) return false;
    const echo = told.includes(text);
    if (!echo) told.length = 0;
    return !echo;
  }

  /** Tell Python, remembering what was said. */
  tell(name, value) {
    const told = this.told.get(name) ?? [];
    this.told.set(name, [...told, JSON.stringify(value)].slice(-8));
    this.setStateValue(name, value);
  }

  label() {
    const { labels, mode } = this.data;
    const does = { cursor: "Arrow keys move z", select: "Drag to select points", stops: "Arrow keys move the chosen stop" };
    return `Latent plane ${labels.filter(Boolean).join(" and ")}. ${does[mode]}, Shift coarser.`;
  }

  connect() {
    this.channel?.close();
    this.hello = null;
    this.thumbnails = new Thumbnails();
    const url = new URL("live/decode", this.root);
    url.protocol = url.protocol.replace("http", "ws");
    url.searchParams.set("model", this.data.model);
    this.channel = new Channel(url, {
      onHello: (hello) => {
        this.hello = hello;
        if (this.pad) this.pad.shape = hello.image_shape;
      },
      onState: (state) => this.showState(state),
    });
  }

  showState({ name, reason }) {
    const { notice } = this.parts;
    notice.hidden = name === "open" || name === "connecting";
    notice.classList.toggle("final", name === "refused");
    notice.textContent = name === "refused" ? reason || "The server refused this model." : "Reconnecting…";
    if (name !== "open") return;
    if (this.data.z && this.data.z.length !== this.hello.latent_dim) {
      notice.hidden = false;
      notice.classList.add("final");
      notice.textContent = "The model was replaced by one of other dimensions; reload the page.";
      return;
    }
    this.look();
    this.lookAtWay();
    this.warm();
    this.returns = null;
    this.lookAround();
  }

  showLayers() {
    const { plane, points, backdrop } = this.data;
    const names = {
      ...(backdrop && { backdrop: backdrop.label }),
      ...(plane && { rings: "Prior" }),
      ...(points && { density: "Density" }),
      ...(plane && points && { fog: "Trust fog" }),
    };
    showLayers(this.parts.layers, names, this.on, (layer) => {
      if (!this.on.delete(layer)) this.on.add(layer);
      this.showLayers();
      this.lookAround();
      this.look();
      this.invalidate(true);
    });
  }

  async loadPoints() {
    const layout = this.data.points;
    if (!layout) {
      this.points = null;
      this.parts.keys.hidden = true;
      this.invalidate(true);
      return;
    }
    const response = await fetch(new URL(layout.url, this.root)).catch(() => null);
    if (layout !== this.data.points && layout.url !== this.data.points?.url) return; // newer came
    if (!response?.ok) {
      this.parts.notice.hidden = false;
      this.parts.notice.textContent = "The points could not be loaded; reload the page.";
      return;
    }
    const hidden = this.points?.hidden;
    const same = JSON.stringify(this.points?.layout.names) === JSON.stringify(layout.names);
    this.points = new Points(await response.arrayBuffer(), layout);
    this.thumbnails = new Thumbnails();
    this.mass = null;
    this.look(); // a model in training has new weights whenever it has new points
    if (same && hidden) this.points.hidden = hidden;
    this.hovered = -1;
    showLegend(this.parts.keys, this.points, this.data.colours, (k) => {
      const { hidden } = this.points;
      if (!hidden.delete(k)) hidden.add(k);
      this.mass = null;
      this.invalidate(true);
      return !hidden.has(k);
    });
    this.frameHome();
    this.warm();
    this.invalidate(true);
  }

  /** Asking for one image has the server read the data set before a pointer hovers. */
  warm() {
    if (!this.points?.layout.images || !this.hello?.images) return;
    this.channel.ask(Verb.IMAGE, 1, this.points.rows.slice(0, 1)).catch(() => {});
  }

  loadBackdrop() {
    this.picture = null;
    this.invalidate(true);
    if (!this.data.backdrop) return;
    const picture = new Image();
    picture.onload = () => {
      this.picture = picture;
      this.frameHome();
      this.invalidate(true);
    };
    picture.src = new URL(this.data.backdrop.url, this.root).href;
  }

  /** Home shows the prior to 3 sigma, all but a few points, and the backdrop. */
  frameHome() {
    const { view, data } = this;
    const atHome = view.half === view.home.half && view.x === view.home.x && view.y === view.home.y;
    const reach = this.points ? this.points.reach() * 1.05 : 0;
    const extent = data.backdrop ? Math.max(...data.backdrop.extent.map(Math.abs)) * 1.02 : 0;
    view.home = { x: 0, y: 0, half: Math.max(data.plane ? 3.2 : 0, reach, extent) || 3.5 };
    if (atHome) view.reset();
  }

  // ---- latent space -----------------------------------------------------------------------

  /** Coordinates of z in the plane. @returns {[number, number]} */
  place(z) {
    const { u, v, origin } = this.data.plane;
    let [a, b] = [0, 0];
    for (let k = 0; k < z.length; k++) {
      a += (z[k] - origin[k]) * u[k];
      b += (z[k] - origin[k]) * v[k];
    }
    return [a, b];
  }

  /** `z` moved along the plane until it stands at (a, b). */
  moved(z, [a, b]) {
    const { u, v } = this.data.plane;
    const [a0, b0] = this.place(z);
    return z.map((x, k) => Math.round((x + (a - a0) * u[k] + (b - b0) * v[k]) * 1e4) / 1e4);
  }

  under(px, py) {
    return this.moved(this.z, this.view.toPlane(px, py));
  }

  /** What the large image shows: z under the pointer, else the chosen stop, else the cursor. */
  get shown() {
    return this.ghost ?? (this.data.mode === "stops" ? this.stops[this.active] : null) ?? this.z;
  }

  /** Decode what is shown. @param {number} [since] the time of the event that asks for it */
  look(since = performance.now()) {
    const z = this.shown;
    if (z && this.channel) this.decoding.want({ z, since });
  }

  /** @param {{z: number[], since: number}} wish */
  async decode({ z, since }) {
    const answer = await this.channel.ask(Verb.DECODE, 1, Float32Array.from(z));
    this.painted(new Uint8Array(answer.bytes), z, since);
    if (this.on.has("fog")) this.returning.want(z);
  }

  /** @param {number[]} z */
  async decodeReturn(z) {
    const answer = await this.channel.ask(Verb.RETURN, 1, Float32Array.from(z));
    this.astray = distance(z, new Float32Array(answer.bytes));
    this.invalidate();
  }

  /** The grid of returns for the fog, unless it is there for this plane through latent space. */
  lookAround() {
    if (!this.on.has("fog") || !this.z || !this.hello) return;
    const plane = JSON.stringify([this.moved(this.z, [0, 0]), this.data.plane.u, this.data.plane.v]);
    if (this.returns?.plane !== plane) this.fogging.want({ plane, z: this.z });
  }

  /** @param {{plane: string, z: number[]}} wish */
  async decodeFog({ plane, z }) {
    const field = new Field(RETURNS, this.view.home.half * 1.5);
    for (let from = 0; from < field.values.length; from += MAX_ROWS) {
      const rows = Math.min(MAX_ROWS, field.values.length - from);
      const zs = Array.from({ length: rows }, (_, k) => this.moved(z, field.place(from + k)));
      const answer = await this.channel.ask(Verb.RETURN, rows, Float32Array.from(zs.flat()));
      const landed = new Float32Array(answer.bytes);
      zs.forEach((each, k) => {
        field.values[from + k] = distance(each, landed.subarray(2 * k * each.length));
      });
    }
    this.returns = { plane, field };
    this.invalidate(true);
  }

  /** The density of the points, made anew when they or the legend have changed. */
  get massOfPoints() {
    if (!this.mass) {
      const field = density(this.points, this.view.home.half * 1.5);
      this.mass = { field, thin: thinnest(field, this.points), most: Math.max(...field.values) };
    }
    return this.mass;
  }

  painted(pixels, z, since) {
    showPixels(this.parts.decoded, pixels, this.hello.image_shape);
    const latency_ms = performance.now() - since;
    this.parts.decoded.dispatchEvent(
      new CustomEvent("zscape:decoded", { detail: { z, latency_ms }, bubbles: true, composed: true }),
    );
  }

  // ---- the drawing ------------------------------------------------------------------------

  padVerbs() {
    return {
      image: (pixels, since) => this.encoding.want({ pixels, since }),
      done: async () => {
        await this.encoding.running; // the last stroke's answer
        if (this.posterior) this.tellZ();
      },
      cleared: () => {
        this.posterior = null;
        this.invalidate();
      },
      resample: () => this.resample(),
    };
  }

  /** q(z|x) of the drawing; z goes to its mean. @param {{pixels: Uint8Array, since: number}} wish */
  async encode({ pixels, since }) {
    const answer = await this.channel.ask(Verb.ENCODE, 1, pixels);
    const values = Array.from(new Float32Array(answer.bytes));
    const d = this.hello.latent_dim;
    const mu = values.slice(0, d);
    this.posterior = { mu, sigma: values.slice(d).map((logvar) => Math.exp(0.5 * logvar)) };
    this.goTo(mu, "μ", since);
  }

  /** z = mu + sigma eps with a new eps. */
  resample() {
    if (!this.posterior) return;
    const { mu, sigma } = this.posterior;
    const z = mu.map((m, k) => m + sigma[k] * gaussian());
    this.goTo(z, "z = μ + σ · ε", performance.now());
    this.tellZ();
  }

  goTo(z, name, since) {
    this.z = z.map((x) => Math.round(x * 1e4) / 1e4);
    this.ghost = null;
    const [a, b] = this.place(this.z);
    this.pad.words.textContent = `${name}: (${number(a, 2)}, ${number(b, 2)}) in the plane`;
    this.look(since);
    this.invalidate();
  }

  /** The covariance of a diagonal Gaussian in the plane: var(a), cov(a, b), var(b). */
  inPlane(sigma) {
    const { u, v } = this.data.plane;
    const sum = (p, q) => sigma.reduce((s, x, k) => s + x * x * p[k] * q[k], 0);
    return [sum(u, u), sum(u, v), sum(v, v)];
  }

  lookAtWay(since = performance.now()) {
    if (this.data.way && this.channel && this.stops.length > 1) this.strip.want(since);
  }

  /** The film strip, thinned to what fits, and the chosen stop as the large image: one request. */
  async decodeStrip(since) {
    const { method, steps } = this.data.way;
    const way = along(this.stops, method, steps);
    const room = Math.min(way.length, MAX_ROWS - 1, Math.floor(this.host.clientWidth / 40));
    const places = Array.from({ length: room }, (_, k) => way[Math.round((k * (way.length - 1)) / (room - 1))]);
    const stop = this.stops[this.active];
    const rows = [...places, stop];
    const answer = await this.channel.ask(Verb.DECODE, rows.length, Float32Array.from(rows.flat()));
    const [c, h, w] = this.hello.image_shape;
    showPixels(this.parts.strip, new Uint8Array(answer.bytes), [c, h, w], room, Math.ceil(w / 14));
    if (!this.ghost && this.data.mode === "stops")
      this.painted(new Uint8Array(answer.bytes, room * c * h * w), stop, since);
  }

  // ---- pointer and keys -------------------------------------------------------------------

  /** @returns {import("./gestures.js").Verbs} */
  verbs() {
    return {
      hover: (px, py, event) => this.hover(px, py, event),
      leave: () => this.leave(),
      press: (px, py, event) => this.down(px, py, event),
      drag: (px, py, event) => this.drag(px, py, event),
      release: (px, py, event) => this.release(px, py, event),
      cancel: () => this.cancel(),
      pan: (dx, dy) => {
        this.view.pan(dx, dy);
        this.invalidate(true);
      },
      zoom: (factor, px, py) => {
        this.view.zoom(factor, px, py);
        this.invalidate(true);
      },
      twice: (px, py) => {
        if (this.data.mode === "stops" && this.removeStop(this.stopAt(px, py))) return;
        this.view.reset();
        this.invalidate(true);
      },
    };
  }

  hover(px, py, event) {
    if (this.z && this.data.mode !== "stops") {
      this.ghost = this.under(px, py);
      this.look(event.timeStamp);
    }
    this.hoverPoint(px, py);
    this.invalidate();
  }

  leave() {
    this.ghost = null;
    this.hoverPoint(-1e9, -1e9);
    this.look();
    this.invalidate();
  }

  down(px, py, event) {
    const { mode } = this.data;
    this.hoverPoint(-1e9, -1e9);
    const press = { from: [px, py], moved: false, corners: [[px, py]] };
    if (mode === "select" || !this.z) {
      this.press = { ...press, kind: "lasso", before: null };
      return;
    }
    this.ghost = null;
    if (mode === "stops") {
      const before = this.stops;
      let stop = this.stopAt(px, py);
      if (stop < 0) stop = this.addStop(px, py);
      this.active = stop;
      this.press = { ...press, kind: "stop", before };
      this.lookAtWay(event.timeStamp);
    } else {
      this.press = { ...press, kind: "z", before: this.z };
      this.z = this.under(px, py);
      this.look(event.timeStamp);
    }
    this.invalidate();
  }

  drag(px, py, event) {
    const { press } = this;
    if (!press) return;
    press.moved ||= Math.hypot(px - press.from[0], py - press.from[1]) > 4;
    if (press.kind === "z") {
      this.z = this.under(px, py);
      this.look(event.timeStamp);
    } else if (press.kind === "stop" && press.moved) {
      const to = this.moved(this.stops[this.active], this.view.toPlane(px, py));
      this.stops = this.stops.with(this.active, to);
      this.lookAtWay(event.timeStamp);
    } else if (press.kind === "lasso") {
      const [x, y] = press.from;
      press.corners = event.shiftKey
        ? [[x, y], [px, y], [px, py], [x, py]]
        : [...press.corners, [px, py]];
    }
    this.invalidate();
  }

  release(px, py, event) {
    const { press } = this;
    this.press = null;
    if (!press) return;
    if (press.kind === "z") this.tellZ();
    if (press.kind === "stop" && JSON.stringify(press.before) !== JSON.stringify(this.stops))
      this.tell("stops", this.stops);
    if (press.kind === "lasso" && this.points) this.select(press, px, py, event);
    this.invalidate();
  }

  cancel() {
    const { press } = this;
    this.press = null;
    if (press?.kind === "z") this.z = press.before;
    if (press?.kind === "stop") this.stops = press.before;
    this.look();
    this.lookAtWay();
    this.invalidate();
  }

  tellZ() {
    clearTimeout(this.resting);
    this.parts.announced.textContent = this.inWords(this.z);
    this.tell("z", this.z);
    this.lookAround();
  }

  key(event) {
    const arrow = ARROWS[event.key];
    const step = event.shiftKey ? COARSE_STEP : STEP;
    if (arrow && this.z && !this.press) {
      event.preventDefault();
      event.stopPropagation();
      this.ghost = null;
      const by = (z) => {
        const [a, b] = this.place(z);
        return this.moved(z, [a + arrow[0] * step, b + arrow[1] * step]);
      };
      if (this.data.mode === "stops" && this.stops.length) {
        this.stops = this.stops.with(this.active, by(this.stops[this.active]));
        this.lookAtWay(event.timeStamp);
      } else {
        this.z = by(this.z);
        this.look(event.timeStamp);
      }
      this.rest();
        this.invalidate();
    } else if (this.data.mode === "stops" && ["Delete", "Backspace"].includes(event.key)) {
      event.preventDefault();
      this.removeStop(this.active);
    } else if (["+", "=", "-"].includes(event.key)) {
      event.preventDefault();
      this.view.zoom(event.key === "-" ? 0.8 : 1.25, this.view.width / 2, this.view.height / 2);
      this.invalidate(true);
    }
  }

  /** Python hears of z when the keys have come to rest, not at each of their repeats. */
  rest() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      if (this.data.mode === "stops") this.tell("stops", this.stops);
      else this.tellZ();
    }, REST_MS);
  }

  // ---- stops ------------------------------------------------------------------------------

  stopAt(px, py) {
    const near = (z) => {
      const [x, y] = this.view.toPixels(...this.place(z));
      return Math.hypot(x - px, y - py) <= STOP_PX;
    };
    return this.stops.findLastIndex(near);
  }

  /** A new stop: on a leg it divides the leg, elsewhere it is the new end. @returns {number} */
  addStop(px, py) {
    const { method } = this.data.way;
    const legs = this.stops.slice(1).map((stop, k) => along([this.stops[k], stop], method, 24));
    const leg = legs.findIndex((places) =>
      places.some((z) => {
        const [x, y] = this.view.toPixels(...this.place(z));
        return Math.hypot(x - px, y - py) <= STOP_PX;
      }),
    );
    const at = leg < 0 ? this.stops.length : leg + 1;
    this.stops = this.stops.toSpliced(at, 0, this.moved(this.stops[Math.max(at - 1, 0)] ?? this.z, this.view.toPlane(px, py)));
    return at;
  }

  /** A way has two ends at least. */
  removeStop(at) {
    if (at < 0 || this.stops.length <= 2) return false;
    this.stops = this.stops.toSpliced(at, 1);
    this.active = Math.min(this.active, this.stops.length - 1);
    this.tell("stops", this.stops);
    this.lookAtWay();
    this.invalidate();
    return true;
  }

  // ---- points -----------------------------------------------------------------------------

  /** Select what was clicked, lassoed or boxed; with Ctrl or Cmd in addition. */
  select(press, px, py, event) {
    const { view, points } = this;
    let found;
    if (!press.moved) {
      const [a, b] = view.toPlane(px, py);
      const nearest = points.nearest(a, b, (1.5 * PICK_PX) / view.unit);
      found = nearest < 0 ? [] : [nearest];
    } else {
      found = points.inPolygon(press.corners.map(([x, y]) => view.toPlane(x, y)));
    }
    const more = event.ctrlKey || event.metaKey;
    const all = new Set(more ? [...this.selected, ...found] : found);
    if (more && !press.moved && this.selected.has(found[0])) all.delete(found[0]);
    this.selected = all;
    this.parts.announced.textContent = `${all.size} points selected`;
    this.tell("selected", [...all].sort((i, j) => i - j));
    this.invalidate(true);
  }

  hoverPoint(px, py) {
    if (!this.points) return;
    const [a, b] = this.view.toPlane(px, py);
    const i = this.points.nearest(a, b, PICK_PX / this.view.unit);
    this.parts.tip.hidden = i < 0;
    if (i >= 0 && i !== this.hovered) {
      this.describe(i);
      if (this.points.layout.images && this.hello?.images) this.imaging.want(i);
    }
    this.hovered = i;
    if (i >= 0) placeTip(this.parts.tip, px, py, this.view.width, this.view.height);
  }

  describe(i) {
    const { points, data } = this;
    const { names, value } = points.layout;
    const pair = (values) => `(${values.map((x) => number(x, 2)).join(", ")})`;
    const lines = [element("strong", {}, [`${names ? `${names[points.category[i]]} · ` : ""}#${points.rows[i]}`])];
    const say = (text) => lines.push(element("span", {}, [text]));
    say(`${data.plane ? "μ = " : ""}${pair([points.xy[2 * i], points.xy[2 * i + 1]])}`);
    if (points.covariance)
      say(`σ = ${pair([points.covariance[3 * i], points.covariance[3 * i + 2]].map(Math.sqrt))}`);
    if (value) say(`${value.label} ${number(points.value[i], 2)}`);
    this.parts.tip.replaceChildren(element("div", {}, lines));
  }

  /** The image of a hovered point in its tooltip, and large where no z is under the pointer. */
  async showPoint(i) {
    const { points } = this;
    const answer = await this.channel.ask(Verb.IMAGE, 1, Uint32Array.of(points.rows[i]));
    if (i !== this.hovered || points !== this.points) return;
    const pixels = new Uint8Array(answer.bytes);
    const picture = element("canvas");
    showPixels(picture, pixels, this.hello.image_shape);
    const words = this.parts.tip.lastElementChild;
    words.append(element("span", {}, [answer.real ? "real image" : "decoded from μ"]));
    this.parts.tip.replaceChildren(picture, words);
    if (!this.z) showPixels(this.parts.decoded, pixels, this.hello.image_shape);
  }

  // ---- drawing ----------------------------------------------------------------------------

  inWords(z) {
    const { labels } = this.data;
    const [a, b] = this.place(z);
    return sayZ(z) || `${labels[0]} = ${number(a, 2)}, ${labels[1]} = ${number(b, 2)}`;
  }

  showFigures() {
    const { figures } = this.parts;
    const z = this.shown;
    if (!z) {
      figures.replaceChildren();
      return;
    }
    figures.replaceChildren(
      element("b", { class: "z" }, [this.inWords(z)]),
      element("span", {}, [`‖z‖ = ${number(norm(z), 2)}`]),
    );
    if (!this.on.has("fog") || !this.points) return;
    figures.append(
      element("span", { title: "Density of the aggregate posterior in this plane" }, [
        `q(z) = ${number(this.massOfPoints.field.at(...this.place(z)), 3)}`,
      ]),
    );
    if (this.astray !== null)
      figures.append(
        element("span", { title: "Distance from z to the mean that encodes its image" }, [
          `encode(decode(z)) is ${number(this.astray, 2)} away`,
        ]),
      );
  }

  resize() {
    const { parts, view, layers } = this;
    this.host.classList.toggle("narrow", this.host.clientWidth < 640);
    const ratio = (this.ratio = devicePixelRatio || 1);
    [view.width, view.height] = [parts.stage.clientWidth, parts.stage.clientHeight];
    const [width, height] = [view.width, view.height].map((side) => Math.round(side * ratio));
    for (const canvas of [parts.plane, layers.scene, layers.points])
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    this.invalidate(true);
  }

  /** Draw before the next frame. @param {boolean} [everything] the scene below the cursor too */
  invalidate(everything = false) {
    this.stale ||= everything;
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      if (!this.view.width || !this.data) return;
      if (this.stale) this.drawScene();
      this.stale = false;
      this.drawOver();
    });
  }

  drawScene() {
    const { view, data, points, layers, ratio } = this;
    const c = layers.scene.getContext("2d");
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, view.width, view.height);
    if (this.picture && this.on.has("backdrop"))
      scene.drawBackdrop(c, view, this.picture, data.backdrop.extent, points ? 0.45 : 1);
    if (points?.count && this.on.has("density")) this.drawDensity(c);
    if (points?.count) {
      this.drawPoints();
      c.drawImage(layers.points, 0, 0, view.width, view.height);
      this.drawThumbnails(c);
      if (this.on.has("fog") && data.plane) this.drawFog(c);
    }
    scene.drawAxes(c, view, this.theme, data.labels);
    if (this.on.has("rings") && data.plane) scene.drawRings(c, view, this.theme, this.place(this.z.map(() => 0)));
  }

  drawPoints() {
    const { points, layers, view, selected, data } = this;
    const n = points.count;
    const [size, opacity] =
      n > 20000 ? [1.7, 0.55] : n > 5000 ? [2.2, 0.7] : n > 1000 ? [2.8, 0.8] : [3.6, 0.9];
    const style = {
      ratio: this.ratio,
      radius: size * Math.min(Math.max(view.zoomed ** 0.5, 0.8), 2.5),
      glyphs: data.colours.glyphs,
      ...this.tints(),
      mask: null,
      wanted: 0,
    };
    const c = layers.points.getContext("2d", { willReadFrequently: true });
    const { width, height } = layers.points;
    if (this.pixels?.width !== width || this.pixels?.height !== height)
      this.pixels = c.createImageData(width, height);
    this.pixels.data.fill(0);
    if (selected.size) {
      style.mask = new Uint8Array(n);
      for (const i of selected) style.mask[i] = 1;
      paint(this.pixels, points, view, { ...style, opacity: 0.14 });
      paint(this.pixels, points, view, { ...style, opacity: 1, radius: 1.3 * style.radius, wanted: 1 });
    } else {
      paint(this.pixels, points, view, { ...style, opacity });
    }
    c.putImageData(this.pixels, 0, 0);
  }

  drawDensity(c) {
    const { field, most } = this.massOfPoints;
    const picture = field.picture(rgb(this.theme.text), (a, b) => 0.55 * Math.sqrt(field.at(a, b) / most));
    scene.drawBackdrop(c, this.view, picture, field.extent, 1);
  }

  /** A veil where no data has mass, or where an image does not lead back to its z. */
  drawFog(c) {
    const { field, thin } = this.massOfPoints;
    const returns = this.returns?.field;
    const doubt = (a, b) =>
      Math.max(1 - rise(0, thin, field.at(a, b)), returns ? rise(...ASTRAY, returns.at(a, b)) : 0);
    const picture = field.picture(rgb(this.theme.dark ? "#5c6370" : "#9aa3af"), (a, b) => 0.75 * doubt(a, b));
    scene.drawBackdrop(c, this.view, picture, field.extent, 1);
  }

  /** Zoomed in until the points stand apart, images take the place of glyphs. */
  drawThumbnails(c) {
    const { points, view, thumbnails, selected } = this;
    if (!points.layout.images || !this.hello?.images) return;
    const [left, bottom] = view.toPlane(0, view.height);
    const [right, top] = view.toPlane(view.width, 0);
    const visible = points.inBox(left, bottom, right, top);
    if (visible.length > (view.width * view.height) / THUMBNAIL_PX ** 2 / 1.6) return;
    thumbnails.want(visible, points, this.channel, this.hello.image_shape, () => this.invalidate(true));
    const { tints, palette } = this.tints();
    for (const i of visible) {
      const image = thumbnails.get(i);
      if (!image) continue;
      const [x, y] = view.toPixels(points.xy[2 * i], points.xy[2 * i + 1]);
      const colour = `rgb(${palette[tints[i]].join(",")})`;
      const strength = selected.size && !selected.has(i) ? 0.3 : 1;
      scene.drawThumbnail(c, image, x, y, THUMBNAIL_PX, colour, strength);
    }
  }

  /** Each point's place in a palette: by class, by value, or all in the colour of text. */
  tints() {
    const { points, data } = this;
    if (points.value) {
      const [low, high] = points.layout.value.range;
      points.tints ??= Uint8Array.from(points.value, (x) =>
        Math.min(Math.max(Math.round((255 * (x - low)) / (high - low || 1)), 0), 255),
      );
      return { tints: points.tints, palette: Array.from({ length: 256 }, (_, k) => scale(k / 255)) };
    }
    const classes = data.colours.classes.map(rgb);
    if (!points.category) return { tints: new Uint8Array(points.count), palette: [rgb(this.theme.text)] };
    points.tints ??= points.category.map((k) => k % classes.length);
    return { tints: points.tints, palette: classes };
  }

  drawOver() {
    this.showFigures();
    const { view, data, layers, points, ratio } = this;
    const { colours } = data;
    const c = this.parts.plane.getContext("2d");
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, view.width, view.height);
    c.drawImage(layers.scene, 0, 0, view.width, view.height);

    const at = (i) => /** @type {[number, number]} */ ([points.xy[2 * i], points.xy[2 * i + 1]]);
    const covariance = (i) => points.covariance.subarray(3 * i, 3 * i + 3);
    if (points?.covariance) {
      const chosen = [...this.selected].filter((i) => i < points.count).slice(0, MAX_ELLIPSES);
      const strength = Math.max(0.3, 1 / Math.cbrt(chosen.length || 1));
      for (const i of chosen) scene.drawEllipse(c, view, at(i), covariance(i), colours.sigma, strength);
      if (this.hovered >= 0)
        scene.drawEllipse(c, view, at(this.hovered), covariance(this.hovered), colours.sigma);
    }
    if (points && this.hovered >= 0)
      scene.drawCursor(c, view, this.theme, at(this.hovered), colours.mu, { ghost: true });
    if (data.plane) {
      if (data.path) scene.drawPath(c, view, this.theme, data.path.map((z) => this.place(z)), colours.z);
      if (this.data.way) this.drawWay(c);
      if (this.posterior) {
        const { mu, sigma } = this.posterior;
        scene.drawEllipse(c, view, this.place(mu), this.inPlane(sigma), colours.sigma);
        scene.drawPath(c, view, this.theme, [this.place(mu), this.place(this.z)], colours.eps);
        scene.drawCursor(c, view, this.theme, this.place(mu), colours.mu, { ghost: true });
      }
      if (data.mode !== "stops") scene.drawCursor(c, view, this.theme, this.place(this.z), colours.z);
      if (this.ghost) scene.drawCursor(c, view, this.theme, this.place(this.ghost), colours.z, { ghost: true });
    }
    if (this.press?.kind === "lasso" && this.press.moved) scene.drawLasso(c, this.theme, this.press.corners);
  }

  drawWay(c) {
    const { view, data, stops } = this;
    if (stops.length > 1) {
      const way = along(stops, data.way.method, Math.max(data.way.steps, 24));
      scene.drawPath(c, view, this.theme, way.map((z) => this.place(z)), data.colours.z);
    }
    stops.forEach((z, k) =>
      scene.drawStop(c, view, this.theme, this.place(z), String(k + 1), data.colours.z, k === this.active),
    );
  }
}

/** One draw from N(0, 1) (Box & Muller 1958). */
function gaussian() {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}

/** @param {number[]} p @param {ArrayLike<number>} q */
function distance(p, q) {
  return Math.hypot(...p.map((x, k) => x - q[k]));
}
