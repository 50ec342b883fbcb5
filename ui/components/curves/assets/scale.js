/** Numbers to pixels and to text. */

/** A linear map of a range onto pixels. @param {[number, number]} range @param {[number, number]} pixels */
export function scale([from, to], [start, end]) {
  const unit = (end - start) / (to - from || 1);
  return (value) => start + (value - from) * unit;
}

/**
 * Round values in a range, `most` at most.
 * @param {[number, number]} range @param {number} most @param {boolean} [whole] whole numbers alone
 */
export function ticks([from, to], most, whole = false) {
  const raw = (to - from || 1) / most;
  const power = 10 ** Math.floor(Math.log10(raw));
  const round = power * [1, 2, 5, 10].find((m) => m * power >= raw * (1 - 1e-9));
  const step = whole ? Math.max(round, 1) : round;
  const found = [];
  for (let k = Math.ceil(from / step - 1e-9); k * step <= to + step * 1e-9; k++) found.push(k * step);
  return found;
}

/** As many digits as tell values of this size apart, with a true minus sign. @param {number} value */
export function number(value) {
  const size = Math.abs(value);
  const text = size >= 1e5 ? value.toExponential(1) : String(Number(value.toFixed(size >= 100 ? 1 : size >= 1 ? 2 : 3)));
  return text.replace("-", "−");
}

/**
 * The range that shows the lines: the first tenth of a long training may leave it at the top, since
 * its large values would flatten all the rest.
 * @param {{x: number[], y: number[]}[]} lines @returns {[number, number]}
 */
export function heightOf(lines) {
  let [low, high] = [Infinity, -Infinity];
  for (const { y } of lines) {
    const begun = y.length > 20 ? Math.floor(y.length / 10) : 0;
    y.forEach((value, i) => {
      low = Math.min(low, value);
      if (i >= begun) high = Math.max(high, value);
    });
  }
  if (low > high) return [0, 1];
  const room = (high - low || Math.abs(high) || 1) * 0.06;
  return [low >= 0 && low < room ? 0 : low - room, high + room];
}

/** The place in rising `x` that is nearest to `value`; -1 in none. @param {number[]} x */
export function nearest(x, value) {
  let [low, high] = [0, x.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (x[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low > 0 && value - x[low - 1] < x[low] - value ? low - 1 : low < x.length ? low : -1;
}
