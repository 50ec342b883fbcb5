/**
 * Very many points. They are drawn in a thread, so that the page goes on meanwhile: what it drew last
 * follows the view until it has drawn anew. While the view moves these are counts in cells.
 */

import { brushes, Points } from "./points.js";
import { Raster } from "./raster.js";

export const CROWD = 20_000; // points, and more, are one

/**
 * Points of the bytes that `PlanePoints` packed; a crowd's are sorted in its thread.
 * @param {ArrayBuffer} buffer @param {import("./grid.js").Layout} layout
 * @param {URL | null} script crowd_thread.js @returns {Promise<Points>}
 */
export async function pointsOf(buffer, layout, script) {
  if (layout.count <= CROWD) return new Points(buffer, layout);
  const crowd = new Crowd(await thread(script), layout.count);
  const taken = new Promise((resolve, reject) => {
    crowd.taken = resolve;
    crowd.thread.fail = reject;
  });
  crowd.thread.post({ buffer, layout }, [buffer]);
  const sorted = await taken;
  const points = new Points(sorted.buffer, layout, sorted.index);
  points.crowd = crowd;
  crowd.thread.fail = () => {
    points.crowd = null; // they are drawn all the same
    crowd.done();
  };
  return points;
}

/**
 * @typedef {{post: (message: any, transfer?: Transferable[]) => void, hear: (answer: any) => void,
 *   fail: () => void, end: () => void}} Thread
 */

/** @param {URL | null} script @returns {Promise<Thread>} in the page itself where it can have none of its own */
function thread(script) {
  return new Promise((resolve) => {
    /** @type {Thread} */
    const own = { post: () => {}, hear: () => {}, fail: () => here(), end: () => {} };
    const here = () => {
      const raster = new Raster((answer) => own.hear(answer));
      own.post = (message) => raster.hear(message);
      resolve(own);
    };
    if (!script) {
      here();
      return;
    }
    try {
      const worker = new Worker(script, { type: "module" });
      worker.onerror = () => own.fail();
      worker.onmessage = ({ data }) => (data.ready ? resolve(own) : own.hear(data));
      own.post = (...sent) => worker.postMessage(...sent);
      own.end = () => worker.terminate();
    } catch {
      here(); // a page from disk, or a policy that forbids it
    }
  });
}

export class Crowd {
  /** @param {Thread} thread @param {number} count */
  constructor(thread, count) {
    this.thread = thread;
    this.count = count;
    thread.hear = (answer) => {
      if (answer.index) this.taken(answer);
      else if (answer.words) this.#show(answer);
      else if (answer.ticket === this.weighing.ticket) this.weighing.resolve(answer);
    };
    this.canvas = document.createElement("canvas");
    /** @type {Omit<import("./raster.js").Picture, "words"> | null} what is on it */
    this.picture = null;
    /** @type {import("./selection.js").Selection | null} that the thread knows */
    this.selected = null;
    this.selections = 0;
    this.asked = "";
    /** @type {{resolve: (density: {values: Float32Array, thin: number}) => void, ticket: number} | null} */
    this.weighing = null;
    this.done = () => {};
  }

  close() {
    this.thread.end();
  }

  /**
   * The density of the points shown on a grid from -half to half, and what is thin there.
   * @param {Points} points @param {number} half @returns {Promise<{values: Float32Array, thin: number}>}
   */
  density({ covariance, hidden }, half) {
    return new Promise((resolve) => {
      this.weighing = { resolve, ticket: (this.weighing?.ticket ?? 0) + 1 }; // the latest alone is answered
      this.thread.post({ density: { covariance, hidden, half, ticket: this.weighing.ticket } });
    });
  }

  /**
   * Draw what is there, and see to it that it will be what is wished.
   * @param {CanvasRenderingContext2D} c @param {import("./view.js").View} view
   * @param {{style: import("./points.js").Style, selected: import("./selection.js").Selection, ratio: number, moves: boolean}} wish
   * @param {() => void} done called when there is more to be drawn
   */
  draw(c, view, wish, done) {
    this.done = done;
    const key = this.#ask(view, wish);
    if (!this.picture) return;
    const { kind, moves, a, b, unit, width, height } = this.picture;
    const scale = view.unit / unit;
    const fits = kind === "glyphs" && !moves && this.picture.key === key;
    const [x, y] = fits ? [0, 0] : view.toPixels(a, b);
    const [w, h] = fits ? [view.width, view.height] : [width * scale, height * scale];
    c.save();
    c.imageSmoothingEnabled = kind === "glyphs";
    c.drawImage(this.canvas, x, y, w, h);
    c.restore();
  }

  /** @returns {string} what tells that which is wished from all else */
  #ask({ x, y, unit, width, height }, { style, selected, ratio, moves }) {
    this.#tellSelected(selected);
    const view = { x, y, unit, width, height };
    const { radius, palette, hidden } = style;
    const key = JSON.stringify([view, ratio, radius, palette, [...hidden], this.selections]);
    if (this.asked !== key + moves)
      this.thread.post({ wish: { key, view, ratio, moves, ...brushes(style, ratio, selected.size > 0) } });
    this.asked = key + moves;
    return key;
  }

  /** @param {import("./selection.js").Selection} selected */
  #tellSelected(selected) {
    if (this.selected === selected) return;
    this.selected = selected;
    this.selections += 1;
    const mask = selected.size ? selected.maskOf(this.count) : null;
    this.thread.post({ mask }, mask ? [mask.buffer] : []);
  }

  #show({ words, ...picture }) {
    const { canvas } = this;
    const { width, height } = picture;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const pixels = new ImageData(new Uint8ClampedArray(words.buffer), width, height);
    canvas.getContext("2d", { willReadFrequently: true }).putImageData(pixels, 0, 0);
    this.picture = picture;
    this.done();
  }
}
