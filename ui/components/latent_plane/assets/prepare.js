/** Drawings and pictures made into images such as the model was trained on. */

const FAINT = 32; // of 255: less is paper, not ink

/**
 * MNIST's preparation (LeCun et al. 1998): the ink fits a box of 20 in 28 pixels, its shape kept,
 * and whole pixels move its centre of mass to pixel (14, 14). The digits of MNIST stay as they are.
 * @param {ImageData} image white ink on black @param {[number, number, number]} shape c, h, w
 * @returns {Uint8Array | null} h x w x c bytes; null where there is no ink
 */
export function likeMnist(image, [channels, height, width]) {
  const { data, width: across } = image;
  let [left, right, top, bottom] = [across, -1, image.height, -1];
  let [mass, sumX, sumY] = [0, 0, 0];
  for (let y = 0; y < image.height; y++) {
    for (let x = 0; x < across; x++) {
      const ink = data[4 * (y * across + x)];
      mass += ink;
      sumX += ink * (x + 0.5);
      sumY += ink * (y + 0.5);
      if (ink < FAINT) continue;
      [left, right] = [Math.min(left, x), Math.max(right, x)];
      [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
    }
  }
  if (right < 0) return null;
  const box = Math.round((20 / 28) * Math.min(width, height));
  const scale = box / Math.max(right - left + 1, bottom - top + 1);
  const shift = (side, sum, from) => Math.round((side + 1) / 2 - (sum / mass - from) * scale);
  return reduced(image, [channels, height, width], scale, {
    x: shift(width, sumX, left) - left * scale,
    y: shift(height, sumY, top) - top * scale,
  });
}

/**
 * The whole image, made smaller.
 * @param {ImageData} image of the shape's proportions @param {[number, number, number]} shape c, h, w
 */
export function fitted(image, shape) {
  return reduced(image, shape, shape[2] / image.width, { x: 0, y: 0 });
}

/** Pixel (0, 0) of `image` goes to `at`; each new pixel is the mean of the area that it covers. */
function reduced(image, [channels, height, width], scale, at) {
  const columns = covers(image.width, width, scale, at.x);
  const rows = covers(image.height, height, scale, at.y);
  const pixels = new Uint8Array(height * width * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const sum = [0, 0, 0];
      for (const [row, tall] of rows[y])
        for (const [column, wide] of columns[x])
          for (let c = 0; c < channels; c++)
            sum[c] += tall * wide * image.data[4 * (row * image.width + column) + c];
      for (let c = 0; c < channels; c++)
        pixels[(y * width + x) * channels + c] = Math.round(sum[c] * scale * scale);
    }
  }
  return pixels;
}

/** For each new pixel: the old ones that it covers along one axis, and how much of each. */
function covers(before, after, scale, at) {
  return Array.from({ length: after }, (_, k) => {
    const from = Math.max((k - at) / scale, 0);
    const to = Math.min((k + 1 - at) / scale, before);
    /** @type {[number, number][]} */
    const covered = [];
    for (let i = Math.floor(from + 1e-9); i < to - 1e-9; i++)
      covered.push([i, Math.min(i + 1, to) - Math.max(i, from)]);
    return covered;
  });
}

/** Colours made grey. Changes `image`. @param {ImageData} image @returns {number} the mean of 0 to 255 */
export function grey({ data }) {
  let sum = 0;
  for (let k = 0; k < data.length; k += 4) {
    const value = 0.299 * data[k] + 0.587 * data[k + 1] + 0.114 * data[k + 2];
    data.set([value, value, value, 255], k);
    sum += value;
  }
  return sum / (data.length / 4);
}

/** Ink on paper turned round: MNIST is light on dark. Changes `image`. @param {ImageData} image */
export function lightOnDark(image) {
  const { data } = image;
  if (grey(image) <= 127) return;
  for (let k = 0; k < data.length; k++) if (k % 4 < 3) data[k] = 255 - data[k];
}
