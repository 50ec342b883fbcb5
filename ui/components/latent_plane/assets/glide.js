/** Points on their way, but for a crowd: the same images on the same axes, as new weights place them. */

const MS = { least: 150, most: 500 };

export class Glide {
  /** @param {import("./plane.js").LatentPlane} plane */
  constructor(plane) {
    this.plane = plane;
    this.began = -Infinity;
    /** @type {import("./points.js").Points | null} on their way */
    this.points = null;
  }

  /**
   * Lead new points from where the old ones are drawn, and the view along with them. It takes as
   * long as the old ones stood, so that points which keep coming keep moving.
   * @param {import("./points.js").Points | null} before @param {number} half of the view before
   */
  begin(before, half) {
    const { points, view } = this.plane;
    const now = performance.now();
    const stood = now - this.began;
    this.began = now;
    this.points = null;
    const axes = this.axes;
    this.axes = this.plane.data.labels.join();
    if (!before || points.crowd || axes !== this.axes || !alike(before, points)) return;
    if (same(before.drawn, points.xy)) return;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    this.lasts = Math.min(Math.max(stood, MS.least), MS.most);
    this.points = points;
    this.from = { drawn: before.drawn, half };
    this.half = view.half;
    points.drawn = before.drawn.slice();
    this.#view(half);
  }

  /** Whether the view goes along: a visitor who zooms takes it over. */
  get leads() {
    return this.points !== null && this.plane.view.half === this.set;
  }

  /** Before a frame is drawn: one step of the way. @returns {boolean} whether points move */
  step() {
    const { points, from } = this;
    if (!points) return false;
    const share = Math.min((performance.now() - this.began) / this.lasts, 1);
    const { xy, drawn } = points;
    for (let i = 0; i < drawn.length; i++) drawn[i] = from.drawn[i] + share * (xy[i] - from.drawn[i]);
    if (this.leads) this.#view(from.half + share * (this.half - from.half));
    if (share < 1) return true;
    points.drawn = xy;
    this.points = null;
    return true;
  }

  #view(half) {
    this.plane.view.half = this.set = half;
  }
}

/** Whether these are the same images, though another model may store them at other rows. */
function alike(a, b) {
  return a.count === b.count && same(a.category ?? [], b.category ?? []);
}

/** @template {ArrayLike<number>} T @param {T} a @param {T} b */
function same(a, b) {
  return a.length === b.length && Array.prototype.every.call(a, (value, i) => value === b[i]);
}
