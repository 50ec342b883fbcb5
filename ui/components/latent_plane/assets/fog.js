/**
 * How far a decoded image is to be trusted: the density of what is encoded, and how far
 * encode(decode(z)) lands from z. Both on a grid over the plane.
 */

const SIDE = 128; // cells of the density
const REACH = 4; // standard deviations: 3e-4 of a Gaussian lies beyond
const NARROWEST = 0.6; // standard deviation in cells: narrower, their middles would not add up to it
const AT_ONCE = 10_000; // points of a crowd
export const RETURNS = 24; // cells of the returns, each of which costs a decode and an encode

/** Values on a square grid from -half to half on both axes, rows from the bottom. */
export class Field {
  /** @param {number} side @param {number} half @param {Float32Array} [values] */
  constructor(side, half, values = new Float32Array(side * side)) {
    this.side = side;
    this.half = half;
    this.values = values;
  }

  get cell() {
    return (2 * this.half) / this.side;
  }

  /** The middle of cell k. @returns {[number, number]} */
  place(k) {
    const middle = (m) => -this.half + (m + 0.5) * this.cell;
    return [middle(k % this.side), middle(Math.floor(k / this.side))];
  }

  /** Bilinear between the cells, 0 outside. */
  at(a, b) {
    const [x, y] = [a, b].map((c) => (c + this.half) / this.cell - 0.5);
    const [x0, y0] = [Math.floor(x), Math.floor(y)];
    const value = (i, j) =>
      i < 0 || j < 0 || i >= this.side || j >= this.side ? 0 : this.values[j * this.side + i];
    const [s, t] = [x - x0, y - y0];
    return (
      (value(x0, y0) * (1 - s) + value(x0 + 1, y0) * s) * (1 - t) +
      (value(x0, y0 + 1) * (1 - s) + value(x0 + 1, y0 + 1) * s) * t
    );
  }

  /** One pixel a cell, `opacity` of its place, for `drawBackdrop`. */
  picture([r, g, b], opacity) {
    const image = new ImageData(this.side, this.side);
    for (let k = 0; k < this.values.length; k++) {
      const row = this.side - 1 - Math.floor(k / this.side);
      const to = 4 * (row * this.side + (k % this.side));
      image.data.set([r, g, b, Math.round(255 * opacity(...this.place(k)))], to);
    }
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: this.side, height: this.side });
    canvas.getContext("2d").putImageData(image, 0, 0);
    return canvas;
  }

  get extent() {
    return [-this.half, this.half, -this.half, this.half];
  }
}

/**
 * The mean of Gaussians at the shown points. Each is the point's q(z|x) as the plane shows it, its
 * other directions integrated out: together the aggregate posterior. Where there is none it is a
 * kernel by Scott's rule (1992), the covariance of the points times n^(-2 / (d + 4)). On a plane of one
 * dimension the density is along it, the same all across.
 */
export class Density {
  /** @param {import("./points.js").Points} points */
  constructor(points) {
    const { xy, covariance } = points;
    const shown = Array.from({ length: points.count }, (_, i) => i).filter((i) => points.shown(i));
    const own = covariance || shown.length > 2 ? shown : []; // two alone have no width in a plane
    const spread = covariance ? null : kernel(xy, own);
    /** @type {{a: number, b: number, aa: number, ab: number, bb: number}[]} means and covariances */
    this.gaussians = own.map((i) => {
      const [aa, ab, bb] = spread ?? covariance.subarray(3 * i, 3 * i + 3);
      return { a: xy[2 * i], b: xy[2 * i + 1], aa, ab, bb: bb || Infinity };
    });
    this.parts = this.gaussians.map((gaussian) => conditional(gaussian));
  }

  /** @param {number} a @param {number} b */
  at(a, b) {
    let sum = 0;
    for (const part of this.parts) {
      const up = b - part.b;
      const across = a - part.a - part.slope * up;
      sum += part.peak * Math.exp(-0.5 * ((up * up) / part.up + (across * across) / part.across));
    }
    return sum / (this.parts.length || 1);
  }

  /** In the middles of a grid's cells; what is narrower than they can show is as wide as they can. @param {number} half */
  field(half) {
    const field = new Field(SIDE, half);
    const { cell } = field;
    for (const gaussian of this.gaussians) add(field, conditional(gaussian, (NARROWEST * cell) ** 2));
    const n = this.gaussians.length || 1;
    field.values.forEach((value, k) => (field.values[k] = value / n));
    return field;
  }
}

/**
 * The same of a crowd on the grid alone, some thousand points at a time, and what is thin there.
 * @param {{xy: Float32Array, covariance: Float32Array | null, count: number, shown: (i: number) => boolean}} points
 * @param {number} half @returns {Generator<void, {values: Float32Array, thin: number}>}
 */
export function* crowdDensity(points, half) {
  const { xy, covariance, count } = points;
  const own = new Uint32Array(count).map((_, i) => i).filter((i) => points.shown(i));
  const kernels = covariance ?? kernel(xy, own);
  const field = new Field(SIDE, half);
  const least = (NARROWEST * field.cell) ** 2;
  for (let m = 0; m < own.length; m++) {
    if (m % AT_ONCE === AT_ONCE - 1) yield;
    const i = own[m];
    const k = covariance ? 3 * i : 0;
    const [aa, ab, bb] = [kernels[k], kernels[k + 1], kernels[k + 2] || Infinity];
    add(field, conditional({ a: xy[2 * i], b: xy[2 * i + 1], aa, ab, bb }, least));
  }
  for (let k = 0; k < field.values.length; k++) field.values[k] /= own.length || 1;
  yield;
  return { values: field.values, thin: thinnest(field, points) };
}

/** Scott's kernel of some points: var(a), cov(a, b), var(b). @param {Float32Array} xy @param {number[] | Uint32Array} own */
function kernel(xy, own) {
  const n = own.length;
  const mean = (of) => own.reduce((sum, i) => sum + of(xy[2 * i], xy[2 * i + 1]), 0) / (n || 1);
  const [a, b] = [mean((x) => x), mean((_, y) => y)];
  const moments = [(x) => (x - a) ** 2, (x, y) => (x - a) * (y - b), (_, y) => (y - b) ** 2].map(mean);
  const dims = moments[2] > 0 ? 2 : 1;
  return moments.map((x) => (x * (n / (n - 1 || 1))) * n ** (-2 / (dims + 4)));
}

/**
 * A Gaussian as that of b and, for each b, that of a.
 * @param {number} [least] variance of both
 */
function conditional({ a, b, aa, ab, bb }, least = 1e-12) {
  const slope = ab / bb;
  const up = Math.max(bb, least);
  const across = Math.max(aa - slope * ab, least);
  const peak = 1 / Math.sqrt(2 * Math.PI * across * (up < Infinity ? 2 * Math.PI * up : 1));
  return { a, b, slope, up, across, peak };
}

/** Add a Gaussian to the cells within its reach: along a row each value follows from the two before it. */
function add({ values, half, cell }, { a, b, slope, up, across, peak }) {
  const [begin, end] = [(from) => Math.max(Math.ceil(from), 0), (to) => Math.min(Math.floor(to), SIDE - 1)];
  const index = (c) => (c + half) / cell - 0.5;
  const [tall, wide] = [REACH * Math.sqrt(up), REACH * Math.sqrt(across)];
  const bend = Math.exp((-cell * cell) / across);
  for (let row = begin(index(b - tall)), top = end(index(b + tall)); row <= top; row++) {
    const high = -half + (row + 0.5) * cell - b;
    const middle = a + slope * high;
    const reach = wide * Math.sqrt(1 - Math.min((high / tall) ** 2, 1));
    const from = begin(index(middle - reach));
    const last = row * SIDE + end(index(middle + reach));
    const left = -half + (from + 0.5) * cell - middle;
    let value = peak * Math.exp(-0.5 * ((high * high) / up + (left * left) / across));
    let ratio = Math.exp((-cell * (left + cell / 2)) / across);
    for (let k = row * SIDE + from; k <= last; k++) {
      values[k] += value;
      value *= ratio;
      ratio *= bend;
    }
  }
}

/** The density below which only one shown point in twenty lies. */
export function thinnest(field, points) {
  const own = new Float32Array(points.count);
  let n = 0;
  for (let i = 0; i < points.count; i++)
    if (points.shown(i)) own[n++] = field.at(points.xy[2 * i], points.xy[2 * i + 1]);
  return own.subarray(0, n).sort()[Math.floor(n / 20)] ?? 0;
}

/** 0 below `low`, 1 above `high`, smooth between. */
export function rise(low, high, x) {
  const t = Math.min(Math.max((x - low) / (high - low || 1), 0), 1);
  return t * t * (3 - 2 * t);
}
