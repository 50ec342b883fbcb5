/**
 * Which class a classifier tells at every place of the plane, and how sure it is: by the code z, or
 * by the image that z decodes to. Both are linear, `vae_core.measures.codes.regions` fits them.
 */

import { Latest, rowsAtOnce, Verb } from "./channel.js";
import { rgb } from "./colours.js";
import { element, showPixels } from "./furniture.js";
import { drawBackdrop, drawCursor, drawPath } from "./scene.js";
import { number } from "./view.js";
import { norm } from "./way.js";

const NODES = [14, 40]; // a side, whose images are decoded, few at first; between them logits are interpolated
const CELL = 2; // pixels of the canvas to one of the picture
const TINT = 0.3; // of a class's colour
const BORDER = 0.55; // of ink, between two classes
const INK = 0.75; // of ink, where all classes are as likely
const FRAMES = 6; // of the way to another class,
const BEYOND = 1.5; // which goes on behind the border

/**
 * A linear classifier: logits W x + b, natural logarithms.
 * @typedef {{labels: Uint32Array, images: number, real: boolean, weight: Float32Array, bias: Float32Array}} Linear
 */

/** As `live/weights/classifier.py` packs it. @param {ArrayBuffer} bytes @returns {Linear} */
export function unpacked(bytes) {
  const [k, n, images, real] = new Uint32Array(bytes, 0, 4);
  const from = 16 + 4 * k;
  return {
    images,
    real: real === 1,
    labels: new Uint32Array(bytes, 16, k),
    weight: new Float32Array(bytes, from, k * n),
    bias: new Float32Array(bytes, from + 4 * k * n, k),
  };
}

/** Of pixels in the order in which images come, h x w x c, and from 0 to 255. @param {Linear} linear @returns {Linear} */
export function ofPixels(linear, [channels, height, width]) {
  const area = height * width;
  const n = channels * area;
  const weight = linear.weight.map((_, at) => {
    const [k, pixel] = [Math.floor(at / n), at % n];
    const [place, channel] = [Math.floor(pixel / channels), pixel % channels];
    return linear.weight[k * n + channel * area + place] / 255;
  });
  return { ...linear, weight };
}

/** @param {Linear} linear @param {ArrayLike<number>} x @param {Float32Array} [out] */
export function logits({ weight, bias }, x, out = new Float32Array(bias.length)) {
  for (let k = 0, at = 0; k < bias.length; k++) {
    let sum = bias[k];
    for (let i = 0; i < x.length; i++, at++) sum += weight[at] * x[i];
    out[k] = sum;
  }
  return out;
}

/** The likeliest class, its probability, and the entropy of all in nats. @param {Float32Array} values */
export function judged(values) {
  const best = likeliest(values);
  let [sum, mean] = [0, 0];
  for (const value of values) {
    const odds = Math.exp(value - values[best]);
    sum += odds;
    mean += odds * (value - values[best]);
  }
  return { best, share: 1 / sum, entropy: Math.log(sum) - mean / sum };
}

/** @param {Float32Array} values */
function likeliest(values) {
  let best = 0;
  for (let k = 1; k < values.length; k++) if (values[k] > values[best]) best = k;
  return best;
}

/**
 * The nearest place to z beyond which another class is told: at the foot of the perpendicular on a hyperplane.
 * @param {Linear} linear @param {number[]} z
 */
export function nearestOther({ weight, bias }, z) {
  const values = logits({ weight, bias }, z);
  const { best } = judged(values);
  let nearest = { other: -1, away: Infinity, foot: z };
  for (let k = 0; k < bias.length; k++) {
    if (k === best) continue;
    const normal = z.map((_, i) => weight[k * z.length + i] - weight[best * z.length + i]);
    const length = norm(normal);
    const away = length ? (values[best] - values[k]) / length : Infinity;
    const foot = () => z.map((x, i) => x + (away * normal[i]) / length);
    if (away < nearest.away) nearest = { other: k, away, foot: foot() };
  }
  return nearest;
}

export class Regions {
  /** @param {import("./plane.js").LatentPlane} plane */
  constructor(plane) {
    this.plane = plane;
    this.asking = new Latest((wish) => this.#ask(wish));
    this.walking = new Latest((way) => this.#walk(way));
    this.strip = element("canvas", { class: "strip", role: "img", "data-testid": "way-strip" });
    this.forget();
  }

  /** New points, or a new model behind the same name. */
  forget() {
    /** @type {{url: string, linear: Linear | null, why: string} | null} */
    this.told = null;
    /** @type {{wish: string, url: string, half: number, side: number, values: Float32Array} | null} logits on a grid, rows from the bottom */
    this.nodes = null;
    /** @type {{z: number[], values: Float32Array} | null} of the image decoded last */
    this.image = null;
    this.kept = null;
    this.walked = false;
  }

  /** The layers that there are; what is further asked of classes, once they are shown. @returns {Record<string, string>} */
  get names() {
    const { points, plane, classifiers } = this.plane.data;
    if (!plane || !classifiers || !(points?.classes?.length > 1)) return {};
    const both = classifiers.codes && classifiers.images && { "by-images": "By images" };
    return { regions: "Classes", ...(this.shown && { entropy: "Entropy", ...both }) };
  }

  /** By what classes are told: where there are both, the visitor's choice. */
  get of() {
    const { on, data } = this.plane;
    const { codes, images } = data.classifiers ?? {};
    return images && (!codes || on.has("by-images")) ? "images" : "codes";
  }

  get shown() {
    const { on, data } = this.plane;
    return Boolean(data.classifiers && data.plane && (on.has("regions") || on.has("entropy")));
  }

  /** The classifier in view, once it is here. */
  get linear() {
    return this.shown && this.told?.url === this.plane.data.classifiers[this.of] ? this.told.linear : null;
  }

  /** All over the plane, unless it is there for this one through latent space. */
  lookAround() {
    const { z, hello, slice, data } = this.plane;
    if (!this.shown || !z || !hello) return;
    const url = data.classifiers[this.of];
    const wish = JSON.stringify([url, slice.through(z)]);
    if (this.nodes?.wish !== wish) this.asking.want({ wish, url, of: this.of, z });
  }

  async #ask({ wish, url, of, z }) {
    const { plane } = this;
    const linear = await this.#classifier(url, of);
    if (!linear || this.nodes?.wish === wish) return;
    const half = plane.view.home.half * 1.5;
    for (const side of of === "codes" ? [2] : NODES) { // logits of codes are affine: four corners say all
      if (this.asking.next) return; // another plane is wanted by now
      const values = await this.#values(linear, of, z, half, side);
      this.nodes = { wish, url, half, side, values };
      plane.invalidate(true);
    }
  }

  /** Logits at side x side places of the plane through z. @returns {Promise<Float32Array>} */
  async #values(linear, of, z, half, side) {
    const { plane } = this;
    const values = new Float32Array(side * side * linear.bias.length);
    const place = (k) => [k % side, Math.floor(k / side)].map((m) => -half + (2 * half * m) / (side - 1));
    const out = (k) => values.subarray(k * linear.bias.length, (k + 1) * linear.bias.length);
    const atOnce = of === "codes" ? side * side : rowsAtOnce(plane.hello);
    for (let from = 0; from < side * side; from += atOnce) {
      const rows = Math.min(atOnce, side * side - from);
      const some = Array.from({ length: rows }, (_, k) => plane.slice.moved(z, place(from + k)));
      if (of === "codes") some.forEach((code, k) => logits(linear, code, out(from + k)));
      else {
        const answer = await plane.channel.ask(Verb.DECODE, rows, Float32Array.from(some.flat()));
        const size = answer.bytes.byteLength / rows;
        some.forEach((_, k) => logits(linear, new Uint8Array(answer.bytes, k * size, size), out(from + k)));
      }
    }
    return values;
  }

  /** @param {string} url @param {"codes" | "images"} of @returns {Promise<Linear | null>} */
  async #classifier(url, of) {
    const { plane } = this;
    if (this.told?.url === url) return this.told.linear;
    const found = await read(url, plane.root).catch(() => null);
    if (!found) return null;
    let linear = found.bytes ? unpacked(found.bytes) : null;
    if (linear && of === "images") linear = ofPixels(linear, plane.hello.image_shape);
    this.told = { url, linear, why: found.why };
    this.image = null;
    plane.look(); // what is decoded now is told, too
    plane.invalidate();
    return linear;
  }

  /** An image was decoded. @param {Uint8Array} pixels @param {number[]} z */
  see(pixels, z) {
    const { linear } = this;
    if (linear && this.of === "images") this.image = { z, values: logits(linear, pixels) };
  }

  /** What is told at `z`, as elements. @param {number[]} z */
  figures(z) {
    const { linear, of, image, plane } = this;
    if (!this.shown) return [];
    if (this.told?.why) return [element("span", {}, [this.told.why])];
    if (!linear) return [element("span", {}, ["learning the classes…"])];
    const values = of === "codes" ? logits(linear, z) : image?.values;
    if (!values) return [];
    const { best, share, entropy } = judged(values);
    const from = of === "codes" ? "the means μ of" : linear.real ? "the pixels of" : "what is decoded from the means μ of";
    const learned = `Logistic regression, learned from ${from} ${linear.images.toLocaleString("en")} test images`;
    const name = (k) => plane.points.layout.classes[linear.labels[k]] ?? String(linear.labels[k]);
    const what = of === "codes" ? "code" : "image";
    const lines = [`its ${what} is told ${name(best)}, ${(100 * share).toFixed(0)}%`, `entropy ${number(entropy, 2)} nats`];
    const { other, away } = of === "codes" ? nearestOther(linear, z) : { other: -1, away: 0 };
    if (other >= 0) lines.push(`nearest other: ${name(other)}, ${number(away, 2)} away`);
    return lines.map((line) => element("span", { title: learned }, [line]));
  }

  /** Where the nearest border to z lies, where the page does not show the way itself. @param {number[]} z */
  #nearest(z) {
    if (!this.linear || this.of !== "codes" || this.plane.data.ways.length || !z) return null;
    const nearest = nearestOther(this.linear, z);
    return nearest.other < 0 ? null : nearest;
  }

  /** Z was decoded: so is the way from it into the next region. @param {number[]} z */
  look(z) {
    const nearest = this.#nearest(z);
    if (!nearest) return;
    const at = (k) => z.map((x, i) => x + (BEYOND * k * (nearest.foot[i] - x)) / (FRAMES - 1));
    this.walking.want(Array.from({ length: FRAMES }, (_, k) => at(k)));
  }

  async #walk(way) {
    const { channel, hello } = this.plane;
    const answer = await channel.ask(Verb.DECODE, FRAMES, Float32Array.from(way.flat()));
    showPixels(this.strip, new Uint8Array(answer.bytes), hello.image_shape, FRAMES);
    this.walked = true;
    this.plane.invalidate();
  }

  /** The way decoded, to stand below the figures. @returns {HTMLElement[]} */
  strips(z) {
    const nearest = this.#nearest(z);
    if (!nearest || !this.walked) return [];
    const { labels } = this.linear;
    const name = this.plane.points?.layout.classes[labels[nearest.other]] ?? "";
    this.strip.setAttribute("aria-label", `Images from z to the nearest z that is told ${name}, and beyond`);
    return [this.strip];
  }

  draw(c) {
    const { nodes, linear, plane } = this;
    const { view, on, theme } = plane;
    if (!nodes || !linear || nodes.url !== this.told.url) return;
    const [left, bottom] = view.toPlane(0, view.height);
    const [right, top] = view.toPlane(view.width, 0);
    const extent = [left, right, bottom, top];
    const key = JSON.stringify([nodes.wish, nodes.side, extent, on.has("regions"), on.has("entropy"), theme.text]);
    if (this.kept?.key !== key) this.kept = { key, picture: this.#picture(nodes, linear, extent) };
    drawBackdrop(c, view, this.kept.picture, extent, 1);
  }

  /** The way from z to the nearest border, seen on the plane, unless the page draws one. */
  drawWay(c) {
    const { view, theme, slice, data, shown } = this.plane;
    const nearest = this.#nearest(shown);
    if (!nearest) return;
    drawPath(c, view, theme, [slice.place(shown), slice.place(nearest.foot)], data.colours.z, true);
    drawCursor(c, view, theme, slice.place(nearest.foot), data.colours.z, { ghost: true });
  }

  /** What is in view, a pixel for each CELL of the canvas. */
  #picture(nodes, linear, [left, right, bottom, top]) {
    const { view, on, data, theme } = this.plane;
    const [width, height] = [view.width, view.height].map((side) => Math.max(1, Math.round(side / CELL)));
    const colours = Array.from(linear.labels, (k) => rgb(data.colours.classes[k % data.colours.classes.length]));
    const [ink, most] = [rgb(theme.text), Math.log(colours.length)];
    const image = new ImageData(width, height);
    const [values, row] = [new Float32Array(colours.length), new Float32Array(nodes.side * colours.length)];
    const [tint, doubts] = [on.has("regions") ? TINT : 0, on.has("entropy")];
    let [above, here] = [new Int16Array(width), new Int16Array(width)];
    for (let y = 0; y < height; y++) {
      [above, here] = [here, above];
      const inRow = across(nodes, top + ((y + 0.5) / height) * (bottom - top), row);
      for (let x = 0; x < width; x++) {
        const inside = inRow && at(nodes, row, left + ((x + 0.5) / width) * (right - left), values);
        const best = (here[x] = inside ? likeliest(values) : -1);
        if (best < 0) continue;
        const border = (x > 0 && here[x - 1] !== best) || (y > 0 && above[x] !== best);
        const doubt = doubts ? (INK * judged(values).entropy) / most : 0;
        const dark = Math.max(doubt, border && tint ? BORDER : 0);
        const alpha = 1 - (1 - tint) * (1 - dark);
        const to = 4 * (y * width + x);
        const colour = colours[best];
        for (let i = 0; alpha && i < 3; i++) image.data[to + i] = (ink[i] * dark + colour[i] * tint * (1 - dark)) / alpha;
        image.data[to + 3] = 255 * alpha;
      }
    }
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width, height });
    canvas.getContext("2d").putImageData(image, 0, 0);
    return canvas;
  }
}

/** What is at a URL, or why there is nothing; a page that may ask nobody has it in the URL itself. @param {URL} root */
async function read(url, root) {
  if (url.startsWith("data:")) {
    const text = atob(url.slice(url.indexOf(",") + 1));
    return { bytes: Uint8Array.from(text, (c) => c.charCodeAt(0)).buffer, why: "" };
  }
  const response = await fetch(new URL(url, root));
  return response.ok ? { bytes: await response.arrayBuffer(), why: "" } : { bytes: null, why: await response.text() };
}

/**
 * Logits along a row of the grid at height b, (side, K); beyond the grid only what is affine has any.
 * @param {{half: number, side: number, values: Float32Array}} nodes @param {Float32Array} row
 */
function across({ half, side, values }, b, row) {
  const y = ((b + half) / (2 * half)) * (side - 1);
  if (side > 2 && !(y >= 0 && y <= side - 1)) return false;
  const below = Math.min(Math.max(Math.floor(y), 0), side - 2);
  const [t, from, length] = [y - below, below * row.length, row.length];
  for (let i = 0; i < length; i++) row[i] = values[from + i] * (1 - t) + values[from + length + i] * t;
  return true;
}

/** Of these the logits at a. @param {{half: number, side: number}} nodes @param {Float32Array} row @param {Float32Array} out */
function at({ half, side }, row, a, out) {
  const x = ((a + half) / (2 * half)) * (side - 1);
  if (side > 2 && !(x >= 0 && x <= side - 1)) return false;
  const before = Math.min(Math.max(Math.floor(x), 0), side - 2);
  const [s, from] = [x - before, before * out.length];
  for (let k = 0; k < out.length; k++) out[k] = row[from + k] * (1 - s) + row[from + out.length + k] * s;
  return true;
}
