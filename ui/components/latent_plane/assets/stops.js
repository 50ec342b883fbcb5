/** The stops of a way: set, dragged and removed, with the film strip between them. */

import { Latest, MAX_ROWS, Verb } from "./channel.js";
import { showPixels } from "./furniture.js";
import { drawPath, drawStop } from "./scene.js";
import { along } from "./way.js";

const NEAR_PX = 14;
const TILE_PX = 40; // the least width of an image on the strip

export class Stops {
  /** @param {import("./plane.js").LatentPlane} plane */
  constructor(plane) {
    this.plane = plane;
    /** @type {number[][]} */
    this.all = [];
    this.active = 0;
    this.decoding = new Latest((since) => this.#decode(since));
  }

  /** @returns {number[] | undefined} the chosen one */
  get chosen() {
    return this.all[this.active];
  }

  #near(z, px, py) {
    const [x, y] = this.plane.view.toPixels(...this.plane.slice.place(z));
    return Math.hypot(x - px, y - py) <= NEAR_PX;
  }

  /** The stop under a pointer, or -1. */
  at(px, py) {
    return this.all.findLastIndex((z) => this.#near(z, px, py));
  }

  /** Choose the stop under a pointer, or a new one: on a leg it divides it, elsewhere it is the end. */
  take(px, py) {
    this.active = this.at(px, py);
    if (this.active >= 0) return;
    const { data, slice, view, z } = this.plane;
    const leg = this.all.findIndex(
      (stop, k) =>
        k + 1 < this.all.length &&
        along([stop, this.all[k + 1]], data.way.method, 24).some((place) => this.#near(place, px, py)),
    );
    this.active = leg < 0 ? this.all.length : leg + 1;
    const from = this.all[Math.max(this.active - 1, 0)] ?? z;
    this.all = this.all.toSpliced(this.active, 0, slice.moved(from, view.toPlane(px, py)));
  }

  /** Move the chosen stop to (a, b) of the plane. @param {[number, number]} place */
  move(place) {
    this.all = this.all.with(this.active, this.plane.slice.moved(this.chosen, place));
  }

  /** A way has two ends at least. @returns {boolean} whether the stop was removed */
  remove(at) {
    if (at < 0 || this.all.length <= 2) return false;
    this.all = this.all.toSpliced(at, 1);
    this.active = Math.min(this.active, this.all.length - 1);
    this.plane.tell("stops", this.all);
    this.look();
    this.plane.invalidate();
    return true;
  }

  look(since = performance.now()) {
    const { data, channel } = this.plane;
    if (data.way && channel && this.all.length > 1) this.decoding.want(since);
  }

  /** The film strip, thinned to what fits, and the chosen stop as the large image: one request. */
  async #decode(since) {
    const { data, host, channel, hello, parts } = this.plane;
    const way = along(this.all, data.way.method, data.way.steps);
    const room = Math.max(2, Math.min(way.length, MAX_ROWS - 1, Math.floor(host.clientWidth / TILE_PX)));
    const places = Array.from({ length: room }, (_, k) => way[Math.round((k * (way.length - 1)) / (room - 1))]);
    const stop = this.chosen;
    const rows = [...places, stop];
    const answer = await channel.ask(Verb.DECODE, rows.length, Float32Array.from(rows.flat()));
    const [c, h, w] = hello.image_shape;
    showPixels(parts.strip, new Uint8Array(answer.bytes), [c, h, w], room, Math.ceil(w / 14));
    if (!this.plane.ghost && data.mode === "stops")
      this.plane.painted(new Uint8Array(answer.bytes, room * c * h * w), stop, since);
  }

  draw(c) {
    const { view, theme, data, slice } = this.plane;
    if (this.all.length > 1) {
      const way = along(this.all, data.way.method, Math.max(data.way.steps, 24));
      drawPath(c, view, theme, way.map((z) => slice.place(z)), data.colours.z);
    }
    this.all.forEach((z, k) =>
      drawStop(c, view, theme, slice.place(z), String(k + 1), data.colours.z, k === this.active),
    );
  }
}
