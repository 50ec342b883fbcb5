/** The stops of a way: set, dragged and removed, with the film between them. */

import { Latest, rowsAtOnce, Verb } from "./channel.js";
import { drawPath, drawStop } from "./scene.js";
import { along } from "./way.js";

const NEAR_PX = 14;
const SMOOTH = 24; // places on a leg, for the eye and for what is near to it

export class Stops {
  /** @param {import("./plane.js").LatentPlane} plane */
  constructor(plane) {
    this.plane = plane;
    /** @type {number[][]} */
    this.all = [];
    this.active = 0;
    /** @type {string} what Python knows of them */
    this.known = "";
    this.decoding = new Latest((since) => this.#decode(since));
  }

  /** Python's stops. @param {number[][]} stops */
  given(stops) {
    this.all = stops;
    this.active = Math.min(this.active, Math.max(stops.length - 1, 0));
    this.known = JSON.stringify(stops);
  }

  /** @returns {number[] | undefined} the chosen one */
  get chosen() {
    return this.all[this.active];
  }

  /** Does the way take no more stops? */
  get full() {
    const { way } = this.plane.data;
    return Boolean(way) && this.all.length >= (way.most ?? Infinity);
  }

  get limit() {
    return `${this.plane.data.way.most} stops at most`;
  }

  /** The places of the film's frames, as the page counts them. @returns {number[][]} */
  get frames() {
    const { method, steps } = this.plane.data.way;
    return along(this.all, method, steps);
  }

  #near(z, px, py) {
    const [x, y] = this.plane.view.toPixels(...this.plane.slice.place(z));
    return Math.hypot(x - px, y - py) <= NEAR_PX;
  }

  /** The stop under a pointer, or -1. */
  at(px, py) {
    return this.all.findLastIndex((z) => this.#near(z, px, py));
  }

  /**
   * The stop under a pointer, or the new one that a press would set: on a leg it divides it,
   * elsewhere it is the end.
   * @returns {{z: number[], at: number, isNew: boolean}}
   */
  under(px, py) {
    const { data, slice, view, z } = this.plane;
    const known = this.at(px, py);
    if (known >= 0) return { z: this.all[known], at: known, isNew: false };
    const leg = this.all.findIndex(
      (stop, k) =>
        k + 1 < this.all.length &&
        along([stop, this.all[k + 1]], data.way.method, SMOOTH).some((place) => this.#near(place, px, py)),
    );
    const at = leg < 0 ? this.all.length : leg + 1;
    const from = this.all[Math.max(at - 1, 0)] ?? z;
    return { z: slice.moved(from, view.toPlane(px, py)), at, isNew: true };
  }

  /** Choose the stop under a pointer, or set it. @returns {boolean} whether there is one now */
  take(px, py) {
    const { z, at, isNew } = this.under(px, py);
    if (isNew && this.#refuses()) return false;
    this.active = at;
    if (isNew) this.all = this.all.toSpliced(at, 0, z);
    return true;
  }

  #refuses() {
    if (this.full) this.plane.readout.announce(this.limit);
    return this.full;
  }

  /** Move the chosen stop to (a, b) of the plane. @param {[number, number]} place */
  move(place) {
    this.all = this.all.with(this.active, this.plane.slice.moved(this.chosen, place));
  }

  /** Choose the next or the one before. @param {1 | -1} step @returns {boolean} */
  choose(step) {
    const to = this.active + step;
    if (!this.all[to]) return false;
    this.active = to;
    this.look();
    return true;
  }

  /** A new stop half-way along a leg of the chosen one. @returns {boolean} */
  divide() {
    const leg = Math.min(this.active, this.all.length - 2);
    if (leg < 0 || this.#refuses()) return false;
    const [, middle] = along(this.all.slice(leg, leg + 2), this.plane.data.way.method, 3);
    this.active = leg + 1;
    this.all = this.all.toSpliced(this.active, 0, middle);
    this.look();
    return true;
  }

  /** A way has two ends at least. @returns {boolean} whether the stop was removed */
  remove(at) {
    if (at < 0 || this.all.length <= 2) return false;
    this.all = this.all.toSpliced(at, 1);
    this.active = Math.min(this.active, this.all.length - 1);
    this.look();
    return true;
  }

  /** Announce the chosen stop, and let Python know of all. */
  tell() {
    const { plane } = this;
    plane.readout.announce(
      `Stop ${this.active + 1} of ${this.all.length}: ${plane.readout.inWords(this.chosen)}`,
    );
    const now = JSON.stringify(this.all);
    if (now !== this.known) plane.tell("stops", this.all);
    this.known = now;
  }

  look(since = performance.now()) {
    if (this.plane.channel && this.all.length > 1) this.decoding.want(since);
  }

  /** The chosen stop as the large image, and the frames of the film: in few requests. */
  async #decode(since) {
    const { channel, hello, beside } = this.plane;
    const { frames, chosen } = this;
    const frame = this.active * (this.plane.data.way.steps - 1);
    const [c, h, w] = hello.image_shape;
    const size = c * h * w;
    const film = new Uint8Array(frames.length * size);
    const rows = [chosen, ...frames];
    const atOnce = rowsAtOnce(hello);
    for (let from = 0; from < rows.length; from += atOnce) {
      const some = rows.slice(from, from + atOnce);
      const answer = await channel.ask(Verb.DECODE, some.length, Float32Array.from(some.flat()));
      const pixels = new Uint8Array(answer.bytes);
      if (from === 0 && !this.plane.ghost) this.plane.painted(pixels.subarray(0, size), chosen, since, answer.where);
      film.set(from === 0 ? pixels.subarray(size) : pixels, Math.max(from - 1, 0) * size);
    }
    const known = JSON.stringify(this.all) === JSON.stringify(this.plane.data.way.stops);
    beside.showFilm(film, frames.length, frame, known);
  }

  draw(c) {
    const { view, theme, data, slice } = this.plane;
    if (this.all.length > 1) {
      const way = along(this.all, data.way.method, Math.max(data.way.steps, SMOOTH));
      drawPath(c, view, theme, way.map((z) => slice.place(z)), data.colours.z);
    }
    this.all.forEach((z, k) =>
      drawStop(c, view, theme, slice.place(z), String(k + 1), data.colours.z, k === this.active),
    );
  }
}
