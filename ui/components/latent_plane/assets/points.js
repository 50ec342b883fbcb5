/** Points: columns of numbers, found through a grid, and the glyphs as which they are painted. */

import { columnsOf, Grid, indexOf, tintsOf } from "./grid.js";

const TEXT = new TextDecoder();
const TRAINING = 2 ** 31; // as `live.images` has it

export class Points {
  /**
   * @param {ArrayBuffer} buffer as `PlanePoints` packs it @param {import("./grid.js").Layout} layout
   * @param {import("./grid.js").Index} [index] where it is there already
   */
  constructor(buffer, layout, index) {
    this.layout = layout;
    this.count = layout.count;
    const columns = columnsOf(buffer, layout);
    Object.assign(this, columns);
    this.drawn = this.xy; // where they are painted: elsewhere while they glide
    this.tints = tintsOf(columns, layout);
    /** @type {Set<number>} categories switched off in the legend */
    this.hidden = new Set();
    this.grid = new Grid(this.xy, index ?? indexOf(this.xy));
    this.reach = this.grid.index.reach;
    /** @type {import("./crowd.js").Crowd | null} who draws them where they are very many */
    this.crowd = null;
  }

  /** How a point is called: by its row, of the training images or of the others. @param {number} i */
  row(i) {
    const row = this.rows[i];
    return row < TRAINING ? `#${row}` : `training #${row - TRAINING}`;
  }

  /** The file or row that a point came from; empty where nobody knows. @param {number} i */
  source(i) {
    const { sources, layout } = this;
    return sources ? TEXT.decode(sources.subarray(i * layout.sources, (i + 1) * layout.sources)).replace(/\0+$/, "") : "";
  }

  /** Is the point's class switched on? @param {number} i */
  shown(i) {
    return !this.category || !this.hidden.has(this.category[i]);
  }

  /** @param {number} k */
  ofClass(k) {
    const found = new Uint32Array(this.count);
    let n = 0;
    for (let i = 0; i < this.count; i++) if (this.category?.[i] === k) found[n++] = i;
    return found.subarray(0, n);
  }

  /**
   * Mean and covariance of z from the mixture of some points' q(z|x), those that are shown.
   * @param {ArrayLike<number>} points
   * @returns {{mean: [number, number], covariance: [number, number, number]} | null}
   */
  mixture(points) {
    const { xy, covariance } = this;
    let [n, a, b, aa, ab, bb] = [0, 0, 0, 0, 0, 0];
    for (let k = 0; k < points.length; k++) {
      const i = points[k];
      if (i >= this.count || !this.shown(i)) continue;
      const x = xy[2 * i];
      const y = xy[2 * i + 1];
      n += 1;
      a += x;
      b += y;
      aa += x * x + covariance[3 * i];
      ab += x * y + covariance[3 * i + 1];
      bb += y * y + covariance[3 * i + 2];
    }
    if (!n) return null;
    const [ma, mb] = [a / n, b / n];
    return { mean: [ma, mb], covariance: [aa / n - ma * ma, ab / n - ma * mb, bb / n - mb * mb] };
  }

  /** The shown point nearest to (a, b), at most `radius` away, or -1. */
  nearest(a, b, radius) {
    return this.grid.nearest(a, b, radius, (i) => this.shown(i));
  }

  /** Shown points between two corners; null where they are more than `most`. @returns {number[] | null} */
  inBox(left, bottom, right, top, most = Infinity) {
    /** @type {number[]} */
    const found = [];
    this.grid.each(left, bottom, right, top, (i) => {
      const [a, b] = [this.xy[2 * i], this.xy[2 * i + 1]];
      if (a >= left && a <= right && b >= bottom && b <= top && this.shown(i)) found.push(i);
      return found.length > most;
    });
    return found.length > most ? null : found.sort((i, j) => i - j);
  }

  /** Shown points inside a polygon, by the even-odd rule. @param {[number, number][]} polygon */
  inPolygon(polygon) {
    const marks = this.grid.inside(polygon);
    const found = new Uint32Array(this.count);
    let n = 0;
    for (let i = 0; i < this.count; i++) if (marks[i] && this.shown(i)) found[n++] = i;
    return found.subarray(0, n);
  }
}

/** @type {Record<string, (c: CanvasRenderingContext2D, r: number) => void>} filled or stroked around 0 */
const OUTLINES = {
  circle: (c, r) => c.arc(0, 0, r, 0, 7),
  square: (c, r) => c.rect(-0.85 * r, -0.85 * r, 1.7 * r, 1.7 * r),
  triangle: (c, r) => polygon(c, 1.2 * r, 3, -90),
  diamond: (c, r) => polygon(c, 1.2 * r, 4, 0),
  cross: (c, r) => bars(c, r, 0),
  saltire: (c, r) => bars(c, r, Math.PI / 4),
  inverted: (c, r) => polygon(c, 1.2 * r, 3, 90),
  star: (c, r) => polygon(c, 1.35 * r, 10, -90, 0.45),
  ring: (c, r) => {
    c.arc(0, 0, 1.1 * r, 0, 7);
    c.arc(0, 0, 0.55 * r, 7, 0, true);
  },
  bar: (c, r) => c.rect(-1.2 * r, -0.5 * r, 2.4 * r, r),
};

function polygon(c, r, corners, turn, inner = 1) {
  for (let k = 0; k < corners; k++) {
    const angle = (turn / 180 + (2 * k) / corners) * Math.PI;
    const length = k % 2 ? r * inner : r;
    c.lineTo(length * Math.cos(angle), length * Math.sin(angle));
  }
  c.closePath();
}

function bars(c, r, angle) {
  const [l, w] = [1.15 * r, 0.38 * r];
  const outline = [[l, w], [w, w], [w, l], [-w, l], [-w, w], [-l, w], [-l, -w], [-w, -w], [-w, -l], [w, -l], [w, -w], [l, -w]];
  for (const [x, y] of outline)
    c.lineTo(x * Math.cos(angle) - y * Math.sin(angle), x * Math.sin(angle) + y * Math.cos(angle));
  c.closePath();
}

/** Add a glyph's outline to the path, around (x, y). */
export function outline(c, glyph, x, y, r) {
  c.save();
  c.translate(x, y);
  c.beginPath();
  OUTLINES[glyph](c, r);
  c.restore();
}

/**
 * @typedef {{radius: number, opacity: number, glyphs: string[], palette: number[][], hidden: Set<number>}} Style
 *   of glyphs, by class: radius in CSS pixels; [r, g, b] by tint; the classes that are switched off
 */

/**
 * How points of a style are painted: all alike, or those that are selected over the others.
 * @param {Style} style @param {number} ratio device pixels to a CSS pixel @param {boolean} selection
 * @returns {{look: import("./pixels.js").Look, passes: import("./pixels.js").Pass[]}}
 */
export function brushes({ radius, opacity, glyphs, palette, hidden }, ratio, selection) {
  const pass = (wanted, alpha, r) => ({
    stamps: glyphs.map((glyph) => stamp(glyph, Math.round(r * ratio * 4) / 4, alpha)),
    wanted,
    opacity: alpha,
    area: Math.PI * r ** 2,
  });
  const look = {
    palette: Uint32Array.from(palette, ([red, green, blue]) => (blue << 16) | (green << 8) | red),
    hidden: Uint8Array.from({ length: 256 }, (_, k) => Number(hidden.has(k))),
    mask: null,
  };
  return { look, passes: selection ? [pass(0, 0.14, radius), pass(1, 1, 1.3 * radius)] : [pass(0, opacity, radius)] };
}

/** @type {Map<string, {reach: number, pixels: {dx: number, dy: number, alpha: number}[]}>} */
const shapes = new Map();

/** @returns {import("./pixels.js").Stamp} */
function stamp(glyph, r, opacity) {
  const { reach, pixels } = shape(glyph, r);
  return {
    reach,
    dx: Int32Array.from(pixels, ({ dx }) => dx),
    dy: Int32Array.from(pixels, ({ dy }) => dy),
    over: Int32Array.from(pixels, ({ alpha }) => Math.round(255 * alpha * opacity)),
  };
}

/** The pixels that a glyph of radius r (device pixels) covers, around its centre. */
function shape(glyph, r) {
  const key = `${glyph} ${r}`;
  let found = shapes.get(key);
  if (!found) {
    const reach = Math.ceil(1.4 * r);
    const size = 2 * reach + 1;
    const canvas = Object.assign(document.createElement("canvas"), { width: size, height: size });
    const c = canvas.getContext("2d", { willReadFrequently: true });
    outline(c, glyph, size / 2, size / 2, r);
    c.fill();
    const rgba = c.getImageData(0, 0, size, size).data;
    const pixels = Array.from({ length: size * size }, (_, k) => ({
      dx: (k % size) - reach,
      dy: Math.floor(k / size) - reach,
      alpha: rgba[4 * k + 3] / 255,
    }));
    found = { reach, pixels: pixels.filter(({ alpha }) => alpha > 0.02) };
    shapes.set(key, found);
  }
  return found;
}
