/** Points: columns of numbers, found through a grid, painted as glyphs straight into pixels. */

/**
 * Where the bytes are, or the bytes themselves; and what is in them.
 * @typedef {{url?: string, packed?: ArrayBuffer, count: number, covariance: boolean, names: string[] | null,
 *   value: {label: string, range: [number, number]} | null, images: boolean}} Layout
 */

export class Points {
  /** @param {ArrayBuffer} buffer as `PlanePoints` packs it @param {Layout} layout */
  constructor(buffer, layout) {
    const n = layout.count;
    let offset = 0;
    const column = (Type, width) => {
      const values = new Type(buffer, offset, n * width);
      offset += values.byteLength;
      return values;
    };
    this.layout = layout;
    this.count = n;
    this.xy = column(Float32Array, 2);
    this.drawn = this.xy; // where they are painted: elsewhere while they glide
    this.rows = column(Uint32Array, 1);
    this.covariance = layout.covariance ? column(Float32Array, 3) : null;
    this.value = layout.value ? column(Float32Array, 1) : null;
    this.category = layout.names ? column(Uint8Array, 1) : null;
    /** @type {Set<number>} categories switched off in the legend */
    this.hidden = new Set();
    this.reach = this.#reach();
    this.#sortIntoGrid();
  }

  /** Is the point's class switched on? @param {number} i */
  shown(i) {
    return !this.category || !this.hidden.has(this.category[i]);
  }

  /** The largest distance from the origin of all points but the farthest 1 in 500. */
  #reach() {
    const far = Float32Array.from({ length: this.count }, (_, i) =>
      Math.max(Math.abs(this.xy[2 * i]), Math.abs(this.xy[2 * i + 1])),
    ).sort();
    return this.count ? far[Math.floor((this.count - 1) * 0.998)] : 0;
  }

  /** @param {number} k @returns {Generator<number>} */
  *ofClass(k) {
    for (let i = 0; i < this.count; i++) if (this.category?.[i] === k) yield i;
  }

  /**
   * Mean and covariance of z from the mixture of some points' q(z|x), those that are shown.
   * @param {Iterable<number>} indices
   * @returns {{mean: [number, number], covariance: [number, number, number]} | null}
   */
  mixture(indices) {
    let [n, a, b, aa, ab, bb] = [0, 0, 0, 0, 0, 0];
    for (const i of indices) {
      if (i >= this.count || !this.shown(i)) continue;
      const [x, y] = [this.xy[2 * i], this.xy[2 * i + 1]];
      n += 1;
      a += x;
      b += y;
      aa += x * x + this.covariance[3 * i];
      ab += x * y + this.covariance[3 * i + 1];
      bb += y * y + this.covariance[3 * i + 2];
    }
    if (!n) return null;
    const [ma, mb] = [a / n, b / n];
    return { mean: [ma, mb], covariance: [aa / n - ma * ma, ab / n - ma * mb, bb / n - mb * mb] };
  }

  /** The shown point nearest to (a, b), at most `radius` away, or -1. */
  nearest(a, b, radius) {
    let best = -1;
    let least = radius * radius;
    this.#each(a - radius, b - radius, a + radius, b + radius, (i) => {
      const distance = (this.xy[2 * i] - a) ** 2 + (this.xy[2 * i + 1] - b) ** 2;
      if (distance <= least && this.shown(i)) [best, least] = [i, distance];
      return false;
    });
    return best;
  }

  /** Shown points between two corners; null where they are more than `most`. @returns {number[] | null} */
  inBox(left, bottom, right, top, most = Infinity) {
    /** @type {number[]} */
    const found = [];
    this.#each(left, bottom, right, top, (i) => {
      const [a, b] = [this.xy[2 * i], this.xy[2 * i + 1]];
      if (a >= left && a <= right && b >= bottom && b <= top && this.shown(i)) found.push(i);
      return found.length > most;
    });
    return found.length > most ? null : found.sort((i, j) => i - j);
  }

  /** Shown points inside a polygon, by the even-odd rule. @param {[number, number][]} polygon */
  inPolygon(polygon) {
    const [as, bs] = [polygon.map((p) => p[0]), polygon.map((p) => p[1])];
    const box = this.inBox(Math.min(...as), Math.min(...bs), Math.max(...as), Math.max(...bs));
    return box.filter((i) => {
      const [a, b] = [this.xy[2 * i], this.xy[2 * i + 1]];
      let inside = false;
      for (let j = 0, k = as.length - 1; j < as.length; k = j++) {
        if (bs[j] > b !== bs[k] > b && a < ((as[k] - as[j]) * (b - bs[j])) / (bs[k] - bs[j]) + as[j])
          inside = !inside;
      }
      return inside;
    });
  }

  /** Counting sort of the points by cell, about four to a cell. */
  #sortIntoGrid() {
    const { xy, count: n } = this;
    const box = { left: 0, bottom: 0, right: 1, top: 1 };
    if (n) Object.assign(box, { left: Infinity, bottom: Infinity, right: -Infinity, top: -Infinity });
    for (let i = 0; i < n; i++) {
      box.left = Math.min(box.left, xy[2 * i]);
      box.right = Math.max(box.right, xy[2 * i]);
      box.bottom = Math.min(box.bottom, xy[2 * i + 1]);
      box.top = Math.max(box.top, xy[2 * i + 1]);
    }
    this.box = box;
    this.side = Math.max(1, Math.ceil(Math.sqrt(n / 4)));
    this.start = new Uint32Array(this.side * this.side + 1);
    const cell = Uint32Array.from({ length: n }, (_, i) => this.#cell(xy[2 * i], xy[2 * i + 1]));
    for (const c of cell) this.start[c + 1]++;
    for (let c = 0; c < this.side * this.side; c++) this.start[c + 1] += this.start[c];
    const next = this.start.slice();
    this.order = new Uint32Array(n);
    for (let i = 0; i < n; i++) this.order[next[cell[i]]++] = i;
  }

  #column(a) {
    const { left, right } = this.box;
    const k = Math.floor(((a - left) / (right - left || 1)) * this.side);
    return Math.min(Math.max(k, 0), this.side - 1);
  }

  #row(b) {
    const { bottom, top } = this.box;
    const k = Math.floor(((b - bottom) / (top - bottom || 1)) * this.side);
    return Math.min(Math.max(k, 0), this.side - 1);
  }

  #cell(a, b) {
    return this.#row(b) * this.side + this.#column(a);
  }

  /** Visit the points of all cells that the box touches, until a visit returns true. */
  #each(left, bottom, right, top, visit) {
    const [c0, c1] = [this.#column(left), this.#column(right)];
    for (let r = this.#row(bottom), last = this.#row(top); r <= last; r++) {
      const end = this.start[r * this.side + c1 + 1];
      for (let k = this.start[r * this.side + c0]; k < end; k++)
        if (visit(this.order[k])) return;
    }
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

/** @type {Map<string, {reach: number, pixels: {dx: number, dy: number, alpha: number}[]}>} */
const stamps = new Map();

/** The pixels that a glyph of radius r (device pixels) covers, around its centre. */
function stamp(glyph, r) {
  const key = `${glyph} ${r}`;
  let found = stamps.get(key);
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
    stamps.set(key, found);
  }
  return found;
}

/**
 * Paint points over what `image` holds (device pixels). A crowd is many thousand stamps of a dozen
 * pixels: writing the bytes is several times faster than as many calls of the canvas.
 * @param {ImageData} image
 * @param {Points} points
 * @param {import("./view.js").View} view
 * @param {{ratio: number, radius: number, glyphs: string[], opacity: number, tints: Uint8Array,
 *   palette: number[][], mask: Uint8Array | null, wanted: number}} style `tints` is the place of
 *   each point's [r, g, b] in `palette`; where there is a mask, points of the `wanted` value alone
 */
export function paint(image, points, view, style) {
  const { ratio, glyphs, opacity, tints, palette, mask, wanted } = style;
  const { width, height } = image;
  const words = new Uint32Array(image.data.buffer); // a pixel is one word: alpha, blue, green, red
  const r = Math.round(style.radius * ratio * 4) / 4;
  const prepared = (points.category ? glyphs : ["circle"]).map((glyph) => {
    const { reach, pixels } = stamp(glyph, r);
    return {
      reach,
      at: Int32Array.from(pixels, ({ dx, dy }) => dy * width + dx),
      over: Int32Array.from(pixels, ({ alpha }) => Math.round(255 * alpha * opacity)),
    };
  });
  const { drawn, category } = points;
  const unit = view.unit * ratio;
  const left = width / 2 - view.x * unit;
  const top = height / 2 + view.y * unit;
  for (let i = 0; i < points.count; i++) {
    if ((mask && mask[i] !== wanted) || !points.shown(i)) continue;
    const { reach, at, over } = prepared[category ? category[i] % prepared.length : 0];
    const x = Math.floor(left + drawn[2 * i] * unit);
    const y = Math.floor(top - drawn[2 * i + 1] * unit);
    if (x < reach || y < reach || x >= width - reach || y >= height - reach) continue;
    const [red, green, blue] = palette[tints[i]];
    const colour = (blue << 16) | (green << 8) | red;
    const centre = y * width + x;
    for (let k = 0; k < at.length; k++) {
      const p = centre + at[k];
      const word = words[p];
      if (word === 0) {
        words[p] = (over[k] << 24) | colour;
        continue;
      }
      const r0 = word & 255;
      const g0 = (word >> 8) & 255;
      const b0 = (word >> 16) & 255;
      const sum = over[k] + (((word >>> 24) * (255 - over[k]) + 127) >> 8);
      const share = ((over[k] << 8) / sum) | 0;
      words[p] =
        (sum << 24) |
        ((b0 + (((blue - b0) * share) >> 8)) << 16) |
        ((g0 + (((green - g0) * share) >> 8)) << 8) |
        (r0 + (((red - r0) * share) >> 8));
    }
  }
}
