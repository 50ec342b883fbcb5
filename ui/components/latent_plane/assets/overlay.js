/** What a page lays on the plane: a heat map, Gaussians, and a place to look at first. */

import { element } from "./furniture.js";
import { drawBackdrop, drawEllipse, drawLabel, drawPath, drawStop } from "./scene.js";

/**
 * @typedef {{name: string, mean: [number, number], covariance: [number, number, number],
 *   colour: string, dashed: boolean}} Gaussian
 */

export class Overlay {
  /** @param {import("./plane.js").LatentPlane} plane */
  constructor(plane) {
    this.plane = plane;
    /** @type {HTMLImageElement | null} */
    this.picture = null;
    /** @type {Float32Array | null} of the metric: G11, G12, G22 of each cell, rows from the top */
    this.tensors = null;
  }

  /** What Python sent is news, or the same as before. */
  update({ heat, metric, look }) {
    const { plane } = this;
    if (plane.talk.news("heat", heat)) this.#load(heat);
    if (plane.talk.news("metric", metric)) this.#loadMetric(metric);
    if (plane.talk.news("look", look)) this.lookFirst();
  }

  /** To the place that the page looks at first. */
  lookFirst() {
    const { view, data } = this.plane;
    if (data.look) view.lookAt(...data.look);
    else view.reset();
  }

  async #load(heat) {
    this.picture = null;
    this.plane.invalidate(true);
    if (!heat) return;
    const picture = element("img", { src: new URL(heat.url, this.plane.root) });
    await picture.decode().catch(() => {});
    if (this.plane.data.heat?.url !== heat.url || !picture.naturalWidth) return; // newer came
    this.picture = picture;
    this.plane.invalidate(true);
  }

  async #loadMetric(metric) {
    this.tensors = null;
    if (!metric) return;
    const packed = await this.plane.fetched(metric.url);
    if (!packed || this.plane.data.metric?.url !== metric.url) return; // newer came
    this.tensors = new Float32Array(packed);
    this.plane.invalidate();
  }

  /** How the decoder stretches a small step from (a, b): its two principal directions. */
  drawDirections(c, [a, b]) {
    if (!this.tensors) return;
    const { view, theme, data } = this.plane;
    const { side, extent, unit, colour } = data.metric;
    const [left, right, bottom, top] = extent;
    const column = Math.floor(((a - left) / (right - left)) * side);
    const row = Math.floor(((top - b) / (top - bottom)) * side);
    if (row < 0 || column < 0 || row >= side || column >= side) return;
    const [g11, g12, g22] = this.tensors.subarray(3 * (row * side + column));
    const spread = Math.hypot((g11 - g22) / 2, g12);
    const angle = 0.5 * Math.atan2(2 * g12, g11 - g22);
    for (const [square, turn] of [[(g11 + g22) / 2 + spread, 0], [(g11 + g22) / 2 - spread, Math.PI / 2]]) {
      const length = Math.sqrt(Math.max(square, 0)) * unit;
      const [x, y] = [length * Math.cos(angle + turn), length * Math.sin(angle + turn)];
      drawPath(c, view, theme, [[a - x, b - y], [a + x, b + y]], colour);
    }
  }

  /** Ways from A to B that are shown and not edited. */
  drawWays(c) {
    const { view, theme, data } = this.plane;
    for (const { places, colour } of data.ways) drawPath(c, view, theme, places, colour);
    if (!data.ways.length) return;
    const { places } = data.ways[0];
    drawStop(c, view, theme, places[0], "A", data.colours.mu, false);
    drawStop(c, view, theme, places.at(-1), "B", data.colours.mu, false);
  }

  drawHeat(c) {
    const { view, data } = this.plane;
    if (this.picture) drawBackdrop(c, view, this.picture, data.heat.extent, 1);
  }

  drawGaussians(c) {
    const { view, theme, data } = this.plane;
    for (const { mean, covariance, colour, dashed } of data.gaussians) {
      drawEllipse(c, view, theme, mean, covariance, colour, dashed);
    }
    const means = data.gaussians.map(({ mean }) => mean);
    data.gaussians.forEach(({ name, mean, covariance, colour }, k) => {
      drawLabel(c, view, theme, mean, covariance, colour, name, corner(means, k));
    });
  }
}

/**
 * To which side of a Gaussian its name stands: away from the one beside it, or up and to the right.
 * @param {[number, number][]} means @param {number} k @returns {[number, number]} signs
 */
function corner(means, k) {
  const beside = means[k ? 0 : 1] ?? means[k];
  return [0, 1].map((axis) => Math.sign(means[k][axis] - beside[axis]) || (k ? -1 : 1));
}
