/** A canvas's 2-D context that writes SVG: what is drawn on it can be enlarged, and its text stays text. */

import { attributes, colourOf, escaped, familyOf, round } from "./markup.js";

const measure = document.createElement("canvas").getContext("2d");
const STATE = {
  fillStyle: "#000000",
  strokeStyle: "#000000",
  globalAlpha: 1,
  lineWidth: 1,
  lineCap: "butt",
  lineJoin: "miter",
  font: "10px sans-serif",
  textAlign: "start",
  textBaseline: "alphabetic",
  imageSmoothingEnabled: true,
  imageSmoothingQuality: "high",
};
const ANCHORS = { left: "start", start: "start", center: "middle", right: "end", end: "end" };

export class SvgContext {
  /** @param {string} family of typefaces, of the whole figure */
  constructor(family) {
    this.family = family;
    /** @type {string[]} */
    this.elements = [];
    this.path = "";
    this.dash = [];
    this.matrix = new DOMMatrix();
    this.kept = [];
    Object.assign(this, STATE);
  }

  save() {
    const state = Object.fromEntries(Object.keys(STATE).map((name) => [name, this[name]]));
    this.kept.push({ ...state, dash: this.dash, matrix: this.matrix });
  }

  restore() {
    Object.assign(this, this.kept.pop());
  }

  translate(x, y) {
    this.matrix = this.matrix.translate(x, y);
  }

  rotate(angle) {
    this.matrix = this.matrix.rotate((angle * 180) / Math.PI);
  }

  setLineDash(dash) {
    this.dash = dash;
  }

  beginPath() {
    this.path = "";
  }

  closePath() {
    this.path += "Z";
  }

  moveTo(x, y) {
    this.path += `M${this.#at(x, y)}`;
  }

  lineTo(x, y) {
    this.path += `${this.path ? "L" : "M"}${this.#at(x, y)}`;
  }

  rect(x, y, width, height) {
    this.moveTo(x, y);
    for (const corner of [[x + width, y], [x + width, y + height], [x, y + height]]) this.lineTo(...corner);
    this.closePath();
  }

  arc(x, y, radius, from, to, backwards = false) {
    this.ellipse(x, y, radius, radius, 0, from, to, backwards);
  }

  /** Whole turns alone are drawn here: in two halves. */
  ellipse(x, y, a, b, turn, _from, _to, backwards = false) {
    const [dx, dy] = [a * Math.cos(turn), a * Math.sin(turn)];
    const half = `A${round(a)} ${round(b)} ${round((turn * 180) / Math.PI)} 1 ${backwards ? 0 : 1} `;
    this.path += `M${this.#at(x + dx, y + dy)}${half}${this.#at(x - dx, y - dy)}${half}${this.#at(x + dx, y + dy)}Z`;
  }

  fill(rule = "nonzero") {
    this.add("path", { d: this.path, ...this.#filled(), "fill-rule": rule === "nonzero" ? null : rule });
  }

  stroke() {
    this.add("path", { d: this.path, fill: "none", ...this.#stroked() });
  }

  fillRect(x, y, width, height) {
    this.add("rect", { x: round(x), y: round(y), width: round(width), height: round(height), ...this.#filled() });
  }

  fillText(text, x, y) {
    this.#text(text, x, y, this.#filled());
  }

  strokeText(text, x, y) {
    this.#text(text, x, y, { fill: "none", ...this.#stroked() });
  }

  measureText(text) {
    measure.font = this.font;
    return measure.measureText(text);
  }

  /** @param {HTMLCanvasElement | HTMLImageElement} image */
  drawImage(image, x, y, width, height) {
    this.add("image", {
      x: round(x),
      y: round(y),
      width: round(width),
      height: round(height),
      preserveAspectRatio: "none",
      opacity: this.globalAlpha < 1 ? round(this.globalAlpha) : null,
      style: this.imageSmoothingEnabled ? null : "image-rendering: pixelated",
      "xlink:href": pngOf(image),
    });
  }

  /** @param {string} name @param {Record<string, string | number | null>} given @param {string} [inside] */
  add(name, given, inside = "") {
    this.elements.push(`<${name}${attributes(given)}${inside ? `>${inside}</${name}>` : "/>"}`);
  }

  toString() {
    return this.elements.join("\n");
  }

  #at(x, y) {
    const point = this.matrix.transformPoint({ x, y });
    return `${round(point.x)} ${round(point.y)}`;
  }

  #filled() {
    const { colour, alpha } = colourOf(this.fillStyle);
    return { fill: colour, "fill-opacity": opacity(alpha * this.globalAlpha) };
  }

  #stroked() {
    const { colour, alpha } = colourOf(this.strokeStyle);
    return {
      stroke: colour,
      "stroke-opacity": opacity(alpha * this.globalAlpha),
      "stroke-width": this.lineWidth,
      "stroke-dasharray": this.dash.join(" ") || null,
      "stroke-linecap": this.lineCap === "butt" ? null : this.lineCap,
      "stroke-linejoin": this.lineJoin === "miter" ? null : this.lineJoin,
    };
  }

  #text(text, x, y, paint) {
    const { font, weight, style, size, family } = parsed(this.font);
    measure.font = font;
    measure.textBaseline = this.textBaseline;
    const there = measure.measureText(text).fontBoundingBoxAscent;
    measure.textBaseline = "alphabetic"; // what every program knows
    const down = measure.measureText(text).fontBoundingBoxAscent - there;
    const [left, top] = this.#at(x, y + down).split(" ");
    const given = { x: left, y: top, "text-anchor": ANCHORS[this.textAlign], "font-family": family === this.family ? null : family, "font-size": size, "font-weight": weight, "font-style": style };
    this.add("text", { ...given, ...paint }, escaped(text));
  }
}

/** @param {HTMLCanvasElement | HTMLImageElement} image @returns {string} as a PNG in an address */
export function pngOf(image) {
  if (image instanceof HTMLCanvasElement) return image.toDataURL();
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: image.naturalWidth, height: image.naturalHeight });
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.toDataURL();
}

function opacity(alpha) {
  return alpha < 1 ? round(alpha) : null;
}

/** A canvas's font, such as `italic 600 13px "Source Sans", sans-serif`. @param {string} font */
function parsed(font) {
  const [, style, weight, size, family] = /^(italic )?(\d+ )?([\d.]+)px (.*)$/.exec(font);
  return { font, style: style?.trim() ?? null, weight: weight?.trim() ?? null, size, family: familyOf(family) };
}
