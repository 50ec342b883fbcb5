/** A way through latent space along stops, step by step as `vae_core.latent.paths` walks it. */

/**
 * `steps` places a leg with both its ends; neighbouring legs share a stop.
 * @param {number[][]} stops @param {"linear" | "spherical"} method @param {number} steps
 * @returns {number[][]}
 */
export function along(stops, method, steps) {
  const leg = method === "spherical" ? spherical : linear;
  const places = stops.slice(1).flatMap((stop, k) => {
    const at = leg(stops[k], stop);
    return Array.from({ length: steps - 1 }, (_, i) => at(i / (steps - 1)));
  });
  return [...places, stops[stops.length - 1]];
}

function linear(a, b) {
  return (t) => a.map((x, k) => x + (b[k] - x) * t);
}

/** The great circle, the norm going linearly (Shoemake 1985; White 2016). */
function spherical(a, b) {
  const [normA, normB] = [norm(a), norm(b)];
  if (a.length === 1 || normA === 0 || normB === 0) return linear(a, b);
  const from = a.map((x) => x / normA);
  const to = b.map((x) => x / normB);
  let across = perpendicular(to, from);
  if (norm(across) < 1e-12) {
    const least = from.reduce((best, x, k) => (Math.abs(x) < Math.abs(from[best]) ? k : best), 0);
    across = perpendicular(from.map((_, k) => (k === least ? 1 : 0)), from);
  }
  const length = norm(across);
  const angle =
    2 * Math.atan2(norm(to.map((x, k) => x - from[k])), norm(to.map((x, k) => x + from[k])));
  return (t) => {
    const radius = normA + (normB - normA) * t;
    const [c, s] = [Math.cos(t * angle) * radius, (Math.sin(t * angle) * radius) / length];
    return from.map((x, k) => c * x + s * across[k]);
  };
}

function perpendicular(p, unit) {
  const along = p.reduce((sum, x, k) => sum + x * unit[k], 0);
  return p.map((x, k) => x - along * unit[k]);
}

/** @param {number[]} p */
export function norm(p) {
  return Math.hypot(...p);
}
