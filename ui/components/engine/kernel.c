// The engine's arithmetic: what takes nearly all of its time, over one memory of floats.
// Numbers that are worked on are followed by room for three more, which may be overwritten.
// plain.js has the same functions for browsers without WebAssembly or its SIMD.

typedef float f4 __attribute__((vector_size(16)));
typedef float near4 __attribute__((vector_size(16), aligned(4), may_alias)); // wherever it begins
typedef int i4 __attribute__((vector_size(16)));

#define EXPORT(name) __attribute__((export_name(#name))) name
#define INLINE static inline __attribute__((always_inline))

INLINE f4 at(const float *x) { return *(const near4 *)x; }
INLINE f4 all(float x) { return (f4){x, x, x, x}; }
INLINE float sum(f4 x) { return (x[0] + x[1]) + (x[2] + x[3]); }

// y (rows, m) = x (rows, n) w' + b: w (m, n), b (m)
void EXPORT(linear)(const float *x, const float *w, const float *b, float *y, int rows, int n, int m) {
  for (int j = 0; j < m; j += 4) {
    const float *of[4];
    for (int k = 0; k < 4; k++) of[k] = w + (j + k < m ? j + k : m - 1) * n;
    for (int r = 0; r < rows; r++) {
      const float *row = x + r * n;
      f4 sums[4] = {};
      int i = 0;
      for (; i + 4 <= n; i += 4) {
        f4 part = at(row + i);
        for (int k = 0; k < 4; k++) sums[k] += part * at(of[k] + i);
      }
      for (int k = 0; k < 4 && j + k < m; k++) {
        float total = sum(sums[k]);
        for (int rest = i; rest < n; rest++) total += row[rest] * of[k][rest];
        y[r * m + j + k] = total + b[j + k];
      }
    }
  }
}

// `tall` rows and 8 columns of a product
INLINE void tile(const float *a, const float *b, const float *bias, float *y, int n, int m, int tall) {
  f4 sums[4][2];
  for (int r = 0; r < tall; r++) sums[r][0] = sums[r][1] = all(bias ? bias[r] : 0);
  for (int k = 0; k < n; k++) {
    f4 left = at(b + k * m), right = at(b + k * m + 4);
    for (int r = 0; r < tall; r++) {
      f4 times = all(a[r * n + k]);
      sums[r][0] += times * left;
      sums[r][1] += times * right;
    }
  }
  for (int r = 0; r < tall; r++) {
    *(near4 *)(y + r * m) = sums[r][0];
    *(near4 *)(y + r * m + 4) = sums[r][1];
  }
}

// y (rows, m) = a (rows, n) b (n, m) + bias (rows), or nothing where bias is 0
void EXPORT(product)(const float *a, const float *b, const float *bias, float *y, int rows, int n, int m) {
  if (m < 8) {
    for (int r = 0; r < rows; r++)
      for (int p = 0; p < m; p++) {
        float total = bias ? bias[r] : 0;
        for (int k = 0; k < n; k++) total += a[r * n + k] * b[k * m + p];
        y[r * m + p] = total;
      }
    return;
  }
  // The last tiles overlap those before them.
  for (int p = 0; p < m; p += 8) {
    int column = p + 8 <= m ? p : m - 8;
    for (int r = 0; r < rows; r += 4) {
      int row = r + 4 <= rows ? r : rows >= 4 ? rows - 4 : r;
      const float *from = a + row * n, *add = bias ? bias + row : 0;
      float *to = y + row * m + column;
      if (rows >= 4) {
        tile(from, b + column, add, to, n, m, 4);
      } else {
        for (int k = 0; k < rows; k++) tile(from + k * n, b + column, add ? add + k : 0, to + k * m, n, m, 1);
      }
    }
  }
}

// A convolution of x (c, h, w) to (oh, ow) as columns: y (c kh kw, oh ow)
void EXPORT(columns)(const float *x, float *y, int c, int h, int w, int kh, int kw, int sh, int sw,
                     int ph, int pw, int oh, int ow) {
  for (int channel = 0; channel < c; channel++, x += h * w)
    for (int ky = 0; ky < kh; ky++)
      for (int kx = 0; kx < kw; kx++)
        for (int i = 0; i < oh; i++, y += ow) {
          int row = i * sh - ph + ky, column = kx - pw;
          int inside = row >= 0 && row < h;
          for (int j = 0; j < ow; j++, column += sw)
            y[j] = inside && column >= 0 && column < w ? x[row * w + column] : 0;
        }
}

// Columns (c kh kw, ih iw) of a transposed convolution stamped onto y (c, h, w) = bias (c)
void EXPORT(stamp)(const float *x, const float *bias, float *y, int c, int h, int w, int kh, int kw,
                   int sh, int sw, int ph, int pw, int ih, int iw) {
  for (int channel = 0; channel < c; channel++, y += h * w) {
    for (int k = 0; k < h * w; k++) y[k] = bias[channel];
    for (int ky = 0; ky < kh; ky++)
      for (int kx = 0; kx < kw; kx++)
        for (int i = 0; i < ih; i++, x += iw) {
          int row = i * sh - ph + ky, column = kx - pw;
          if (row < 0 || row >= h) continue;
          for (int j = 0; j < iw; j++, column += sw)
            if (column >= 0 && column < w) y[row * w + column] += x[j];
        }
  }
}

INLINE f4 choose(i4 which, f4 yes, f4 no) { return (f4)((which & (i4)yes) | (~which & (i4)no)); }
INLINE f4 least(f4 x, float low) { return choose(x > low, x, all(low)); }
INLINE f4 most(f4 x, float high) { return choose(x < high, x, all(high)); }
INLINE f4 size(f4 x) { return (f4)((i4)x & 0x7fffffff); }

// By powers of 2 and a polynomial (Cephes' expf)
INLINE f4 exponential(f4 x) {
  x = most(least(x, -87), 88);
  f4 power = __builtin_elementwise_rint(x * 1.44269504f);
  x = x - power * 0.693359375f + power * 2.12194440e-4f;
  f4 y = x * 1.9875691500e-4f + 1.3981999507e-3f;
  y = y * x + 8.3334519073e-3f;
  y = y * x + 4.1665795894e-2f;
  y = y * x + 1.6666665459e-1f;
  y = y * x + 5.0000001201e-1f;
  y = y * x * x + x + 1;
  return y * (f4)((__builtin_convertvector(power, i4) + 127) << 23);
}

INLINE f4 sigmoid(f4 x) { return 1 / (1 + exponential(-x)); }

// x times the normal distribution function (Abramowitz & Stegun 7.1.26)
INLINE f4 gelu(f4 x) {
  f4 a = size(x) * 0.70710678f, t = 1 / (1 + 0.3275911f * a);
  f4 y = t * 1.061405429f - 1.453152027f;
  y = y * t + 1.421413741f;
  y = y * t - 0.284496736f;
  y = (y * t + 0.254829592f) * t * exponential(-a * a) * 0.5f;
  return x * choose(x < 0, y, 1 - y);
}

// 1 / (1 - exp(-x)) - 1 / x, by its series where that would cancel
INLINE f4 continuous_bernoulli(f4 x) {
  f4 a = size(x), s = x * x;
  f4 far = 1 / (1 - exponential(-a)) - 1 / a;
  f4 near = x * (1.f / 12 - s * (1.f / 720 - s * (1.f / 30240 - s / 1209600)));
  return choose(a < 0.5f, 0.5f + near, choose(x < 0, 1 - far, far));
}

// In place; the kinds are numbered as KINDS of engine.js.
void EXPORT(activate)(float *x, int n, int kind, float slope) {
  for (int k = 0; k < n; k += 4) {
    f4 v = at(x + k), y = v;
    switch (kind) {
      case 0: y = least(v, 0); break;
      case 1: y = choose(v > 0, v, v * slope); break;
      case 2: y = choose(v > 0, v, slope * (exponential(v) - 1)); break;
      case 3: y = sigmoid(v); break;
      case 4: y = v * sigmoid(v); break;
      case 5: y = 2 * sigmoid(2 * v) - 1; break;
      case 6: y = gelu(v); break;
      case 7: y = most(least(v, 0), 1); break;
      case 8: y = continuous_bernoulli(v); break;
    }
    *(near4 *)(x + k) = y;
  }
}
