/** Many glyphs as one path, in whole tenths of pixels: short, and as fine as a point needs. */

import { outline } from "./points.js";

const TENTHS = 10;

/** Glyphs that thick lines draw, with far fewer numbers: [width, ends …], in radii. */
const STROKES = {
  circle: [2, [0, 0, 0, 0]],
  square: [1.7, [-0.85, 0, 0.85, 0]],
  bar: [1, [-1.2, 0, 1.2, 0]],
  cross: [0.76, [-1.15, 0, 1.15, 0], [0, -1.15, 0, 1.15]],
  saltire: [0.76, [-0.81, -0.81, 0.81, 0.81], [-0.81, 0.81, 0.81, -0.81]],
  ring: [0.55],
};
const RING = 0.825; // radii from a ring's middle to that of its line

export class Pen {
  /** @param {string} glyph @param {number} radius in pixels */
  constructor(glyph, radius) {
    const r = radius * TENTHS;
    [this.width, ...this.strokes] = STROKES[glyph] ?? [0];
    this.width *= r;
    this.corners = STROKES[glyph] ? [] : corners(glyph, r);
    this.ring = glyph === "ring" ? Math.round(RING * r) : 0;
    this.stroked = glyph in STROKES;
    this.round = glyph === "circle";
    this.lines = this.strokes.map((ends) => ends.map((end) => Math.round(end * r)));
    this.path = "";
    [this.x, this.y] = [0, 0];
  }

  /** A glyph around (x, y), in pixels. */
  draw(x, y) {
    const [left, top] = [Math.round(x * TENTHS), Math.round(y * TENTHS)];
    for (const [x0, y0, x1, y1] of this.lines) {
      this.#move(left + x0, top + y0);
      this.#line(left + x1, top + y1);
    }
    if (this.ring) {
      const half = `a${this.ring} ${this.ring} 0 1 1`;
      this.#move(left + this.ring, top);
      this.path += `${half} ${-2 * this.ring} 0${half} ${2 * this.ring} 0z`;
    }
    if (this.corners.length) {
      const [first, ...others] = this.corners;
      this.#move(left + first[0], top + first[1]);
      for (const [dx, dy] of others) this.#line(left + dx, top + dy);
      this.path += "z";
      [this.x, this.y] = [left + first[0], top + first[1]];
    }
  }

  /** What a path of this colour is. @param {string} colour @param {number} opacity */
  painted(colour, opacity) {
    const scaled = { d: this.path, transform: `scale(${1 / TENTHS})` };
    if (!this.stroked) return { ...scaled, fill: colour, "fill-opacity": opacity };
    return { ...scaled, fill: "none", stroke: colour, "stroke-opacity": opacity, "stroke-width": this.width, "stroke-linecap": this.round ? "round" : null };
  }

  #move(x, y) {
    this.path += `m${pair(x - this.x, y - this.y)}`;
    [this.x, this.y] = [x, y];
  }

  #line(x, y) {
    const [dx, dy] = [x - this.x, y - this.y];
    this.path += dy === 0 ? `h${dx}` : dx === 0 ? `v${dy}` : `l${pair(dx, dy)}`;
    [this.x, this.y] = [x, y];
  }
}

/** The corners of a glyph around (0, 0). @returns {[number, number][]} */
function corners(glyph, r) {
  /** @type {[number, number][]} */
  const found = [];
  const lineTo = (x, y) => found.push([Math.round(x), Math.round(y)]);
  const none = () => {};
  outline({ save: none, restore: none, translate: none, beginPath: none, closePath: none, lineTo }, glyph, 0, 0, r);
  return found;
}

/** Two numbers of a path; a minus parts them by itself. */
function pair(x, y) {
  return y < 0 ? `${x}${y}` : `${x} ${y}`;
}
