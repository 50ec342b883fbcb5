/** A drawing on the plane: q(z|x) as mean and ellipse, and z = mu + sigma eps drawn from it. */

import { Latest, Verb } from "./channel.js";
import { Pad } from "./pad.js";
import { drawCursor, drawEllipse, drawPath } from "./scene.js";
import { number } from "./view.js";

export class Drawing {
  /** @param {import("./plane.js").LatentPlane} plane */
  constructor(plane) {
    this.plane = plane;
    /** @type {Pad | null} */
    this.pad = null;
    /** @type {{mu: number[], sigma: number[]} | null} q(z|x) */
    this.posterior = null;
    /** @type {Uint8Array | null} the image that was encoded last, h x w x c */
    this.pixels = null;
    /** @type {number[] | null} the cursor, while it stands where the drawing put it */
    this.z = null;
    /** @type {{pixels: Uint8Array, since: number} | null} what is not encoded yet */
    this.wish = null;
    this.ended = false; // a stroke has, of which Python has not heard
    this.encoding = new Latest((wish) => this.#encode(wish));
  }

  /** Show the pad with a preparation, or none. @param {"mnist" | "fit" | null} preparation */
  show(preparation) {
    if (preparation && !this.pad)
      this.pad = new Pad(this.plane.parts.side, {
        image: (pixels, since) => this.encoding.want({ pixels, since }),
        done: () => this.#done(),
        cleared: () => this.#forget(),
        resample: () => this.#resample(),
        zoom: () => this.#zoom(),
      });
    if (!preparation && this.pad) {
      this.pad.remove();
      this.pad = null;
    }
    if (!this.pad) return;
    this.pad.prepareFor(preparation, this.plane.hello?.image_shape ?? null);
  }

  /** Once the model answers: what it did not hear of before. */
  again() {
    const [c, h, w] = this.plane.hello.image_shape;
    if (this.wish?.pixels.length !== c * h * w) return; // none, or another model's
    this.encoding.want(this.wish);
    if (this.ended) this.#done();
  }

  async #encode(wish) {
    const { pixels, since } = (this.wish = wish);
    const answer = await this.plane.channel.ask(Verb.ENCODE, 1, pixels);
    if (this.wish !== wish) return; // the pad was cleared, or a newer one waits
    this.wish = null;
    const values = Array.from(new Float32Array(answer.bytes));
    const d = this.plane.hello.latent_dim;
    const mu = values.slice(0, d);
    this.pixels = pixels;
    this.posterior = { mu, sigma: values.slice(d).map((logvar) => Math.exp(0.5 * logvar)) };
    this.#goTo(mu, "μ", since);
  }

  /** Python hears of z when the stroke has ended and its last image is encoded. */
  async #done() {
    this.ended = true;
    await this.encoding.running;
    if (this.wish || !this.posterior || !this.ended) return;
    this.ended = false;
    if (this.plane.data.tellsDrawing) this.plane.tell("drawn", base64(this.pixels));
    this.plane.tellZ();
  }

  #forget() {
    this.posterior = this.wish = null;
    this.ended = false;
    this.plane.invalidate();
  }

  /** z = mu + sigma eps with a new eps. */
  #resample() {
    if (!this.posterior) return;
    const { mu, sigma } = this.posterior;
    this.#goTo(mu.map((m, k) => m + sigma[k] * gaussian()), "z = μ + σ · ε", performance.now());
    this.plane.tellZ();
  }

  /** Bring q(z|x) into view as large as the prior is at home. */
  #zoom() {
    if (!this.posterior) return;
    const { view, slice } = this.plane;
    const [x, y] = slice.place(this.posterior.mu);
    const [va, , vb] = slice.covariance(this.posterior.sigma);
    view.lookAt(x, y, 3.2 * Math.sqrt(Math.max(va, vb)));
    this.plane.viewMoves();
  }

  #goTo(z, name, since) {
    const { plane, pad } = this;
    this.z = plane.z = z.map((x) => Math.round(x * 1e4) / 1e4);
    plane.ghost = plane.led = null;
    const [a, b] = plane.slice.place(plane.z);
    const spread = plane.slice.covariance(this.posterior.sigma);
    const [sa, sb] = [spread[0], spread[2]].map((v) => number(Math.sqrt(v), 2));
    if (pad)
      pad.words.textContent = `${name} at (${number(a, 2)}, ${number(b, 2)}), σ = (${sa}, ${sb}) in the plane`;
    plane.look(since);
    plane.invalidate();
  }

  draw(c) {
    if (!this.posterior) return;
    const { view, theme, slice, data, z } = this.plane;
    const { mu, sigma } = this.posterior;
    const mean = slice.place(mu);
    drawEllipse(c, view, theme, mean, slice.covariance(sigma), data.colours.sigma);
    if (this.z === z) drawPath(c, view, theme, [mean, slice.place(z)], data.colours.eps);
    drawCursor(c, view, theme, mean, data.colours.mu, { ghost: true });
  }
}

/** @param {Uint8Array} bytes */
function base64(bytes) {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

/** One draw from N(0, 1) (Box & Muller 1958). */
function gaussian() {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}
