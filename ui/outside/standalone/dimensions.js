/** A slider for each latent dimension, and below it the images that it leads through. */

import { Latest, Verb } from "../../components/latent_plane/assets/channel.js";
import { element, showPixels } from "../../components/latent_plane/assets/furniture.js";
import { number } from "../../components/latent_plane/assets/view.js";

const IMAGES = 11; // of a strip

/**
 * @typedef {{names: string[], order: number[], unused: number[], reach: number, by: string}} Told
 *   names: of all dimensions; order: of those in use; by: what orders them
 */

export class Dimensions {
  /**
   * @param {HTMLElement} place @param {Told} told
   * @param {{slide: (dim: number, value: number) => void, rest: (z: number[]) => void}} listener
   *   slide: while a slider moves; rest: when z is to be another for good
   */
  constructor(place, told, listener) {
    place.classList.add("root"); // whose colours a saved figure has
    this.corner = element("span", { class: "saves" }); // a place for the menu, see saving.js
    this.told = told;
    this.listener = listener;
    /** @type {number[]} */
    this.z = [];
    /** @type {Map<number, {input: HTMLInputElement, output: HTMLOutputElement, label: HTMLLabelElement, strip: HTMLCanvasElement}>} */
    this.rows = new Map();
    this.decoding = new Latest((wish) => this.#decode(wish));
    place.append(...told.order.map((dim) => this.#row(dim)));
    if (told.by) place.append(element("p", { class: "quiet" }, [`Ordered by ${told.by}, the most telling first.`]));
    if (!told.unused.length) return;
    const many = told.unused.length > 1 ? "s" : "";
    place.append(
      element("details", {}, [
        element("summary", {}, [`${told.unused.length} unused dimension${many}`]),
        ...told.unused.map((dim) => this.#row(dim)),
      ]),
    );
  }

  #row(dim) {
    const { names, reach } = this.told;
    const name = names[dim];
    const output = element("output");
    const input = element("input", { type: "range", min: -reach, max: reach, step: 0.01, "aria-label": name });
    const strip = element("canvas", {
      role: "img",
      "data-testid": `traversal-${dim}`,
      "aria-label": `Images decoded as ${name} goes from ${number(-reach, 0)} to ${number(reach, 0)}`,
    });
    input.addEventListener("input", () => {
      this.z = this.z.with(dim, input.valueAsNumber);
      this.#say(dim);
      this.listener.slide(dim, input.valueAsNumber);
    });
    input.addEventListener("change", () => this.listener.rest(this.z));
    strip.addEventListener("click", ({ offsetX }) => {
      const k = Math.min(Math.floor((offsetX / strip.clientWidth) * IMAGES), IMAGES - 1);
      this.listener.rest(this.z.with(dim, this.#at(k)));
    });
    const label = element("label", {}, [name, output]);
    this.rows.set(dim, { input, output, label, strip });
    return element("div", { class: "dimension" }, [label, input, strip]);
  }

  /** The value at the middle of image k, where the slider's thumb would be above it. */
  #at(k) {
    return Math.round(((k + 0.5) / IMAGES - 0.5) * 200 * this.told.reach) / 100;
  }

  /** The strips that are in view, and the values that each leads through. */
  get strips() {
    const rows = [...this.rows].filter(([, { strip }]) => strip.clientHeight);
    return {
      names: rows.map(([dim]) => this.told.names[dim]),
      values: Array.from({ length: IMAGES }, (_, k) => this.#at(k)),
      labels: rows.map(([, { label }]) => label),
      canvases: rows.map(([, { strip }]) => strip),
    };
  }

  #say(dim) {
    this.rows.get(dim).output.textContent = number(this.z[dim], 2);
  }

  /** Stand at z. @param {number[]} z */
  show(z) {
    this.z = z;
    for (const [dim, { input }] of this.rows) {
      input.valueAsNumber = z[dim];
      this.#say(dim);
    }
  }

  /** Decode the strips through z. @param {{ask: Function}} channel @param {[number, number, number]} shape */
  traverse(channel, shape) {
    this.decoding.want({ channel, shape, z: this.z });
  }

  async #decode({ channel, shape, z }) {
    for (const [dim, { strip }] of this.rows) {
      if (this.decoding.next) return; // another z came
      const rows = Array.from({ length: IMAGES }, (_, k) => z.with(dim, this.#at(k)));
      const { bytes } = await channel.ask(Verb.DECODE, IMAGES, Float32Array.from(rows.flat()));
      showPixels(strip, new Uint8Array(bytes), shape, IMAGES);
    }
  }
}
