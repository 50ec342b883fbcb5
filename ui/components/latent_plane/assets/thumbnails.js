/** Small images of points, fetched as they come into sight and kept. */

import { Latest, rowsAtOnce, Verb } from "./channel.js";
import { showPixels } from "./furniture.js";

const KEPT = 2000;

export class Thumbnails {
  constructor() {
    /** @type {Map<number, HTMLCanvasElement>} */
    this.images = new Map();
    this.fetching = new Latest((wish) => this.#fetch(wish));
  }

  /** @param {number} i a point @returns {HTMLCanvasElement | undefined} */
  get(i) {
    return this.images.get(i);
  }

  /** See to the images of `visible` points; `done` is called when more of them are there. */
  want(visible, points, channel, shape, done) {
    const missing = visible.filter((i) => !this.images.has(i));
    if (missing.length) this.fetching.want({ missing, points, channel, shape, done });
  }

  async #fetch({ missing, points, channel, shape, done }) {
    const now = missing.slice(0, rowsAtOnce({ latent_dim: 0, image_shape: shape }));
    const rows = Uint32Array.from(now, (i) => points.rows[i]);
    const answer = await channel.ask(Verb.IMAGE, now.length, rows);
    const size = shape[0] * shape[1] * shape[2];
    now.forEach((i, k) => {
      const canvas = document.createElement("canvas");
      showPixels(canvas, new Uint8Array(answer.bytes, k * size, size), shape);
      this.images.set(i, canvas);
    });
    for (const i of this.images.keys()) {
      if (this.images.size <= KEPT) break;
      this.images.delete(i);
    }
    done();
  }
}
