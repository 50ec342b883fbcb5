/** What can be read off lines: where, and how much. */

const WIDEST = 1 / 40; // of a line's span, between two places in its steps

/** @typedef {{x: number[], y: number[]}} Points rising in x; where they share one, the line is upright */

/** Where lines can be read, rising: at their points; where some are upright, between these. @param {Points[]} lines */
export function stops(lines) {
  const all = lines.flatMap(({ x }) => (x.some((at, i) => at === x[i - 1]) ? middles(x) : x));
  return [...new Set(all)].sort((a, b) => a - b);
}

/** Of equal parts between neighbours. @param {number[]} x */
function middles(x) {
  const widest = (x.at(-1) - x[0]) * WIDEST;
  return x.slice(1).flatMap((to, i) => {
    const parts = Math.ceil((to - x[i]) / widest - 1e-9) || 0;
    return Array.from({ length: parts }, (_, k) => x[i] + ((k + 0.5) / parts) * (to - x[i]));
  });
}

/**
 * A line's value as it is drawn, straight between its points; undefined beyond its ends, the last where it is upright.
 * @param {Points} line @param {number} at @param {boolean} [log] whether x is drawn logarithmic
 * @returns {number | undefined}
 */
export function valueAt({ x, y }, at, log = false) {
  const i = x.findLastIndex((value) => value <= at);
  if (i < 0 || at > x.at(-1)) return undefined;
  if (x[i] === at) return y[i];
  const [from, to, here] = log ? [x[i], x[i + 1], at].map(Math.log10) : [x[i], x[i + 1], at];
  return y[i] + ((here - from) / (to - from)) * (y[i + 1] - y[i]);
}
