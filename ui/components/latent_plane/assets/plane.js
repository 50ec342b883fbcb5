/** The latent plane. Streamlit calls `mount` at first and again whenever its data or theme changes. */

import { Beside } from "./beside.js";
import { Latest, Verb } from "./channel.js";
import { PAPER, theme } from "./colours.js";
import { pointsOf } from "./crowd.js";
import { Drawing } from "./drawing.js";
import { element, furnish, showLayers, showLegend, showPixels } from "./furniture.js";
import { Glide } from "./glide.js";
import { Hand } from "./hand.js";
import { Help } from "./help.js";
import { layerHints } from "./hints.js";
import { Linked } from "./linked.js";
import { Manifold } from "./manifold.js";
import { openNear } from "./near.js";
import { Overlay } from "./overlay.js";
import { Painting } from "./painting.js";
import { Readout } from "./readout.js";
import { Regions } from "./regions.js";
import { Seen } from "./seen.js";
import { Selection } from "./selection.js";
import { Slice } from "./slice.js";
import { followSliders } from "./sliders.js";
import { Stops } from "./stops.js";
import { Talk } from "./talk.js";
import { Taught } from "./taught.js";
import { Thumbnails } from "./thumbnails.js";
import { Trust } from "./trust.js";
import { View } from "./view.js";

const SETTLE_MS = 120;
const USUAL_PX = 940; // the width for which pages choose a height
const MOST = 1.4; // times that height, on wider ones
// At most, in the app: below its title and controls, above a room's bar, it fits on a projector's.
const ON_SCREEN = "54svh - var(--room-bar, 0px)";
const LEAST = "13rem";
const FOLD = 0.72; // of the first screen: a plane that begins further down is scrolled to
const FOOT_PX = 8; // free below a plane
const KEYS = "2.5rem"; // of a legend that stands there, a row
const LOW = 0.7; // of the whole's width: a plane beside its image is no tower
const NARROW_PX = 440; // below, plane and image do not fit beside one another
const HAND = "(max-width: 640px)"; // a phone

/** @type {WeakMap<Node, LatentPlane>} */
const planes = new WeakMap();

/** @param {{data: any, parentElement: ShadowRoot, setStateValue: Function}} component @param {URL} root */
export async function mount({ data, parentElement, setStateValue }, root) {
  const host = parentElement.querySelector(".root");
  let plane = planes.get(host);
  if (!plane) {
    plane = new LatentPlane(host, root, openNear(root));
    planes.set(host, plane);
    plane.styled = loadStyle(parentElement, new URL(`${data.assets}/plane.css`, root));
  }
  await plane.styled; // whoever comes meanwhile waits behind the first
  plane.update(data, setStateValue);
  return () => {
    if (host.isConnected) return; // no farewell: an update takes over
    planes.delete(host);
    plane.remove();
  };
}

/** The figure that stands in a component's place, to be saved. @param {ShadowRoot} place */
export async function saved(place) {
  const { figureOf } = await import("./saved.js");
  const found = () => planes.get(place.querySelector(".root"));
  return found() ? figureOf(found) : null;
}

function loadStyle(parent, url) {
  return new Promise((resolve) => {
    const link = element("link", { rel: "stylesheet", href: url });
    link.onload = link.onerror = resolve;
    parent.append(link);
  });
}

/** What stands on the page, and who is told when something moves. */
export class LatentPlane {
  /**
   * @param {HTMLElement} host @param {URL} root
   * @param {import("./near.js").Open} open the channel to whoever decodes
   */
  constructor(host, root, open) {
    this.host = host;
    this.root = root;
    this.open = open;
    this.parts = furnish(host);
    this.view = new View();
    /** @type {any} what Python sent last */
    this.data = null;
    /** @type {Slice | null} none where the plane is no part of latent space */
    this.slice = null;
    /** @type {number[] | null} the cursor, kept until someone moves it */
    this.z = null;
    /** @type {number[] | null} under a pointer that only hovers */
    this.ghost = null;
    /** @type {number[] | null} led there by the grid beside: its tile, or the frame of its film */
    this.led = null;
    this.selected = new Selection();
    /** @type {import("./points.js").Points | null} */
    this.points = null;
    this.hovered = -1;
    /** @type {number | null} the class whose key in the legend is under the pointer */
    this.classInSight = null;
    /** @type {import("./channel.js").Hello | null} */
    this.hello = null;
    /** @type {ReturnType<import("./near.js").Open> | null} */
    this.channel = null;
    /** @type {Promise<void> | null} of its style sheet, in the app */
    this.styled = null;
    /** @type {Seen | null} */
    this.seen = null;
    /** @type {Set<string> | null} the layers switched on */
    this.on = null;

    this.talk = new Talk();
    this.glide = new Glide(this);
    this.trust = new Trust(this);
    this.manifold = new Manifold(this);
    this.regions = new Regions(this);
    this.overlay = new Overlay(this);
    this.stops = new Stops(this);
    this.drawing = new Drawing(this);
    this.readout = new Readout(this);
    this.painting = new Painting(this);
    this.decoding = new Latest((wish) => this.decode(wish));

    const { signal } = (this.end = new AbortController());
    this.help = new Help(this);
    this.beside = new Beside(this, signal);
    this.linked = new Linked(this, signal);
    this.taught = new Taught(this, signal);
    this.hand = new Hand(this, signal);
    followSliders(() => this.data?.sliders ?? [], (dim, value) => this.slide(dim, value), signal);
    addEventListener("beforeprint", () => this.repaint(PAPER), { signal });
    addEventListener("afterprint", () => this.repaint(theme(this.host)), { signal });
    document.fonts.addEventListener("loadingdone", () => this.invalidate(true), { signal });
    this.resizing = new ResizeObserver(() => this.resize());
    this.resizing.observe(host);
    this.resizing.observe(this.parts.stage);
    // What stands above it has another height once a lesson opens, or the page is presented.
    this.page = document.querySelector("[data-testid=stMain]");
    const above = document.querySelector("[data-testid=stMainBlockContainer]");
    if (above) this.resizing.observe(above);
  }

  remove() {
    this.end.abort();
    this.resizing.disconnect();
    this.channel?.close();
    this.points?.crowd?.close();
    clearTimeout(this.settling);
    cancelAnimationFrame(this.frame);
  }

  update(data, setStateValue) {
    const before = this.data ?? {};
    this.data = data;
    this.setStateValue = setStateValue;
    this.slice = data.plane && new Slice(data.plane);
    this.host.style.setProperty("--z", data.colours.z);
    this.theme = theme(this.host);
    this.parts.side.hidden = !data.z; // no z, no image

    if (this.accepts("z", data.z)) {
      this.z = data.z;
      this.look();
    }
    if (this.accepts("selected", data.selected)) this.selected = Selection.of(data.selected);
    if (this.accepts("stops", data.way?.stops)) this.stops.given(data.way?.stops ?? []);

    if (before.model !== data.model) this.follow();
    if (JSON.stringify(before.points) !== JSON.stringify(data.points)) this.loadPoints();
    if (this.seen) this.seen.takeFirst();
    else this.begin();
    this.showLayers();
    this.drawing.show(data.draw);
    this.help.show();
    this.parts.plane.setAttribute("aria-label", this.label());
    if (!this.glide.leads) this.frameHome();
    this.overlay.update(data);
    if (!before.model && this.seen.zoom) Object.assign(this.view, this.seen.zoom);
    this.lookAround();
    this.resize();
    this.beside.askForFrame();
    this.taught.show();
  }

  /** As the address says, or as the visitor left it. */
  begin() {
    this.seen = new Seen(this);
    this.on = this.seen.layers;
    this.seen.say();
  }

  /** What the address says by now, of layers, legend and view. */
  showSeen() {
    this.begin();
    this.layersShown = "";
    this.showLayers();
    if (this.points) {
      this.points.hidden = this.seen.off;
      showLegend(this.parts.keys, this.points, this.data.colours, this.legendVerbs());
      this.trust.forgetMass();
    }
    if (this.seen.zoom) Object.assign(this.view, this.seen.zoom);
    else this.overlay.lookFirst();
    this.lookAround();
    this.invalidate(true);
  }

  /** Whether Python's value is news; a drag under way will have the last word. */
  accepts(name, value) {
    return this.talk.news(name, value, this.data.heard[name]) && !this.hand.press;
  }

  /**
   * The moment goes with the value: said again after the page changed it, it is news. It comes back
   * with what Python sends once it knows.
   */
  tell(name, value) {
    const at = Date.now();
    this.talk.tell(name, value, at);
    this.setStateValue(name, { value, at });
  }

  tellZ() {
    this.readout.announce(this.readout.inWords(this.z));
    this.tell("z", this.z);
    this.lookAround();
  }

  tellSelected() {
    this.readout.announce(this.readout.ofSelected(this.selected));
    const points = this.selected.packed;
    this.tell("selected", points);
    dispatchEvent(new CustomEvent("zscape:selected", { detail: { plane: this.data.key, points } }));
  }

  label() {
    const { labels, mode } = this.data;
    const does = { cursor: "Arrow keys move z", select: "Drag to select points", stops: "Arrow keys move the chosen stop" };
    return `Latent plane ${labels.filter(Boolean).join(" and ")}. ${does[mode]}, Shift coarser. ? for help.`;
  }

  /** Talk to the model in view; while a connection opens, later models replace one another. */
  follow() {
    if (this.connected !== this.data.model && this.channel?.name !== "connecting") this.connect();
  }

  connect() {
    this.channel?.close();
    this.connected = this.data.model;
    this.hello = null;
    this.pictured = false; // whether images stand for points
    this.thumbnails = new Thumbnails();
    this.channel = this.open(this.data, {
      onHello: (hello) => {
        this.hello = hello;
        this.drawing.show(this.data.draw);
      },
      onState: (state) => this.showState(state),
      onCoding: () => this.help.show(),
    });
  }

  showState({ name, reason }) {
    const { notice } = this.parts;
    notice.hidden = name === "open" || name === "connecting";
    notice.classList.toggle("final", name === "refused");
    notice.textContent = name === "refused" ? reason || "The server refused this model." : "Reconnecting…";
    if (name !== "connecting") this.follow();
    if (name !== "open" || !this.hello) return;
    if (this.data.z && this.data.z.length !== this.hello.latent_dim) {
      notice.hidden = false;
      notice.classList.add("final");
      notice.textContent = "The model was replaced by one of other dimensions; reload the page.";
      return;
    }
    this.forget();
    this.look();
    this.drawing.again();
    this.warm();
    this.invalidate(true); // where few points are in sight, their images are asked for
  }

  /** The model's weights may have changed: what was computed with them is asked for again. */
  forget() {
    this.trust.forget();
    this.manifold.forget();
    this.regions.forget();
    this.lookAround();
  }

  showLayers() {
    const { plane, points, heat } = this.data;
    const names = {
      ...(heat && { heat: heat.name }),
      ...(plane && { manifold: "Manifold", rings: "Prior" }),
      ...(points && { density: "Density" }),
      ...(points?.covariance && { posteriors: "q(z|x)" }),
      ...(plane && points && this.data.encodes && { fog: "Trust fog" }),
      ...this.regions.names,
    };
    if (JSON.stringify(names) === this.layersShown) return; // a chip in focus stays in focus
    this.layersShown = JSON.stringify(names);
    const focused = [...this.parts.layers.children].findIndex((chip) => chip.matches(":focus"));
    showLayers(this.parts.layers, names, this.on, (layer) => {
      if (!this.on.delete(layer)) this.on.add(layer);
      this.lookAround();
      this.look();
      this.invalidate(true);
      this.seen.tell();
      this.showLayers(); // by what classes are told is asked where they are shown
      return this.on.has(layer);
    }, layerHints(this.data));
    this.parts.layers.children[focused]?.focus();
  }

  async loadPoints() {
    const layout = this.data.points;
    if (!layout) {
      this.points = null;
      this.parts.keys.hidden = true;
      this.invalidate(true);
      return;
    }
    const packed = await (layout.packed?.slice(0) ?? this.fetched(layout.url));
    if (layout !== this.data.points && layout.url !== this.data.points?.url) return; // newer came
    if (!packed) {
      this.parts.notice.hidden = false;
      this.parts.notice.textContent = "The points could not be loaded; reload the page.";
      return;
    }
    const { assets } = this.data; // none outside the app
    const script = assets ? new URL(`${assets}/crowd_thread.js`, this.root) : null;
    const points = await pointsOf(packed, layout, script);
    if ((layout !== this.data.points && layout.url !== this.data.points?.url) || this.end.signal.aborted) {
      points.crowd?.close();
      return;
    }
    const before = this.points;
    const { half } = this.view;
    const hidden = before?.hidden;
    const same = JSON.stringify(before?.layout.names) === JSON.stringify(layout.names);
    before?.crowd?.close();
    this.points = points;
    this.thumbnails = new Thumbnails();
    if (!before) this.points.hidden = this.seen.off;
    else if (same) this.points.hidden = hidden;
    this.hovered = -1;
    showLegend(this.parts.keys, this.points, this.data.colours, this.legendVerbs());
    this.help.show();
    this.frameHome();
    this.glide.begin(before, half);
    if (before && !same) this.seen.tell();
    this.forget(); // a model in training has new weights whenever it has new points
    this.look();
    this.warm();
    this.invalidate(true);
  }

  /** @param {string} url @returns {Promise<ArrayBuffer | null>} */
  async fetched(url) {
    const response = await fetch(new URL(url, this.root)).catch(() => null);
    return response?.ok ? response.arrayBuffer() : null;
  }

  legendVerbs() {
    return {
      toggle: (k) => {
        const { hidden } = this.points;
        if (!hidden.delete(k)) hidden.add(k);
        this.trust.forgetMass();
        this.invalidate(true);
        this.seen.tell();
        return !hidden.has(k);
      },
      sight: (k) => {
        this.classInSight = k;
        this.invalidate();
      },
    };
  }

  /** Asking for one image has the server read the data set before a pointer hovers. */
  warm() {
    if (!this.points?.layout.images || !this.hello?.images) return;
    this.channel.ask(Verb.IMAGE, 1, this.points.rows.slice(0, 1)).catch(() => {});
  }

  /** Home shows the prior to 3 sigma and all but a few points. */
  frameHome() {
    const { view, data } = this;
    const atHome = view.half === view.home.half && view.x === view.home.x && view.y === view.home.y;
    const reach = this.points ? this.points.reach * 1.05 : 0;
    view.home = { x: 0, y: 0, half: Math.max(data.plane ? 3.2 : 0, reach) || 3.5 };
    if (atHome || this.glide.leads) view.reset();
  }

  /** What the large image shows: z under the pointer or led there, else the chosen stop, else the cursor. */
  get shown() {
    return this.ghost ?? this.led ?? (this.data.mode === "stops" ? this.stops.chosen : null) ?? this.z;
  }

  /** Decode what is shown. @param {number} [since] the time of the event that asks for it */
  look(since = performance.now()) {
    const z = this.shown;
    if (z && this.channel) this.decoding.want({ z, since });
  }

  /** What the layers need of the plane on which z lies. */
  lookAround() {
    this.trust.lookAround();
    this.manifold.lookAround();
    this.regions.lookAround();
  }

  /** @param {{z: number[], since: number}} wish */
  async decode({ z, since }) {
    const image = this.channel.ask(Verb.DECODE, 1, Float32Array.from(z));
    const painted = image.then(({ bytes, where }) => this.painted(new Uint8Array(bytes), z, since, where));
    await Promise.all([painted, this.data.maps && this.beside.askMaps(z)]);
    this.trust.look(z);
    this.regions.look(z);
  }

  painted(pixels, z, since, where) {
    showPixels(this.parts.decoded, pixels, this.hello.image_shape);
    this.regions.see(pixels, z);
    const latency_ms = performance.now() - since;
    this.parts.decoded.dispatchEvent(
      new CustomEvent("zscape:decoded", { detail: { z, latency_ms, where }, bubbles: true, composed: true }),
    );
  }

  /** A crowd is counts while the view moves, and points when it rests. */
  viewMoves() {
    this.painting.moves = true;
    clearTimeout(this.settling);
    this.settling = setTimeout(() => {
      this.painting.moves = false;
      this.hand.rest();
      this.manifold.lookAround();
      this.invalidate(true);
      this.seen.tell();
    }, SETTLE_MS);
    this.invalidate(true);
  }

  /** A slider of the page moves; it tells Python itself when it is let go. */
  slide(dim, value) {
    if (!this.z || this.hand.press || this.z[dim] === value || !Number.isFinite(value)) return;
    this.ghost = null;
    this.z = this.z.with(dim, value);
    this.talk.moved("z", this.z);
    this.look();
    this.invalidate();
  }

  /** At once: paper does not wait for a frame. @param {ReturnType<typeof theme>} colours */
  repaint(colours) {
    if (!this.view.width || !this.data) return;
    this.theme = { ...this.theme, ...colours };
    this.painting.drawScene(true);
    this.painting.drawOver();
  }

  /** How high it may be, to end above the fold of the page, or of its room's bar. @param {boolean} narrow */
  onScreen(narrow) {
    const scrolled = this.page?.scrollTop ?? 0;
    // Of a page that is scrolled it may stick to the top.
    if (!scrolled || this.top === undefined) this.top = this.host.getBoundingClientRect().top + scrolled;
    const { top } = this;
    if (narrow || top > FOLD * innerHeight) return `max(18rem, ${ON_SCREEN})`;
    const keys = this.parts.keys.hidden ? "0px" : KEYS;
    const left = `100svh - var(--room-bar, 0px) - ${Math.round(top + FOOT_PX)}px - ${keys}`;
    return `max(${LEAST}, min(max(18rem, ${ON_SCREEN}), ${left}))`;
  }

  resize() {
    const { parts, view, host, data } = this;
    if (!data) return;
    const grows = Math.min(Math.max(host.clientWidth / USUAL_PX, 1), MOST);
    const wanted = `${Math.round(data.height * grows)}px`;
    const narrow = host.clientWidth < NARROW_PX;
    const low = narrow || parts.side.hidden ? wanted : `${Math.round(LOW * host.clientWidth)}px`;
    host.style.setProperty("--height", data.assets ? `min(${wanted}, ${low}, ${this.onScreen(narrow)})` : wanted);
    host.classList.toggle("narrow", narrow);
    host.classList.toggle("compact", Boolean(data.compact));
    host.classList.toggle("small", narrow && !parts.side.hidden && (data.compact || matchMedia(HAND).matches));
    this.theme.scale = view.scale = theme(host).scale;
    [view.width, view.height] = [parts.stage.clientWidth, parts.stage.clientHeight];
    view.covered = parts.corner.offsetTop + parts.corner.offsetHeight;
    this.invalidate(true);
  }

  /** Draw before the next frame. @param {boolean} [everything] the scene below the cursor too */
  invalidate(everything = false) {
    this.stale ||= everything;
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      if (!this.view.width || !this.data) return;
      const moves = this.glide.step();
      const finer = this.painting.resize(); // another screen, or the browser's own zoom
      if (this.stale || finer || moves) this.painting.drawScene();
      this.stale = false;
      if (moves) this.invalidate(true);
      this.painting.drawOver();
      this.readout.figures();
      this.readout.tip();
      this.beside.tellPlaces();
      this.linked.tell();
      this.taught.tell();
    });
  }
}
