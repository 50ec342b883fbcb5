/** Many glyphs as one path, in whole tenths of pixels: short, and as fine as a point needs. */

import { outline } from "./points.js";

const TENTHS = 10;
const ROW = 100; // tenths: two points of a row are at most two digits apart in height

/** Glyphs that thick lines draw, with far fewer numbers: [width, ends …], in radii. */
const STROKES = {
  circle: [2, [0, 0, 0, 0]],
  square: [1.7, [-0.85, 0, 0.85, 0]],
  diamond: [1.2 * Math.SQRT2, [-0.6, -0.6, 0.6, 0.6]],
  bar: [1, [-1.2, 0, 1.2, 0]],
  cross: [0.76, [-1.15, 0, 1.15, 0], [0, -1.15, 0, 1.15]],
  saltire: [0.76, [-0.81, -0.81, 0.81, 0.81], [-0.81, 0.81, 0.81, -0.81]],
  ring: [0.55],
};
const RING = 0.825; // radii from a ring's middle to that of its line
const STAR = 1.42; // radii to the five points of a line that crosses itself, as large as the outline

export class Pen {
  /** @param {string} glyph @param {number} radius in pixels */
  constructor(glyph, radius) {
    const r = radius * TENTHS;
    [this.width, ...this.strokes] = STROKES[glyph] ?? [0];
    this.width *= r;
    this.corners = STROKES[glyph] ? [] : glyph === "star" ? star(r) : corners(glyph, r);
    this.ring = glyph === "ring" ? Math.round(RING * r) : 0;
    this.stroked = glyph in STROKES;
    this.round = glyph === "circle";
    this.lines = this.strokes.map((ends) => ends.map((end) => Math.round(end * r)));
    /** @type {[number, number][]} */
    this.places = [];
  }

  /** A glyph around (x, y), in pixels. */
  draw(x, y) {
    this.places.push([Math.round(x * TENTHS), Math.round(y * TENTHS)]);
  }

  /** What a path of this colour is. @param {string} colour @param {number} opacity */
  painted(colour, opacity) {
    const scaled = { d: this.#path(), transform: `scale(${1 / TENTHS})` };
    const shade = Number(opacity.toFixed(3));
    if (!this.stroked) return { ...scaled, fill: colour, "fill-opacity": shade };
    const width = Number(this.width.toFixed(2));
    return { ...scaled, fill: "none", stroke: colour, "stroke-opacity": shade, "stroke-width": width, "stroke-linecap": this.round ? "round" : null };
  }

  #path() {
    const track = new Track();
    for (const [x, y] of inRows(this.places)) {
      for (const [x0, y0, x1, y1] of this.lines) {
        track.move(x + x0, y + y0);
        track.line(x + x1, y + y1);
      }
      if (this.ring) track.ring(x, y, this.ring);
      this.corners.forEach(([dx, dy], k) => (k ? track.line(x + dx, y + dy) : track.move(x + dx, y + dy)));
    }
    return track.path;
  }
}

/** A path that goes by steps, as short as SVG allows; what is filled needs no end. */
class Track {
  constructor() {
    this.path = "";
    this.letter = "";
    [this.x, this.y] = [0, 0];
  }

  move(x, y) {
    this.letter = ""; // a second pair after m would be a line's
    this.#go("m", x, y);
  }

  line(x, y) {
    this.#go(y === this.y ? "h" : x === this.x ? "v" : "l", x, y);
  }

  /** All of a circle but a tenth of a pixel, which is a line. */
  ring(x, y, radius) {
    this.move(x + radius, y);
    this.path += `a${radius} ${radius} 0 1 0 0 1z`;
  }

  #go(letter, x, y) {
    const [dx, dy] = [x - this.x, y - this.y];
    let text = letter === this.letter ? "" : letter;
    for (const step of letter === "h" ? [dx] : letter === "v" ? [dy] : [dx, dy]) {
      text += step < 0 || text === letter ? step : ` ${step}`; // a minus parts two numbers by itself
    }
    this.path += text;
    [this.letter, this.x, this.y] = [letter, x, y];
  }
}

/** Neighbours after one another: row by row, to the right and back. @param {[number, number][]} places */
function inRows(places) {
  const row = (y) => Math.floor(y / ROW);
  return places.sort(([xa, ya], [xb, yb]) => row(ya) - row(yb) || (row(ya) % 2 ? xb - xa : xa - xb));
}

/** @returns {[number, number][]} */
function star(r) {
  return [0, 2, 4, 1, 3].map((k) => {
    const angle = (0.4 * k - 0.5) * Math.PI;
    return [Math.round(STAR * r * Math.cos(angle)), Math.round(STAR * r * Math.sin(angle))];
  });
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
