/**
 * How far a decoded image is to be trusted: the aggregate posterior q(z) = mean of q(z|x), and how
 * far encode(decode(z)) lands from z. Both on a grid over the plane.
 */

const SIDE = 128; // cells of the density
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
 * The density of the shown points, a Gaussian kernel of Scott's width: it integrates to 1.
 * @param {import("./points.js").Points} points @param {number} half
 */
export function density(points, half) {
  const field = new Field(SIDE, half);
  let count = 0;
  let squares = 0;
  for (let i = 0; i < points.count; i++) {
    if (!points.shown(i)) continue;
    const [a, b] = [points.xy[2 * i], points.xy[2 * i + 1]];
    const [x, y] = [a, b].map((c) => Math.floor((c + half) / field.cell));
    count += 1;
    squares += (a * a + b * b) / 2;
    if (x >= 0 && y >= 0 && x < SIDE && y < SIDE) field.values[y * SIDE + x] += 1;
  }
  const width = Math.sqrt(squares / (count || 1)) * (count || 1) ** (-1 / 6);
  const kernel = gauss(width / field.cell);
  const total = (count || 1) * field.cell ** 2;
  field.values = blur(blur(field.values, kernel, 1), kernel, SIDE).map((x) => x / total);
  return field;
}

function gauss(sigma) {
  const reach = Math.max(1, Math.ceil(3 * sigma));
  const weights = Array.from({ length: 2 * reach + 1 }, (_, k) =>
    Math.exp(-0.5 * ((k - reach) / sigma) ** 2),
  );
  const sum = weights.reduce((s, w) => s + w);
  return weights.map((w) => w / sum);
}

/** Along rows (step 1) or columns (step SIDE). */
function blur(values, kernel, step) {
  const reach = (kernel.length - 1) / 2;
  const out = new Float32Array(values.length);
  values.forEach((value, k) => {
    if (!value) return;
    const place = step === 1 ? k % SIDE : Math.floor(k / SIDE);
    for (let j = -reach; j <= reach; j++)
      if (place + j >= 0 && place + j < SIDE) out[k + j * step] += value * kernel[j + reach];
  });
  return out;
}

/** The density below which only one shown point in twenty lies. */
export function thinnest(field, points) {
  const own = [];
  for (let i = 0; i < points.count; i++)
    if (points.shown(i)) own.push(field.at(points.xy[2 * i], points.xy[2 * i + 1]));
  return own.sort((p, q) => p - q)[Math.floor(own.length / 20)] ?? 0;
}

/** 0 below `low`, 1 above `high`, smooth between. */
export function rise(low, high, x) {
  const t = Math.min(Math.max((x - low) / (high - low || 1), 0), 1);
  return t * t * (3 - 2 * t);
}
