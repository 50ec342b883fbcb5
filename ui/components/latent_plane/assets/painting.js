/** The canvas: a scene that changes with the view, and what moves over it. */

import { rgb, scale } from "./colours.js";
import { paint } from "./points.js";
import * as scene from "./scene.js";

const THUMBNAIL_PX = 34;
const FEW = 8; // points with an ellipse each; more have one together

export class Painting {
  /** @param {import("./plane.js").LatentPlane} plane */
  constructor(plane) {
    this.plane = plane;
    this.scene = document.createElement("canvas");
    this.points = document.createElement("canvas");
    this.ratio = 1;
    this.coarse = false;
    /** @type {ImageData | null} */
    this.pixels = null;
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

  drawScene() {
    this.paintScene(this.#clear(this.scene));
  }

  /** @param {CanvasRenderingContext2D} c in CSS pixels */
  paintScene(c) {
    const { view, data, points, on, theme, trust, manifold, overlay, selected, slice, z } = this.plane;
    this.mixture = points?.covariance && selected.size > FEW ? points.mixture(selected) : null;
    if (on.has("manifold")) manifold.draw(c);
    if (on.has("heat")) overlay.drawHeat(c);
    if (points?.count && on.has("density")) trust.drawDensity(c);
    if (points?.count) {
      this.paintPoints(c);
      this.#drawThumbnails(c);
      if (on.has("fog") && data.plane) trust.drawFog(c);
    }
    scene.drawAxes(c, view, theme, data.labels);
    if (on.has("rings") && data.plane) scene.drawRings(c, view, theme, slice.place(z.map(() => 0)));
  }

  /** How large and how opaque points are drawn. */
  get pointStyle() {
    const { points, view } = this.plane;
    const n = points.count;
    const [size, opacity] =
      n > 20000 ? [1.7, 0.55] : n > 5000 ? [2.2, 0.7] : n > 1000 ? [2.8, 0.8] : [3.6, 0.9];
    return { radius: size * Math.min(Math.max(view.zoomed ** 0.5, 0.8), 2.5), opacity };
  }

  paintPoints(c) {
    const { points, view, selected, data } = this.plane;
    const n = points.count;
    const { radius, opacity } = this.pointStyle;
    const ratio = this.coarse && n > 20000 ? Math.min(this.ratio, 1) : this.ratio;
    const style = {
      ratio,
      radius,
      glyphs: data.colours.glyphs,
      ...this.tints,
      mask: null,
      wanted: 0,
    };
    const [width, height] = [view.width, view.height].map((side) => Math.round(side * ratio));
    if (this.points.width !== width || this.points.height !== height)
      Object.assign(this.points, { width, height });
    const own = this.points.getContext("2d", { willReadFrequently: true });
    if (this.pixels?.width !== width || this.pixels?.height !== height)
      this.pixels = own.createImageData(width, height);
    this.pixels.data.fill(0);
    if (selected.size) {
      style.mask = new Uint8Array(n);
      for (const i of selected) style.mask[i] = 1;
      paint(this.pixels, points, view, { ...style, opacity: 0.14 });
      paint(this.pixels, points, view, { ...style, opacity: 1, radius: 1.3 * style.radius, wanted: 1 });
    } else {
      paint(this.pixels, points, view, { ...style, opacity });
    }
    own.putImageData(this.pixels, 0, 0);
    c.drawImage(this.points, 0, 0, view.width, view.height);
  }

  /** Zoomed in until the points stand apart, images take the place of glyphs. */
  #drawThumbnails(c) {
    const { points, view, thumbnails, selected, hello, channel } = this.plane;
    if (!points.layout.images || !hello?.images) return;
    const [left, bottom] = view.toPlane(0, view.height);
    const [right, top] = view.toPlane(view.width, 0);
    const room = (view.width * view.height) / THUMBNAIL_PX ** 2 / 1.6;
    const visible = points.inBox(left, bottom, right, top, room);
    if (!visible) return;
    thumbnails.want(visible, points, channel, hello.image_shape, () => this.plane.invalidate(true));
    const { tints, palette } = this.tints;
    for (const i of visible) {
      const image = thumbnails.get(i);
      if (!image) continue;
      const [x, y] = view.toPixels(points.drawn[2 * i], points.drawn[2 * i + 1]);
      const colour = `rgb(${palette[tints[i]].join(",")})`;
      const strength = selected.size && !selected.has(i) ? 0.3 : 1;
      scene.drawThumbnail(c, image, x, y, THUMBNAIL_PX, colour, strength);
    }
  }

  /** Each point's place in a palette: by class, by value, or all in the colour of text. */
  get tints() {
    const { points, data, theme } = this.plane;
    if (points.value) {
      const [low, high] = points.layout.value.range;
      points.tints ??= Uint8Array.from(points.value, (x) =>
        Math.min(Math.max(Math.round((255 * (x - low)) / (high - low || 1)), 0), 255),
      );
      return { tints: points.tints, palette: Array.from({ length: 256 }, (_, k) => scale(k / 255)) };
    }
    const classes = data.colours.classes.map(rgb);
    if (!points.category) return { tints: new Uint8Array(points.count), palette: [rgb(theme.text)] };
    points.tints ??= points.category.map((k) => k % classes.length);
    return { tints: points.tints, palette: classes };
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
      if (selected.size > FEW) together.push(this.mixture);
      else alone.push(...[...selected].filter((i) => i < points.count && points.shown(i)));
      if (classInSight !== null) together.push(points.mixture(points.ofClass(classInSight)));
      for (const i of alone) scene.drawEllipse(c, view, theme, at(i), covariance(i), sigma);
      for (const { mean, covariance: spread } of together.filter(Boolean)) {
        scene.drawEllipse(c, view, theme, mean, spread, sigma);
        scene.drawCursor(c, view, theme, mean, mu, { ghost: true });
      }
    }
    if (hovered >= 0) scene.drawCursor(c, view, theme, at(hovered), mu, { ghost: true });
  }
}
