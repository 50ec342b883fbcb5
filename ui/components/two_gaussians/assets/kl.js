/** Two Gaussians on a line, and the Kullback-Leibler divergences between them, in nats. */

/** @typedef {{mu: number, sigma: number}} Gaussian */

const LOG_ROOT = 0.5 * Math.log(2 * Math.PI);

/** @param {Gaussian} gaussian @param {number} x */
export function logDensity({ mu, sigma }, x) {
  return -0.5 * ((x - mu) / sigma) ** 2 - Math.log(sigma) - LOG_ROOT;
}

/** KL(a || b) in closed form. @param {Gaussian} a @param {Gaussian} b */
export function divergence(a, b) {
  const ratio = (a.sigma / b.sigma) ** 2;
  return 0.5 * (ratio + ((a.mu - b.mu) / b.sigma) ** 2 - 1 - Math.log(ratio));
}

/** What is summed to KL(a || b): a(x) log (a(x) / b(x)). @param {Gaussian} a @param {Gaussian} b @param {number} x */
export function integrand(a, b, x) {
  const log = logDensity(a, x);
  return Math.exp(log) * (log - logDensity(b, x));
}
