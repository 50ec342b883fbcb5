/** The functions of kernel.c in JavaScript, for browsers without WebAssembly or its SIMD. */

/** @param {ArrayBuffer} memory in which all addresses are, in bytes */
export function plainKernel(memory) {
  const f = new Float32Array(memory);

  function linear(x, w, b, y, rows, n, m) {
    [x, w, b, y] = [x / 4, w / 4, b / 4, y / 4];
    for (let r = 0; r < rows; r++)
      for (let j = 0; j < m; j++) {
        let [s0, s1, s2, s3] = [0, 0, 0, 0];
        const [row, of] = [x + r * n, w + j * n];
        let i = 0;
        for (; i + 4 <= n; i += 4) {
          s0 += f[row + i] * f[of + i];
          s1 += f[row + i + 1] * f[of + i + 1];
          s2 += f[row + i + 2] * f[of + i + 2];
          s3 += f[row + i + 3] * f[of + i + 3];
        }
        for (; i < n; i++) s0 += f[row + i] * f[of + i];
        f[y + r * m + j] = s0 + s1 + (s2 + s3) + f[b + j];
      }
  }

  function product(a, b, bias, y, rows, n, m) {
    [a, b, y] = [a / 4, b / 4, y / 4];
    for (let r = 0; r < rows; r++) {
      const to = y + r * m;
      f.fill(bias ? f[bias / 4 + r] : 0, to, to + m);
      for (let k = 0; k < n; k++) {
        const [times, from] = [f[a + r * n + k], b + k * m];
        for (let p = 0; p < m; p++) f[to + p] += times * f[from + p];
      }
    }
  }

  function columns(x, y, c, h, w, kh, kw, sh, sw, ph, pw, oh, ow) {
    [x, y] = [x / 4, y / 4];
    for (let channel = 0; channel < c; channel++, x += h * w)
      for (let ky = 0; ky < kh; ky++)
        for (let kx = 0; kx < kw; kx++)
          for (let i = 0; i < oh; i++, y += ow) {
            const row = i * sh - ph + ky;
            const inside = row >= 0 && row < h;
            for (let j = 0, column = kx - pw; j < ow; j++, column += sw)
              f[y + j] = inside && column >= 0 && column < w ? f[x + row * w + column] : 0;
          }
  }

  function stamp(x, bias, y, c, h, w, kh, kw, sh, sw, ph, pw, ih, iw) {
    [x, y] = [x / 4, y / 4];
    for (let channel = 0; channel < c; channel++, y += h * w) {
      f.fill(f[bias / 4 + channel], y, y + h * w);
      for (let ky = 0; ky < kh; ky++)
        for (let kx = 0; kx < kw; kx++)
          for (let i = 0; i < ih; i++, x += iw) {
            const row = i * sh - ph + ky;
            if (row < 0 || row >= h) continue;
            for (let j = 0, column = kx - pw; j < iw; j++, column += sw)
              if (column >= 0 && column < w) f[y + row * w + column] += f[x + j];
          }
    }
  }

  function activate(x, n, kind, slope) {
    const by = ACTIVATIONS[kind];
    for (let k = x / 4; k < x / 4 + n; k++) f[k] = by(f[k], slope);
  }

  return { linear, product, columns, stamp, activate };
}

const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const ACTIVATIONS = [
  (x) => Math.max(x, 0),
  (x, slope) => (x > 0 ? x : slope * x),
  (x, slope) => (x > 0 ? x : slope * Math.expm1(x)),
  sigmoid,
  (x) => x * sigmoid(x),
  Math.tanh,
  gelu,
  (x) => Math.min(Math.max(x, 0), 1),
  continuousBernoulli,
];

/** x times the normal distribution function (Abramowitz & Stegun 7.1.26). */
function gelu(x) {
  const a = Math.abs(x) * Math.SQRT1_2;
  const t = 1 / (1 + 0.3275911 * a);
  const y = ((((t * 1.061405429 - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  const tail = (y * Math.exp(-a * a)) / 2;
  return x * (x < 0 ? tail : 1 - tail);
}

/** 1 / (1 - exp(-x)) - 1 / x, by its series where that would cancel. */
function continuousBernoulli(x) {
  const s = x * x;
  if (s < 0.25) return 0.5 + x * (1 / 12 - s * (1 / 720 - s * (1 / 30240 - s / 1209600)));
  return 1 / -Math.expm1(-x) - 1 / x;
}
