/** The visitor's hand: pointers and keys move z, select points, edit the way and move the view. */

import { listen, TWICE_MS } from "./gestures.js";
import { THUMBNAIL_PX } from "./painting.js";
import { Selection } from "./selection.js";

const STEP = 0.05;
const COARSE_STEP = 0.5;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const REST_MS = 350; // the keys rest that long, let go, before Python hears of what they did
const HELD = null; // keys are not at rest before they are let go, however slowly they repeat
const PICK_PX = 9;
const CLICK_PX = 13.5;
const MOVED_PX = 4; // a press that goes farther is a drag
const AWAY = -1e9; // pixels, where no pointer is

/**
 * @typedef {"z" | "stop" | "selection"} Kind
 * @typedef {{z: number[] | null, led: number[] | null, selected: Selection, stops: number[][],
 *   active: number}} Before
 */

export class Hand {
  /** @param {import("./plane.js").LatentPlane} plane @param {AbortSignal} signal */
  constructor(plane, signal) {
    this.plane = plane;
    /** @type {[number, number] | null} where the pointer is, in pixels */
    this.pointer = null;
    /** @type {{kind: Kind, from: [number, number], before: Before, corners: [number, number][], moved: boolean} | null} */
    this.press = null;
    /** @type {{kind: Kind, before: Before | null, timer: number | undefined} | null} what Python is about to hear */
    this.due = null;
    const canvas = plane.parts.plane;
    listen(canvas, this.#verbs(), signal);
    canvas.addEventListener("keydown", (event) => this.key(event), { signal });
    canvas.addEventListener("keyup", () => this.due && this.#tellLater(this.due.kind, REST_MS, this.due.before), { signal });
    canvas.addEventListener("blur", () => this.#tellNow(), { signal });
    signal.addEventListener("abort", () => clearTimeout(this.due?.timer));
  }

  /** @returns {import("./gestures.js").Verbs} */
  #verbs() {
    return {
      hover: (px, py, event) => this.hover(px, py, event.timeStamp),
      leave: () => this.leave(),
      press: (px, py, event) => this.down(px, py, event),
      drag: (px, py, event) => this.drag(px, py, event),
      release: (px, py, event) => this.release(px, py, event),
      cancel: () => this.cancel(),
      pan: (dx, dy) => this.#moveView(() => this.plane.view.pan(dx, dy)),
      zoom: (factor, px, py) => this.#moveView(() => this.plane.view.zoom(factor, px, py)),
      twice: (px, py) => this.twice(px, py),
    };
  }

  hover(px, py, since) {
    const { plane } = this;
    this.pointer = [px, py];
    if (plane.z) {
      plane.ghost = this.#under(px, py);
      plane.look(since);
    }
    this.#hoverPoint(px, py);
    plane.invalidate();
  }

  /** The z under a pointer; while a way is edited, the stop that it points at or would set, if any. */
  #under(px, py) {
    const { plane } = this;
    if (plane.data.mode === "stops") {
      const { z, isNew } = plane.stops.under(px, py);
      return isNew && plane.stops.full ? null : z;
    }
    return plane.slice.moved(plane.z, plane.view.toPlane(px, py));
  }

  leave() {
    const { plane } = this;
    this.#tellNow();
    if (!this.pointer) return;
    this.pointer = null;
    plane.ghost = null;
    this.#hoverPoint(AWAY, AWAY);
    plane.look();
    plane.invalidate();
  }

  /** How far from a point it is meant, in pixels: where images stand, on its own. */
  get #reach() {
    return this.plane.pictured ? THUMBNAIL_PX / 2 + 2 : PICK_PX;
  }

  #hoverPoint(px, py) {
    const { plane } = this;
    if (!plane.points) return;
    const [a, b] = plane.view.toPlane(px, py);
    const i = plane.points.nearest(a, b, this.#reach / plane.view.unit);
    if (i >= 0 && i !== plane.hovered) plane.readout.picture(i);
    plane.hovered = i;
  }

  down(px, py, event) {
    const { plane } = this;
    const { z, led, selected, stops } = plane;
    this.#tellNow();
    this.pointer = [px, py];
    this.#hoverPoint(AWAY, AWAY);
    const kind = plane.data.mode === "select" || !z ? "selection" : plane.data.mode === "stops" ? "stop" : "z";
    const before = { z, led, selected, stops: stops.all, active: stops.active };
    this.press = { kind, before, from: [px, py], corners: [[px, py]], moved: false };
    if (kind === "selection") return;
    plane.ghost = plane.led = null;
    if (kind === "z") plane.z = this.#under(px, py);
    else if (!stops.take(px, py)) this.press = null;
    plane.look(event.timeStamp);
    plane.invalidate();
  }

  drag(px, py, event) {
    const { plane, press } = this;
    this.pointer = [px, py];
    if (!press) return;
    press.moved ||= Math.hypot(px - press.from[0], py - press.from[1]) > MOVED_PX;
    if (press.kind === "z") {
      plane.z = this.#under(px, py);
      plane.look(event.timeStamp);
    } else if (press.kind === "stop" && press.moved) {
      plane.stops.move(plane.view.toPlane(px, py));
      plane.stops.look(event.timeStamp);
    } else if (press.kind === "selection") {
      const [x, y] = press.from;
      press.corners = event.shiftKey
        ? [[x, y], [px, y], [px, py], [x, py]]
        : [...press.corners, [px, py]];
    }
    plane.invalidate();
  }

  release(px, py, event) {
    const { plane, press } = this;
    this.press = null;
    if (!press) return;
    if (press.kind === "selection") this.#select(press, px, py, event);
    if (press.moved) this.#tell(press.kind);
    else this.#tellLater(press.kind, TWICE_MS, press.before);
    if (event.pointerType === "touch") {
      this.pointer = press.moved ? null : [px, py]; // a tap stands for hovering
      if (!press.moved) this.#hoverPoint(px, py);
    }
    plane.invalidate();
  }

  cancel() {
    const { press } = this;
    this.press = this.pointer = null;
    if (!press) return;
    this.#restore(press.before);
    if (press.kind === "stop" && press.moved) this.plane.stops.look();
  }

  /** The first click of a double click is taken back, whatever it did. */
  twice(px, py) {
    const { plane, due } = this;
    if (due?.before) {
      clearTimeout(due.timer);
      this.due = null;
      this.#restore(due.before);
    }
    if (plane.data.mode === "stops" && plane.stops.remove(plane.stops.at(px, py))) this.#tell("stop");
    else this.#moveView(() => plane.view.reset());
  }

  /** @param {Before} before */
  #restore({ z, led, selected, stops, active }) {
    const { plane } = this;
    Object.assign(plane, { z, led, selected });
    Object.assign(plane.stops, { all: stops, active });
    plane.look();
    plane.invalidate(true);
  }

  /** Select what was clicked, lassoed or boxed; with Ctrl or Cmd in addition. */
  #select(press, px, py, event) {
    const { view, points, selected } = this.plane;
    if (!points) return;
    let found;
    if (!press.moved) {
      const [a, b] = view.toPlane(px, py);
      const nearest = points.nearest(a, b, Math.max(this.#reach, CLICK_PX) / view.unit);
      found = nearest < 0 ? [] : [nearest];
    } else {
      found = points.inPolygon(press.corners.map(([x, y]) => view.toPlane(x, y)));
    }
    const more = event.ctrlKey || event.metaKey;
    const again = more && !press.moved && selected.has(found[0]);
    this.plane.selected = again ? selected.without(found[0]) : more ? selected.with(found) : new Selection(found);
    this.plane.invalidate(true);
  }

  /** @param {() => boolean | void} move */
  #moveView(move) {
    const moved = move() !== false;
    if (moved) this.plane.viewMoves();
    const passing = this.plane.points?.crowd; // too many come by under the pointer
    if (moved && this.pointer && !this.press) this.#hoverPoint(...(passing ? [AWAY, AWAY] : this.pointer));
    return moved;
  }

  /** The view rests: what is under the pointer now? */
  rest() {
    if (this.pointer && !this.press) this.#hoverPoint(...this.pointer);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { plane } = this;
    if (this.press || event.altKey) return;
    const { key, shiftKey, ctrlKey, metaKey } = event;
    const edits = plane.data.mode === "stops" && plane.stops.all.length > 0;
    const { width, height } = plane.view;
    let known = true;
    if (key in ARROWS && plane.z && !ctrlKey && !metaKey) this.#step(ARROWS[key], shiftKey ? COARSE_STEP : STEP, edits, event);
    else if (ctrlKey || metaKey) known = false;
    else if (edits && ["Delete", "Backspace"].includes(key)) this.#edit(() => plane.stops.remove(plane.stops.active));
    else if (edits && key === "Enter") this.#edit(() => plane.stops.divide());
    else if (edits && ["PageUp", "PageDown"].includes(key)) this.#edit(() => plane.stops.choose(key === "PageUp" ? -1 : 1));
    else if (plane.data.mode === "select" && key === "Enter") this.#selectAtCursor();
    else if (["+", "="].includes(key)) this.#moveView(() => plane.view.zoom(1.25, width / 2, height / 2));
    else if (key === "-") this.#moveView(() => plane.view.zoom(0.8, width / 2, height / 2));
    else if (["0", "Home"].includes(key)) this.#moveView(() => plane.view.reset());
    else if (key === "?") plane.help.toggle();
    else known = false;
    if (!known) return;
    event.preventDefault();
    event.stopPropagation();
  }

  #step([across, up], length, edits, event) {
    const { plane } = this;
    const [a, b] = plane.slice.place(edits ? plane.stops.chosen : plane.z);
    const to = /** @type {[number, number]} */ ([a + across * length, b + up * length]);
    plane.ghost = plane.led = null;
    if (edits) {
      plane.stops.move(to);
      plane.stops.look(event.timeStamp);
    } else {
      plane.z = plane.slice.moved(plane.z, to);
      plane.look(event.timeStamp);
    }
    this.#tellLater(edits ? "stop" : "z", HELD);
    plane.invalidate();
  }

  /** @param {() => boolean} edit */
  #edit(edit) {
    const { plane } = this;
    plane.ghost = plane.led = null;
    if (!edit()) return;
    this.#tellLater("stop", HELD);
    plane.invalidate();
  }

  #selectAtCursor() {
    const { plane } = this;
    if (!plane.points || !plane.z) return;
    const nearest = plane.points.nearest(...plane.slice.place(plane.z), plane.view.half);
    plane.selected = new Selection(nearest < 0 ? [] : [nearest]);
    this.#tellLater("selection", HELD);
    plane.invalidate(true);
  }

  /**
   * Tell Python when `ms` have gone by without another deed, or after what `HELD` keys do next.
   * @param {Kind} kind @param {number | null} ms @param {Before | null} before where it can be taken back
   */
  #tellLater(kind, ms, before = null) {
    clearTimeout(this.due?.timer);
    if (this.due && this.due.kind !== kind) this.#tell(this.due.kind);
    const timer = ms === HELD ? undefined : setTimeout(() => this.#tellNow(), ms);
    this.due = { kind, before, timer };
  }

  #tellNow() {
    const { due } = this;
    if (!due) return;
    clearTimeout(due.timer);
    this.due = null;
    this.#tell(due.kind);
    // The film follows drags and keys at once, but not half a double click.
    if (due.kind === "stop" && due.before) this.plane.stops.look();
  }

  /** @param {Kind} kind */
  #tell(kind) {
    const { plane } = this;
    if (kind === "z") plane.tellZ();
    else if (kind === "stop") plane.stops.tell();
    else plane.tellSelected();
  }
}
