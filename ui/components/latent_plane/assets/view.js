/** The map between coordinates of the plane and CSS pixels of its canvas; one unit for both axes. */
export class View {
  constructor() {
    this.width = 0;
    this.height = 0;
    this.scale = 1; // of text
    this.covered = 0; // pixels at the top, by the layers' chips
    this.home = { x: 0, y: 0, half: 3.5 };
    this.reset();
  }

  /** Centre and half the extent of the canvas's shorter side. */
  reset() {
    Object.assign(this, this.home);
  }

  /** Pixels of one unit. */
  get unit() {
    return Math.min(this.width, this.height) / 2 / this.half;
  }

  /** How far it is zoomed in: 1 at home. */
  get zoomed() {
    return this.home.half / this.half;
  }

  /** @param {number} a @param {number} b @returns {[number, number]} */
  toPixels(a, b) {
    return [
      this.width / 2 + (a - this.x) * this.unit,
      this.height / 2 - (b - this.y) * this.unit,
    ];
  }

  /** @param {number} px @param {number} py @returns {[number, number]} */
  toPlane(px, py) {
    return [
      this.x + (px - this.width / 2) / this.unit,
      this.y - (py - this.height / 2) / this.unit,
    ];
  }

  /** @param {number} dx @param {number} dy in pixels */
  pan(dx, dy) {
    this.x -= dx / this.unit;
    this.y += dy / this.unit;
  }

  /**
   * Keep the point under (px, py) where it is. @param {number} factor @param {number} px
   * @param {number} py @returns {boolean} whether there was room to zoom
   */
  zoom(factor, px, py) {
    const [a, b] = this.toPlane(px, py);
    const before = this.half;
    this.lookAt(this.x, this.y, this.half / factor);
    const [c, d] = this.toPlane(px, py);
    this.x += a - c;
    this.y += b - d;
    return this.half !== before;
  }

  /** Centre and half extent, as near and as far as it goes. @param {number} x @param {number} y @param {number} half */
  lookAt(x, y, half) {
    const { home } = this;
    Object.assign(this, { x, y, half: Math.min(Math.max(half, home.half / 200), home.half * 4) });
  }

  /** Ticks at round steps over what one axis shows, of which a small plane has several, too. @param {"x" | "y"} axis */
  ticks(axis) {
    const half = (axis === "x" ? this.width : this.height) / 2 / this.unit;
    const raw = Math.min(60 * this.scale, Math.min(this.width, this.height) / 5) / this.unit;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = power * [1, 2, 5, 10].find((m) => m * power >= raw);
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    const ticks = [];
    for (let k = Math.ceil((this[axis] - half) / step); k * step <= this[axis] + half; k++) {
      ticks.push({ at: k * step, text: number(k * step, digits) });
    }
    return ticks;
  }
}

/** A number as text, with a true minus sign. @param {number} value @param {number} digits */
export function number(value, digits) {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "\u2212");
}
