/** The canvas: a scene that changes with the view, and what moves over it. */

import { rgb, scale } from "./colours.js";
import { CROWD } from "./crowd.js";
import { UNKNOWN } from "./grid.js";
import { paint } from "./pixels.js";
import { brushes } from "./points.js";
import * as scene from "./scene.js";

export const THUMBNAIL_PX = 34;
const GREY = [128, 128, 128]; // of what nobody knows
const FEW = 8; // points with an ellipse each; more have one together

export class Painting {
  /** @param {import("./plane.js").LatentPlane} plane */
  constructor(plane) {
    this.plane = plane;
    this.scene = document.createElement("canvas");
    this.points = document.createElement("canvas");
    this.ratio = 1;
    this.moves = false; // the view, now
    /** @type {ImageData | null} */
    this.pixels = null;
    /** @type {Record<string, {of: any[], gaussian: {mean: [number, number], covariance: [number, number, number]} | null}>} */
    this.mixtures = {};
  }

  /** Make the canvases as fine as the screen. @returns {boolean} whether they were not */
  resize() {
    const { view, parts } = this.plane;
    this.ratio = devicePixelRatio || 1;
    const [width, height] = [view.width, view.height].map((side) => Math.round(side * this.ratio));
    if (this.scene.width === width && this.scene.height === height) return false;
    for (const canvas of [parts.plane, this.scene]) Object.assign(canvas, { width, height });
    return true;
  }

  #clear(canvas) {
    const { view } = this.plane;
    const c = canvas.getContext("2d");
    c.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    c.clearRect(0, 0, view.width, view.height);
    return c;
  }

  /** @param {boolean} [atOnce] whether nothing that a thread draws is waited for */
  drawScene(atOnce = false) {
    this.paintScene(this.#clear(this.scene), atOnce);
  }

  /** @param {CanvasRenderingContext2D} c in CSS pixels @param {boolean} [atOnce] */
  paintScene(c, atOnce = true) {
    const { view, data, points, on, theme, trust, manifold, overlay, regions, slice, z } = this.plane;
    if (on.has("manifold")) manifold.draw(c);
    if (on.has("heat")) overlay.drawHeat(c);
    if (regions.shown) regions.draw(c);
    if (points?.count && on.has("density")) trust.drawDensity(c);
    if (points?.count) {
      this.paintPoints(c, atOnce);
      this.#drawThumbnails(c);
      if (on.has("fog") && data.plane) trust.drawFog(c);
    }
    scene.drawAxes(c, view, theme, data.labels);
    if (on.has("rings") && data.plane) scene.drawRings(c, view, theme, slice.place(z.map(() => 0)));
  }

  /** @param {boolean} atOnce what a crowd's thread would draw is not waited for */
  paintPoints(c, atOnce) {
    const { points, view, selected } = this.plane;
    const { ratio, moves } = this;
    const style = this.pointStyle;
    if (points.crowd && !atOnce) {
      points.crowd.draw(c, view, { style, selected, ratio, moves }, () => this.plane.invalidate(true));
      return;
    }
    const [width, height] = [view.width, view.height].map((side) => Math.round(side * ratio));
    if (this.points.width !== width || this.points.height !== height)
      Object.assign(this.points, { width, height });
    const canvas = this.points.getContext("2d", { willReadFrequently: true });
    if (this.pixels?.width !== width || this.pixels?.height !== height)
      this.pixels = canvas.createImageData(width, height);
    const words = new Uint32Array(this.pixels.data.buffer).fill(0);
    const unit = view.unit * ratio;
    const place = { left: width / 2 - view.x * unit, top: height / 2 + view.y * unit, unit, width, height };
    const { look, passes } = brushes(style, ratio, selected.size > 0);
    const mask = selected.size ? selected.maskOf(points.count) : null;
    const { drawn: xy, category, tints, count } = points;
    for (const pass of passes) paint(words, { xy, category, tints, count }, place, { ...look, mask }, pass);
    canvas.putImageData(this.pixels, 0, 0);
    c.drawImage(this.points, 0, 0, view.width, view.height);
  }

  /** @returns {import("./points.js").Style} */
  get pointStyle() {
    const { points, view, data } = this.plane;
    const n = points.count;
    const [size, opacity] =
      n > CROWD ? [1.7, 0.55] : n > 5000 ? [2.2, 0.7] : n > 1000 ? [2.8, 0.8] : [3.6, 0.9];
    return {
      radius: size * Math.min(Math.max(view.zoomed ** 0.5, 0.8), 2.5),
      opacity,
      glyphs: points.category ? data.colours.glyphs : ["circle"],
      palette: this.#palette(),
      hidden: points.hidden,
    };
  }

  /** Zoomed in until the points stand apart, images take the place of glyphs. */
  #drawThumbnails(c) {
    const { points, view, thumbnails, selected, hello, channel } = this.plane;
    this.plane.pictured = false;
    if (!points.layout.images || !hello?.images) return;
    const [left, bottom] = view.toPlane(0, view.height);
    const [right, top] = view.toPlane(view.width, 0);
    const room = (view.width * view.height) / THUMBNAIL_PX ** 2 / 1.6;
    const visible = points.inBox(left, bottom, right, top, room);
    if (!visible) return;
    this.plane.pictured = true;
    thumbnails.want(visible, points, channel, hello.image_shape, () => this.plane.invalidate(true));
    const palette = this.#palette();
    for (const i of visible) {
      const image = thumbnails.get(i);
      if (!image) continue;
      const [x, y] = view.toPixels(points.drawn[2 * i], points.drawn[2 * i + 1]);
      const colour = `rgb(${palette[points.tints?.[i] ?? 0].join(",")})`;
      const strength = selected.size && !selected.has(i) ? 0.3 : 1;
      scene.drawThumbnail(c, image, x, y, THUMBNAIL_PX, colour, strength);
    }
  }

  /** Colours of the points' 256 tints: by value, by class, or that of text. */
  #palette() {
    const { points, data, theme } = this.plane;
    const classes = data.colours.classes.map(rgb);
    const text = rgb(theme.text);
    const colour = points.value
      ? (k) => (k === UNKNOWN ? GREY : scale(k / (UNKNOWN - 1)))
      : points.category
        ? (k) => classes[k % classes.length]
        : () => text;
    return Array.from({ length: 256 }, (_, k) => colour(k));
  }

  drawOver() {
    const { view, parts } = this.plane;
    const c = this.#clear(parts.plane);
    c.drawImage(this.scene, 0, 0, view.width, view.height);
    this.paintOver(c);
  }

  /** @param {CanvasRenderingContext2D} c in CSS pixels */
  paintOver(c) {
    const { plane } = this;
    const { view, data, theme, slice, stops, hand } = plane;
    if (plane.points) this.#drawPosteriors(c);
    plane.overlay.drawGaussians(c);
    plane.overlay.drawWays(c);
    plane.regions.drawWay(c);
    if (data.plane) plane.overlay.drawDirections(c, slice.place(plane.shown));
    if (data.plane) {
      if (data.way) stops.draw(c);
      plane.drawing.draw(c);
      if (data.mode !== "stops") scene.drawCursor(c, view, theme, slice.place(plane.z), data.colours.z);
      const led = data.way ? { hair: false } : { ghost: true };
      if (plane.led) scene.drawCursor(c, view, theme, slice.place(plane.led), data.colours.z, led);
      if (plane.ghost)
        scene.drawCursor(c, view, theme, slice.place(plane.ghost), data.colours.z, { ghost: true });
    }
    if (data.plane) plane.taught.draw(c);
    if (hand.press?.kind === "selection" && hand.press.moved) scene.drawLasso(c, theme, hand.press.corners);
  }

  /** q(z|x) of hovered and few selected points; of more, and of a class, the Gaussian of the mixture's moments. */
  #drawPosteriors(c) {
    const { view, data, theme, points, selected, hovered, on, classInSight } = this.plane;
    const { sigma, mu } = data.colours;
    const at = (i) => /** @type {[number, number]} */ ([points.drawn[2 * i], points.drawn[2 * i + 1]]);
    const covariance = (i) => points.covariance.subarray(3 * i, 3 * i + 3);
    if (points.covariance && on.has("posteriors")) {
      const alone = hovered >= 0 ? [hovered] : [];
      const together = [];
      if (selected.size > FEW) together.push(this.#mixture("selected", selected, () => selected.points));
      else alone.push(...[...selected].filter((i) => i < points.count && points.shown(i)));
      if (classInSight !== null) together.push(this.#mixture("class", classInSight, () => points.ofClass(classInSight)));
      for (const i of alone) scene.drawEllipse(c, view, theme, at(i), covariance(i), sigma);
      for (const { mean, covariance: spread } of together.filter(Boolean)) {
        scene.drawEllipse(c, view, theme, mean, spread, sigma);
        scene.drawCursor(c, view, theme, mean, mu, { ghost: true });
      }
    }
    if (hovered >= 0) scene.drawCursor(c, view, theme, at(hovered), mu, { ghost: true });
  }

  /** Computed anew when what is mixed, or what of it is shown, is another. */
  #mixture(name, mixed, among) {
    const { points } = this.plane;
    const of = [points, mixed, [...points.hidden].join()];
    if (!of.every((each, k) => each === this.mixtures[name]?.of[k]))
      this.mixtures[name] = { of, gaussian: points.mixture(among()) };
    return this.mixtures[name].gaussian;
  }
}
