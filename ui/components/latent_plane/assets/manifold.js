/** The decoded manifold as a backdrop: images all over what is in view, fetched when wanted. */

import { Latest, rowsAtOnce, Verb } from "./channel.js";
import { showPixels } from "./furniture.js";
import { drawBackdrop } from "./scene.js";

const SIDE = 20; // images along the shorter side
const MOST_PX = 64; // of an image, which is seen smaller

export class Manifold {
  /** @param {import("./plane.js").LatentPlane} plane */
  constructor(plane) {
    this.plane = plane;
    this.decoding = new Latest((wish) => this.#decode(wish));
    this.forget();
  }

  /** New points, or a new model behind the same name. */
  forget() {
    /** @type {{wish: string, extent: number[], picture: HTMLCanvasElement} | null} */
    this.kept = null;
  }

  /** The images of the plane on which z lies, as far as it is in view, unless they are there. */
  lookAround() {
    const { on, z, hello, slice, view } = this.plane;
    if (!on.has("manifold") || !z || !hello || !view.width) return;
    const [, height, width] = hello.image_shape;
    const pitch = (2 * view.half) / SIDE / Math.max(width, height);
    const [x, y] = [this.#cells(view.x, view.width, pitch * width), this.#cells(view.y, view.height, pitch * height)];
    const wish = JSON.stringify([slice.through(z), x, y]);
    if (this.kept?.wish !== wish) this.decoding.want({ wish, z, x, y });
  }

  /** Cells of one axis at multiples of their size, so that images stay in place while it moves. */
  #cells(middle, pixels, size) {
    const reach = pixels / 2 / this.plane.view.unit;
    const first = Math.floor((middle - reach) / size);
    return { first, size, count: Math.ceil((middle + reach) / size) - first };
  }

  async #decode({ wish, z, x, y }) {
    const { channel, hello, slice } = this.plane;
    const [channels, height, width] = hello.image_shape;
    const length = channels * height * width;
    const smaller = Math.min(1, MOST_PX / Math.max(width, height));
    const [w, h] = [width, height].map((side) => Math.max(1, Math.round(side * smaller)));
    const picture = document.createElement("canvas");
    Object.assign(picture, { width: x.count * w, height: y.count * h });
    const c = picture.getContext("2d");
    const tile = document.createElement("canvas");
    const at = ({ first, size }, k) => (first + k + 0.5) * size;
    const places = Array.from({ length: x.count * y.count }, (_, k) =>
      slice.moved(z, [at(x, k % x.count), at(y, y.count - 1 - Math.floor(k / x.count))]),
    );
    const atOnce = rowsAtOnce(hello);
    for (let from = 0; from < places.length; from += atOnce) {
      const some = places.slice(from, from + atOnce);
      const answer = await channel.ask(Verb.DECODE, some.length, Float32Array.from(some.flat()));
      some.forEach((_, k) => {
        showPixels(tile, new Uint8Array(answer.bytes, k * length, length), hello.image_shape);
        c.drawImage(tile, ((from + k) % x.count) * w, Math.floor((from + k) / x.count) * h, w, h);
      });
    }
    const extent = [x, y].flatMap(({ first, size, count }) => [first * size, (first + count) * size]);
    this.kept = { wish, extent, picture };
    this.plane.invalidate(true);
  }

  draw(c) {
    if (!this.kept) return;
    const { view, points } = this.plane;
    drawBackdrop(c, view, this.kept.picture, this.kept.extent, points?.count ? 0.45 : 1);
  }
}
