/** What draws a crowd, in a thread of its own where there can be one: the latest wish counts. */

import { crowdDensity } from "./fog.js";
import { columnsOf, indexOf, tintsOf } from "./grid.js";
import { CELL, count, inSight, paint, shade } from "./pixels.js";

const SLICE = 40_000; // points painted before it is heard what came meanwhile
const FEW = 20_000; // points in sight that are painted one by one while the view moves, too
const MARGIN = 96; // CSS pixels around a moving view, that it may go on

/**
 * @typedef {{x: number, y: number, unit: number, width: number, height: number}} Seen the middle of a
 *   view, CSS pixels of one unit, and its sides in CSS pixels
 * @typedef {{key: string, view: Seen, ratio: number, moves: boolean, look: import("./pixels.js").Look,
 *   passes: import("./pixels.js").Pass[]}} Wish `key` tells what is shown from all else
 * @typedef {{key: string, kind: "counts" | "glyphs", moves: boolean, a: number, b: number, unit: number,
 *   width: number, height: number, words: Uint32Array}} Picture its upper left corner at (a, b)
 */

export class Raster {
  /** @param {(answer: any, transfer: Transferable[]) => void} say */
  constructor(say) {
    this.say = say;
    /** @type {Wish | null} */
    this.wish = null;
    /** @type {Generator<void> | null} what is being done for `doing` */
    this.job = null;
    /** @type {Uint8Array | null} */
    this.mask = null;
    /** @type {(import("./pixels.js").Crowded & {mask: Uint8Array | null}) | null} the points by cell */
    this.near = null;
    /** @type {ReturnType<typeof crowdDensity> | null} what is done while there is no wish */
    this.density = null;
    this.ticket = 0; // of the density
    this.counted = "";
    this.turns = new MessageChannel(); // between two slices what came meanwhile is heard
    this.turns.port1.onmessage = () => this.#turn();
  }

  /** Points, which of them are selected, a wish, or that their density is asked for. */
  hear({ buffer, layout, mask, wish, density }) {
    if (buffer) this.#take(buffer, layout);
    if (mask !== undefined) {
      this.mask = mask;
      if (this.near) this.near.mask = mask && reordered(mask, this.order);
    }
    if (!wish && !density) return;
    const idle = !this.wish && !this.density;
    if (wish) this.wish = wish;
    if (density) this.density = this.#weigh(density);
    if (idle) this.turns.port2.postMessage(null);
  }

  #weigh({ covariance, hidden, half, ticket }) {
    this.ticket = ticket;
    const { xy, category, count } = this.points;
    const shown = (i) => !category || !hidden.has(category[i]);
    return crowdDensity({ xy, covariance, count, shown }, half);
  }

  /** Keep what is painted of the points; sort them, and give all back. */
  #take(buffer, layout) {
    const columns = columnsOf(buffer, layout);
    const index = indexOf(columns.xy);
    const [xy, category] = [columns.xy.slice(), columns.category?.slice() ?? null];
    const tints = columns.value ? tintsOf(columns, layout) : category;
    this.points = { xy, category, tints, count: layout.count };
    this.order = index.order.slice();
    this.say({ buffer, index }, [buffer, index.start.buffer, index.order.buffer]);
  }

  #turn() {
    if (this.wish) this.#draw();
    else if (this.density) {
      const { done, value } = this.density.next();
      if (done) this.say({ ...value, ticket: this.ticket }, [value.values.buffer]);
      if (done) this.density = null;
    }
    if (this.wish || this.density) this.turns.port2.postMessage(null);
  }

  #draw() {
    if (this.doing !== this.wish) {
      this.doing = this.wish;
      this.job = this.#work(this.wish);
    }
    if (this.job.next().done && this.doing === this.wish) this.doing = this.wish = null;
  }

  /** @param {Wish} wish */
  *#work(wish) {
    const { points } = this;
    const { view, ratio, moves, passes } = wish;
    const look = { ...wish.look, mask: this.mask };
    const margin = moves ? MARGIN : 0;
    const place = around(view, ratio, margin);
    const few = inSight(points, place, look, FEW);
    if (!few && this.counted !== wish.key) {
      const cells = around(view, 1 / CELL, MARGIN, true);
      const words = new Uint32Array(cells.width * cells.height);
      const near = this.near ?? { ...points, mask: this.mask };
      for (const pass of passes) shade(words, count(near, cells, { ...look, mask: near.mask }, pass.wanted), pass);
      this.#deliver(wish, "counts", cells, words);
      this.counted = wish.key;
    }
    if (!few && moves) return;
    const words = new Uint32Array(place.width * place.height);
    const last = few ? few.length : points.count;
    for (const pass of passes) {
      for (let from = 0; from < last; from += SLICE) {
        paint(words, points, place, look, pass, from, Math.min(from + SLICE, last), few);
        yield;
      }
    }
    this.#deliver(wish, "glyphs", place, words);
    yield;
    this.near ??= this.#neighbours();
  }

  /** Neighbours one after another are counted several times as fast as in any order. */
  #neighbours() {
    const { xy, category, tints, count } = this.points;
    const sorted = (values) => values && reordered(values, this.order);
    const near = { xy: reordered(xy, this.order, 2), category: sorted(category), count, mask: sorted(this.mask) };
    return { ...near, tints: tints === category ? near.category : sorted(tints) };
  }

  #deliver({ key, moves }, kind, { left, top, unit, width, height }, words) {
    const corner = { a: -left / unit, b: top / unit };
    this.say({ key, kind, moves, ...corner, unit, width, height, words }, [words.buffer]);
  }
}

/** Columns of values, so many to a point, in another order. */
function reordered(values, order, width = 1) {
  const next = new values.constructor(values.length);
  for (let k = 0; k < order.length; k++)
    for (let j = 0; j < width; j++) next[width * k + j] = values[width * order[k] + j];
  return next;
}

/**
 * Pixels over a view and a margin around it, so many to a CSS pixel.
 * @param {Seen} view @param {boolean} [still] whether they keep to the plane while the view moves
 * @returns {import("./pixels.js").Place}
 */
function around({ x, y, unit, width, height }, fine, margin, still = false) {
  const [w, h] = [width, height].map((length) => Math.round((length + 2 * margin) * fine));
  const to = unit * fine;
  const [left, top] = [w / 2 - x * to, h / 2 + y * to];
  return { left: still ? Math.round(left) : left, top: still ? Math.round(top) : top, unit: to, width: w, height: h };
}
