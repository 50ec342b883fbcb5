/** Numbers to pixels and to text. */

/**
 * A map of a range onto pixels, linear or logarithmic.
 * @param {[number, number]} range @param {[number, number]} pixels @param {boolean} [log]
 */
export function scale(range, [start, end], log = false) {
  const place = log ? Math.log10 : Number;
  const [from, to] = range.map(place);
  const unit = (end - start) / (to - from || 1);
  return (value) => start + (place(value) - from) * unit;
}

/** Powers of ten in a range, between them 2 and 5 of each where `most` leaves room. */
export function decades([from, to], most) {
  const all = [];
  for (let power = 10 ** Math.floor(Math.log10(from)); power <= to; power *= 10)
    all.push(...[1, 2, 5].map((m) => m * power));
  const inside = all.filter((value) => value >= from * (1 - 1e-9) && value <= to * (1 + 1e-9));
  return inside.length <= most ? inside : inside.filter((value) => Math.log10(value) % 1 === 0);
}

/**
 * Round values in a range, `most` at most; a step finer where there would be one alone, which tells no scale.
 * @param {[number, number]} range @param {number} most @param {boolean} [whole] whole numbers alone
 */
export function ticks([from, to], most, whole = false) {
  const raw = (to - from || 1) / most;
  const power = 10 ** Math.floor(Math.log10(raw));
  const rounds = [0.5, 1, 2, 5, 10];
  const at = rounds.findIndex((m) => m * power >= raw * (1 - 1e-9));
  const every = (m) => multiples(whole ? Math.max(m * power, 1) : m * power, from, to);
  const found = every(rounds[at]);
  return found.length > 1 || to === from ? found : every(rounds[at - 1]);
}

/** Those of a step within a range. */
function multiples(step, from, to) {
  const found = [];
  for (let k = Math.ceil(from / step - 1e-9); k * step <= to + step * 1e-9; k++) found.push(k * step);
  return found;
}

/** As many digits as tell values of this size apart, with a true minus sign. @param {number} value */
export function number(value) {
  const size = Math.abs(value);
  const text = size >= 1e5 ? value.toExponential(1) : String(Number(value.toFixed(size >= 100 ? 1 : size >= 1 ? 2 : 3)));
  return written(text);
}

/** With a true minus sign and commas at the thousands, as in the pages' text. @param {string} text */
function written(text) {
  return text.replace("-", "−").replace(/(?<!\.\d*)\B(?=(\d{3})+(?!\d))/g, ",");
}

/** Ticks as text, all with the decimals that tell neighbours apart. @param {number[]} values */
export function labels(values) {
  const step = Math.abs(values[1] - values[0]);
  const decimals = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
  const plain = values.length > 1 && values.every((value) => Math.abs(value) < 1e5);
  return values.map((value) => (plain ? written(value.toFixed(decimals)) : number(value)));
}

/**
 * The range that shows the lines and their bars: the first tenth of a long training may leave it at the top, since
 * its large values would flatten all the rest.
 * @param {{x: number[], y: number[], bars: [number, number][]}[]} lines @returns {[number, number]}
 */
export function heightOf(lines) {
  let [low, high] = [Infinity, -Infinity];
  for (const { y, bars } of lines) {
    const begun = y.length > 20 ? Math.floor(y.length / 10) : 0;
    y.forEach((value, i) => {
      const [from, to] = bars[i] ?? [value, value];
      low = Math.min(low, from);
      if (i >= begun) high = Math.max(high, to);
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
