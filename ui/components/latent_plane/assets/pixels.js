/** Points as pixels: each as a glyph, or all as counts in cells. Needs no page: a thread can do it. */

export const CELL = 2; // CSS pixels, a side

/**
 * @typedef {{xy: Float32Array, category: Uint8Array | null, tints: Uint8Array | null, count: number}} Crowded
 * @typedef {{left: number, top: number, unit: number, width: number, height: number}} Place (a, b) is
 *   at (left + a unit, top - b unit) of so many pixels
 * @typedef {{reach: number, dx: Int32Array, dy: Int32Array, over: Int32Array}} Stamp the pixels that a
 *   glyph covers around its centre, and how much of 255
 * @typedef {{palette: Uint32Array, hidden: Uint8Array, mask: Uint8Array | null}} Look colours by tint,
 *   as words; 1 for each class that is switched off; 1 for each selected point, null without any
 * @typedef {{stamps: Stamp[], wanted: number, opacity: number, area: number}} Pass by class; points of
 *   that value in the mask; of a glyph: its opacity, and its area in CSS pixels
 */

/**
 * Paint points as glyphs over what `words` holds: a pixel each, alpha, blue, green, red. A crowd is
 * many thousand stamps of a dozen pixels: writing the bytes is several times faster than as many
 * calls of the canvas.
 * @param {Uint32Array} words @param {Crowded} points @param {Place} place @param {Look} look
 * @param {Pass} pass @param {number} [from] @param {number} [to] @param {Uint32Array} [rows] which
 *   points, all by default
 */
export function paint(words, points, place, look, pass, from = 0, to = points.count, rows) {
  const { xy, category, tints } = points;
  const { left, top, unit, width, height } = place;
  const { palette, hidden, mask } = look;
  const { stamps, wanted } = pass;
  const prepared = stamps.map(({ dx, dy }) => dx.map((x, k) => dy[k] * width + x));
  for (let m = from; m < to; m++) {
    const i = rows ? rows[m] : m;
    if (mask && mask[i] !== wanted) continue;
    if (category && hidden[category[i]]) continue;
    const kind = category ? category[i] % stamps.length : 0;
    const { reach, over } = stamps[kind];
    const x = Math.floor(left + xy[2 * i] * unit);
    const y = Math.floor(top - xy[2 * i + 1] * unit);
    if (!(x >= reach && y >= reach && x < width - reach && y < height - reach)) continue;
    const at = prepared[kind];
    const colour = palette[tints ? tints[i] : 0];
    const red = colour & 255;
    const green = (colour >> 8) & 255;
    const blue = (colour >> 16) & 255;
    const centre = y * width + x;
    for (let k = 0; k < at.length; k++) {
      const p = centre + at[k];
      const word = words[p];
      if (word === 0) {
        words[p] = (over[k] << 24) | colour;
        continue;
      }
      const r0 = word & 255;
      const g0 = (word >> 8) & 255;
      const b0 = (word >> 16) & 255;
      const sum = over[k] + (((word >>> 24) * (255 - over[k]) + 127) >> 8);
      const share = ((over[k] << 8) / sum) | 0;
      words[p] =
        (sum << 24) |
        ((b0 + (((blue - b0) * share) >> 8)) << 16) |
        ((g0 + (((green - g0) * share) >> 8)) << 8) |
        (r0 + (((red - r0) * share) >> 8));
    }
  }
}

/**
 * How many points each cell holds, and the sums of their colours.
 * @param {Crowded} points @param {Place} place in cells @param {Look} look @param {number} wanted
 * @returns {Uint32Array} height x width x (count, red, green, blue)
 */
export function count(points, place, look, wanted = 0) {
  const { xy, category, tints } = points;
  const { left, top, unit, width, height } = place;
  const { palette, hidden, mask } = look;
  const cells = new Uint32Array(4 * width * height);
  for (let i = 0; i < points.count; i++) {
    const x = left + xy[2 * i] * unit;
    const y = top - xy[2 * i + 1] * unit;
    if (!(x >= 0 && y >= 0 && x < width && y < height)) continue;
    if (mask && mask[i] !== wanted) continue;
    if (category && hidden[category[i]]) continue;
    const colour = palette[tints ? tints[i] : 0];
    const k = 4 * ((y | 0) * width + (x | 0));
    cells[k]++;
    cells[k + 1] += colour & 255;
    cells[k + 2] += (colour >> 8) & 255;
    cells[k + 3] += (colour >> 16) & 255;
  }
  return cells;
}

/**
 * Colour cells by the mean of their points, over what `words` holds, as opaque as so many glyphs
 * strewn over a place of that density.
 * @param {Uint32Array} words a cell each @param {Uint32Array} cells as `count` gives them @param {Pass} pass
 */
export function shade(words, cells, { opacity, area }) {
  const clear = (1 - opacity) ** (area / CELL ** 2); // what one point lets through
  const cover = Float64Array.from({ length: 256 }, (_, n) => 255 * (1 - clear ** n));
  for (let p = 0; p < words.length; p++) {
    const n = cells[4 * p];
    if (!n) continue;
    const over = cover[Math.min(n, 255)];
    const word = words[p];
    const under = ((word >>> 24) * (255 - over)) / 255;
    const [mine, theirs] = [over / (over + under) / n, under / (over + under)];
    const red = Math.round(mine * cells[4 * p + 1] + theirs * (word & 255));
    const green = Math.round(mine * cells[4 * p + 2] + theirs * ((word >> 8) & 255));
    const blue = Math.round(mine * cells[4 * p + 3] + theirs * ((word >> 16) & 255));
    words[p] = (Math.round(over + under) << 24) | (blue << 16) | (green << 8) | red;
  }
}

/** Which points are in sight, null where they are more than `most`. @returns {Uint32Array | null} */
export function inSight(points, place, look, most) {
  const { xy, category } = points;
  const { left, top, unit, width, height } = place;
  const found = new Uint32Array(most);
  let n = 0;
  for (let i = 0; i < points.count; i++) {
    const x = left + xy[2 * i] * unit;
    const y = top - xy[2 * i + 1] * unit;
    if (!(x >= 0 && y >= 0 && x < width && y < height)) continue;
    if (category && look.hidden[category[i]]) continue;
    if (n === most) return null;
    found[n++] = i;
  }
  return found.subarray(0, n);
}
