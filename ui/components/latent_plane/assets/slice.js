/** A plane through latent space: z = origin + a u + b v, in coordinates (a, b). */

export class Slice {
  /** @param {{u: number[], v: number[], origin: number[]}} given u and v orthonormal */
  constructor({ u, v, origin }) {
    Object.assign(this, { u, v, origin });
  }

  /** Coordinates of z in the plane. @param {number[]} z @returns {[number, number]} */
  place(z) {
    let [a, b] = [0, 0];
    for (let k = 0; k < z.length; k++) {
      a += (z[k] - this.origin[k]) * this.u[k];
      b += (z[k] - this.origin[k]) * this.v[k];
    }
    return [a, b];
  }

  /** `z` moved along the plane until it stands at (a, b). @param {number[]} z @returns {number[]} */
  moved(z, [a, b]) {
    const [a0, b0] = this.place(z);
    return z.map((x, k) => Math.round((x + (a - a0) * this.u[k] + (b - b0) * this.v[k]) * 1e4) / 1e4);
  }

  /** The parallel plane on which z lies, as text to compare. @param {number[]} z */
  through(z) {
    return JSON.stringify([this.moved(z, [0, 0]), this.u, this.v]);
  }

  /** The covariance of a diagonal Gaussian: var(a), cov(a, b), var(b). @param {number[]} sigma */
  covariance(sigma) {
    const sum = (p, q) => sigma.reduce((s, x, k) => s + x * x * p[k] * q[k], 0);
    return [sum(this.u, this.u), sum(this.u, this.v), sum(this.v, this.v)];
  }
}
