/** Which points are selected, in their order. It never changes: who selects makes a new one. */

const LISTED = 2000; // more points are told as bits, as `ui/components/latent_plane/selected.py` has it

export class Selection {
  /** @param {Iterable<number>} [points] in any order */
  constructor(points = []) {
    let most = -1;
    let size = 0;
    for (const i of points) if (i > most) most = i;
    /** 1 for each point that is selected, up to the last of them */
    this.mask = new Uint8Array(most + 1);
    for (const i of points) this.mask[i] = 1;
    for (let i = 0; i <= most; i++) size += this.mask[i];
    this.points = new Uint32Array(size);
    for (let i = 0, k = 0; i <= most; i++) if (this.mask[i]) this.points[k++] = i;
  }

  get size() {
    return this.points.length;
  }

  /** @param {number} i */
  has(i) {
    return this.mask[i] === 1;
  }

  [Symbol.iterator]() {
    return this.points[Symbol.iterator]();
  }

  /** 1 for each of n points that is selected. @param {number} n */
  maskOf(n) {
    const mask = new Uint8Array(n);
    mask.set(this.mask.subarray(0, n));
    return mask;
  }

  /** These and more. @param {ArrayLike<number>} points */
  with(points) {
    const all = new Uint32Array(this.size + points.length);
    all.set(this.points);
    all.set(points, this.size);
    return new Selection(all);
  }

  /** @param {number} i */
  without(i) {
    return new Selection(this.points.filter((k) => k !== i));
  }

  /** As Python hears and says it: numbers, or of very many a bit for each point, in base64. @returns {number[] | string} */
  get packed() {
    if (this.size <= LISTED) return [...this.points];
    const bytes = new Uint8Array(Math.ceil(this.mask.length / 8));
    for (const i of this.points) bytes[i >> 3] |= 1 << (i & 7);
    let text = "";
    for (let k = 0; k < bytes.length; k += 8192) text += String.fromCharCode(...bytes.subarray(k, k + 8192));
    return btoa(text);
  }

  /** @param {number[] | string} packed */
  static of(packed) {
    if (typeof packed !== "string") return new Selection(packed);
    const bytes = Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
    const points = new Uint32Array(8 * bytes.length);
    let n = 0;
    for (let i = 0; i < points.length; i++) if ((bytes[i >> 3] >> (i & 7)) & 1) points[n++] = i;
    return new Selection(points.subarray(0, n));
  }
}
