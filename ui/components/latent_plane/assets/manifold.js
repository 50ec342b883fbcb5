/** The decoded manifold as a backdrop: an image for each place of a grid on the plane, fetched when wanted. */

import { Latest, MAX_ROWS, Verb } from "./channel.js";
import { showPixels } from "./furniture.js";
import { drawBackdrop } from "./scene.js";

const SIDE = 20;

export class Manifold {
  /** @param {import("./plane.js").LatentPlane} plane */
  constructor(plane) {
    this.plane = plane;
    this.decoding = new Latest((wish) => this.#decode(wish));
    this.forget();
  }

  /** New points, or a new model behind the same name. */
  forget() {
    /** @type {{through: string, half: number, picture: HTMLCanvasElement} | null} */
    this.kept = null;
  }

  /** The grid for the plane on which z lies, unless it is there. */
  lookAround() {
    const { on, z, hello, slice, view } = this.plane;
    if (!on.has("manifold") || !z || !hello) return;
    const through = slice.through(z);
    const { half } = view.home;
    if (this.kept?.through !== through || this.kept.half !== half)
      this.decoding.want({ through, half, z });
  }

  async #decode({ through, half, z }) {
    const { channel, hello, slice } = this.plane;
    const [channels, height, width] = hello.image_shape;
    const size = channels * height * width;
    const picture = document.createElement("canvas");
    Object.assign(picture, { width: SIDE * width, height: SIDE * height });
    const c = picture.getContext("2d");
    const tile = document.createElement("canvas");
    const at = (k) => -half + ((k + 0.5) * 2 * half) / SIDE;
    const places = Array.from({ length: SIDE * SIDE }, (_, k) =>
      slice.moved(z, [at(k % SIDE), -at(Math.floor(k / SIDE))]),
    );
    for (let from = 0; from < places.length; from += MAX_ROWS) {
      const some = places.slice(from, from + MAX_ROWS);
      const answer = await channel.ask(Verb.DECODE, some.length, Float32Array.from(some.flat()));
      some.forEach((_, k) => {
        showPixels(tile, new Uint8Array(answer.bytes, k * size, size), hello.image_shape);
        c.drawImage(tile, ((from + k) % SIDE) * width, Math.floor((from + k) / SIDE) * height);
      });
    }
    this.kept = { through, half, picture };
    this.plane.invalidate(true);
  }

  draw(c) {
    if (!this.kept) return;
    const { view, points } = this.plane;
    const { half, picture } = this.kept;
    drawBackdrop(c, view, picture, [-half, half, -half, half], points?.count ? 0.45 : 1);
  }
}
