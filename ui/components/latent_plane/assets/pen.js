/** Many glyphs as one path, in whole tenths of pixels: short, and as fine as a point needs. */

import { outline } from "./points.js";

const TENTHS = 10;
const SHORT = 1; // tenth, a point's line: one of no length some viewers of PDF draw as an oval
const ROW = 100; // tenths: two points of a row are at most two digits apart in height

/**
 * Glyphs that thick lines draw, with far fewer numbers: a line's width and half its length, in radii.
 * turned: by an eighth, with all its places; crossed: by a line as long the other way.
 * @type {Record<string, {width: number, half: number, turned?: boolean, crossed?: boolean}>}
 */
const LINES = {
  circle: { width: 2, half: 0 },
  square: { width: 1.7, half: 0.85 },
  diamond: { width: 1.2 * Math.SQRT2, half: 0.6 * Math.SQRT2, turned: true },
  bar: { width: 1, half: 1.2 },
  cross: { width: 0.76, half: 1.15, crossed: true },
  saltire: { width: 0.76, half: 1.15, crossed: true, turned: true },
};
const RING = 0.825; // radii from a ring's middle to that of its line
const RING_WIDTH = 0.55;
const STAR = 1.42; // radii to the five points of a line that crosses itself, as large as the outline
let crossings = 0; // whose lines have a name

export class Pen {
  /** @param {string} glyph @param {number} radius in pixels */
  constructor(glyph, radius) {
    const r = radius * TENTHS;
    this.line = LINES[glyph];
    this.ring = glyph === "ring" ? Math.round(RING * r) : 0;
    this.width = Number(((this.line?.width ?? RING_WIDTH) * r).toFixed(2));
    this.half = Math.round((this.line?.half ?? 0) * r);
    this.corners = this.line || this.ring ? [] : glyph === "star" ? star(r) : corners(glyph, r);
    /** @type {[number, number][]} */
    this.places = [];
  }

  /** A glyph around (x, y), in pixels. */
  draw(x, y) {
    const [across, down] = this.line?.turned ? [(x + y) * Math.SQRT1_2, (y - x) * Math.SQRT1_2] : [x, y];
    this.places.push([Math.round(across * TENTHS), Math.round(down * TENTHS)]);
  }

  /**
   * All of them as one path of this colour.
   * @param {{add: (name: string, given: Record<string, any>, inside?: string) => void}} c
   * @param {string} colour @param {number} opacity
   */
  paintOn(c, colour, opacity) {
    const how = { transform: `${this.line?.turned ? "rotate(45)" : ""}scale(${1 / TENTHS})`, opacity: Number(opacity.toFixed(3)) };
    const d = this.#path();
    if (this.corners.length) return c.add("path", { d, ...how, fill: colour });
    const stroke = { ...how, fill: "none", stroke: colour, "stroke-width": this.width };
    if (!this.line?.crossed) return c.add("path", { d, ...stroke, "stroke-linecap": this.half || this.ring ? null : "round" });
    // The other lines are the middles of these, as thick as these are long.
    const [id, long] = [`points-${++crossings}`, 2 * this.half];
    const across = `stroke-width="${long}" stroke-dasharray="0 ${Number(((long - this.width) / 2).toFixed(2))} ${this.width} ${long}"`;
    c.add("g", stroke, `<path id="${id}" d="${d}"/><use xlink:href="#${id}" ${across}/>`);
  }

  #path() {
    const track = new Track();
    for (const [x, y] of inRows(this.places)) {
      if (this.ring) track.ring(x, y, this.ring);
      else if (this.line) track.dash(x - this.half, y, Math.max(2 * this.half, SHORT));
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

  /** A line to the right. */
  dash(x, y, length) {
    this.move(x, y);
    this.line(x + length, y);
  }

  /** All of a circle but a tenth of a pixel. */
  ring(x, y, radius) {
    this.move(x + radius, y);
    this.path += `a${radius} ${radius} 0 1 0 0 1`;
    this.y += 1;
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
