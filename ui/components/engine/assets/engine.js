/**
 * The arithmetic of a packed model: `vae_core/export` says what its steps are and how its bytes lie.
 * What takes time is done by a kernel, over one memory in which weights and states have fixed places.
 */

import { KERNEL } from "./kernel.js";
import { plainKernel } from "./plain.js";

const FORMAT = 1;
const KINDS = ["relu", "leaky", "elu", "sigmoid", "silu", "tanh", "gelu", "clamp", "continuous-bernoulli"];
const PAGE = 65536; // bytes; the first is the kernel's own
const NUMBERS_AT_ONCE = 1 << 18; // of the widest state
const MOST_AT_ONCE = 16; // images
const NO_UNIT = -128; // among feature maps

/** The requests that it answers, see `live/decode.py`. */
const [DECODE, ENCODE, RETURN, MAPS] = [1, 2, 3, 5];

export class Engine {
  /**
   * An error where the bytes are none that it knows.
   * @param {ArrayBuffer} packed @param {{plain?: boolean}} [how] plain: without WebAssembly
   */
  static async of(packed, { plain = false } = {}) {
    const length = new DataView(packed).getUint32(0, true);
    const head = JSON.parse(new TextDecoder().decode(new Uint8Array(packed, 4, length)));
    if (head.format !== FORMAT) throw new Error(`weights of the format ${head.format}, not ${FORMAT}`);
    const engine = new Engine(head);
    const memory = await kernelOver(engine.bytes, plain);
    engine.simd = memory.simd;
    engine.kernel = memory.kernel;
    engine.f = new Float32Array(memory.buffer);
    engine.#unpack(packed, 4 + length);
    return engine;
  }

  /** Lay out the memory. */
  constructor(head) {
    this.head = head;
    this.coding = head.coding;
    const steps = [...head.decoder, ...(head.encoder ?? [])];
    const image = head.image_shape.reduce(times);
    const widest = Math.max(image, ...steps.map(({ size }) => size));
    const columns = Math.max(0, ...steps.map(columnsOf));
    const piled = steps.filter(({ op }) => op === "keep").length;
    this.atOnce = Math.min(Math.max(Math.floor(NUMBERS_AT_ONCE / widest), 1), MOST_AT_ONCE);

    this.bytes = PAGE;
    const room = (numbers) => {
      const at = this.bytes;
      this.bytes += 16 * Math.ceil((numbers + 4) / 4);
      return at;
    };
    this.weights = head.tensors.map(({ shape }) => room(shape.reduce(times)));
    this.now = room(widest * this.atOnce);
    this.next = room(widest * this.atOnce);
    this.columns = room(columns);
    this.spare = Array.from({ length: piled }, () => room(widest * this.atOnce));
    /** @type {{at: number, size: number}[]} */
    this.pile = [];
  }

  #unpack(packed, from) {
    this.head.tensors.forEach(({ shape, at, coding }, k) => {
      const count = shape.reduce(times);
      const to = this.f.subarray(this.weights[k] / 4, this.weights[k] / 4 + count);
      if (coding === "float32") {
        to.set(new Float32Array(packed, from + at, count));
      } else if (coding === "float16") {
        const halves = new Uint16Array(packed, from + at, count);
        for (let i = 0; i < count; i++) to[i] = HALVES[halves[i]];
      } else {
        const [rows, n] = shape;
        const scales = new Float32Array(packed, from + at, rows);
        const levels = new Int8Array(packed, from + at + 4 * rows, count);
        for (let i = 0; i < count; i++) to[i] = levels[i] * scales[Math.floor(i / n)];
      }
    });
  }

  /**
   * Answer a request as the server does.
   * @param {number} verb @param {number} rows `atOnce` at most @param {Float32Array | Uint8Array} payload
   * @returns {Uint8Array} the answer's bytes
   */
  answer(verb, rows, payload) {
    this.pile.length = 0;
    if (verb === ENCODE) return bytesOf(this.#encoded(rows, this.#images(rows, payload)));
    this.f.set(payload, this.now / 4);
    this.size = this.head.latent_dim;
    if (verb === MAPS) return this.#maps();
    this.#run(this.head.decoder, rows);
    if (verb === RETURN) return bytesOf(this.#encoded(rows));
    if (verb === DECODE) return this.#pixels(rows);
    throw new Error(`no verb ${verb}`);
  }

  /** The mean images of z, rows x c x h x w in [0, 1]; a view, until the next call. */
  decode(rows, z) {
    this.answer(DECODE, rows, z);
    return this.#state(rows);
  }

  #state(rows) {
    return this.f.subarray(this.now / 4, this.now / 4 + rows * this.size);
  }

  /** Take images as bytes, rows x h x w x c, for the state. */
  #images(rows, bytes) {
    const [channels, height, width] = this.head.image_shape;
    const area = height * width;
    this.size = channels * area;
    const state = this.#state(rows);
    for (let r = 0, from = 0; r < rows; r++)
      for (let place = 0; place < area; place++)
        for (let c = 0; c < channels; c++, from++)
          state[(r * channels + c) * area + place] = bytes[from] / 255;
  }

  /** The state as bytes, rows x h x w x c, halves to even as PyTorch rounds. */
  #pixels(rows) {
    const [channels, height, width] = this.head.image_shape;
    const area = height * width;
    const state = this.#state(rows);
    const bytes = new Uint8Array(rows * this.size);
    for (let r = 0, to = 0; r < rows; r++)
      for (let place = 0; place < area; place++)
        for (let c = 0; c < channels; c++, to++)
          bytes[to] = rounded(Math.fround(state[(r * channels + c) * area + place] * 255));
    return bytes;
  }

  /** mu and logvar of the images that are the state, rows x 2 x d. */
  #encoded(rows) {
    const { encoder, has_sigma: hasSigma, latent_dim: d } = this.head;
    this.#run(encoder, rows);
    const codes = this.#state(rows).slice();
    if (!hasSigma) for (let r = 0; r < rows; r++) codes.fill(-Infinity, (2 * r + 1) * d, (2 * r + 2) * d);
    return codes;
  }

  /** The decoder's feature maps, as `FeatureMaps.shares` shows them, layer after layer. */
  #maps() {
    /** @type {number[]} */
    const shares = [];
    this.#run(this.head.decoder, 1, ([rows, n, filling]) => {
      const state = this.#state(1);
      let most = 0;
      for (const x of state) most = Math.max(most, Math.abs(x));
      for (let r = 0; r < rows; r++) {
        for (let k = 0; k < n; k++) {
          const share = Math.fround(Math.fround(state[r * n + k] / (most || 1)) * 127);
          shares.push(Math.min(Math.max(rounded(share), -127), 127));
        }
        for (let k = 0; k < filling; k++) shares.push(NO_UNIT);
      }
    });
    return bytesOf(Int8Array.from(shares));
  }

  #run(steps, rows, shows = null) {
    for (const step of steps) {
      STEPS[step.op](this, step, rows);
      this.size = step.size;
      if (shows && step.map) shows(step.map);
    }
  }

  /** What was written beside the state becomes it. */
  turn() {
    [this.now, this.next] = [this.next, this.now];
  }
}

/** Each changes the state of `rows` images; `engine.size` is one image's before it. */
const STEPS = {
  same() {},

  linear(engine, { n, m, w, b }, rows) {
    const { kernel, weights, now, next, size } = engine;
    kernel.linear(now, weights[w], weights[b], next, (rows * size) / n, n, m);
    engine.turn();
  },

  conv(engine, step, rows) {
    const { kernel, weights, now, next, columns, size } = engine;
    const [c, h, w] = step.in;
    const [c_out, oh, ow] = step.out;
    const window = [...step.kernel, ...step.stride, ...step.padding];
    for (let r = 0; r < rows; r++) {
      kernel.columns(now + 4 * r * size, columns, c, h, w, ...window, oh, ow);
      const to = next + 4 * r * step.size;
      kernel.product(weights[step.w], columns, weights[step.b], to, c_out, c * step.kernel.reduce(times), oh * ow);
    }
    engine.turn();
  },

  transposed(engine, step, rows) {
    const { kernel, weights, now, next, columns, size } = engine;
    const [c, ih, iw] = step.in;
    const [c_out, h, w] = step.out;
    const window = [...step.kernel, ...step.stride, ...step.padding];
    for (let r = 0; r < rows; r++) {
      kernel.product(weights[step.w], now + 4 * r * size, 0, columns, c_out * step.kernel.reduce(times), c, ih * iw);
      kernel.stamp(columns, weights[step.b], next + 4 * r * step.size, c_out, h, w, ...window, ih, iw);
    }
    engine.turn();
  },

  act(engine, { kind, slope = 0 }, rows) {
    const number = KINDS.indexOf(kind);
    if (number < 0) throw new Error(`no activation ${kind}`);
    engine.kernel.activate(engine.now, rows * engine.size, number, slope);
  },

  affine({ f, weights, now, size }, { channels, w, b }, rows) {
    const area = size / channels;
    for (let k = 0; k < rows * size; k++) {
      const channel = Math.floor(k / area) % channels;
      f[now / 4 + k] = f[now / 4 + k] * f[weights[w] / 4 + channel] + f[weights[b] / 4 + channel];
    }
  },

  pool(engine, step, rows) {
    const { f, now, next } = engine;
    const [c, h, w] = step.in;
    const [, oh, ow] = step.out;
    const [[kh, kw], [sh, sw], [ph, pw]] = [step.kernel, step.stride, step.padding];
    for (let map = 0, to = next / 4; map < rows * c; map++)
      for (let i = 0; i < oh; i++)
        for (let j = 0; j < ow; j++, to++) {
          let most = -Infinity;
          for (let y = Math.max(i * sh - ph, 0); y < Math.min(i * sh - ph + kh, h); y++)
            for (let x = Math.max(j * sw - pw, 0); x < Math.min(j * sw - pw + kw, w); x++)
              most = Math.max(most, f[now / 4 + (map * h + y) * w + x]);
          f[to] = most;
        }
    engine.turn();
  },

  take(engine, step, rows) {
    const { f, now, next } = engine;
    const [c, h, w] = step.in;
    for (let map = 0, to = next / 4; map < rows * c; map++)
      for (const y of step.rows)
        for (const x of step.columns) f[to++] = f[now / 4 + (map * h + y) * w + x];
    engine.turn();
  },

  keep({ f, now, spare, pile, size }, _step, rows) {
    const at = spare.pop();
    f.copyWithin(at / 4, now / 4, now / 4 + rows * size);
    pile.push({ at, size });
  },

  swap(engine) {
    const top = engine.pile.at(-1);
    [engine.now, top.at] = [top.at, engine.now];
    top.size = engine.size;
  },

  add({ f, now, spare, pile, size }, _step, rows) {
    const { at } = pile.pop();
    for (let k = 0; k < rows * size; k++) f[now / 4 + k] += f[at / 4 + k];
    spare.push(at);
  },

  tell(engine, { table, size: told }, rows) {
    const { f, weights, now, next, size } = engine;
    for (let k = 0; k < rows * told; k++)
      f[next / 4 + k] = f[now / 4 + Math.floor(k / told) * size + (k % size)] + f[weights[table] / 4 + (k % told)];
    engine.turn();
  },

  choose(engine, { table, size: n }, rows) {
    const { f, weights, now, next, size } = engine;
    for (let r = 0; r < rows; r++) {
      const values = f.subarray(now / 4 + r * size, now / 4 + (r + 1) * size);
      const from = weights[table] / 4 + values.indexOf(Math.max(...values)) * n;
      f.copyWithin(next / 4 + r * n, from, from + n);
    }
    engine.turn();
  },

  first({ f, now, size }, { n, of }, rows) {
    for (let r = 0; r < (rows * size) / of; r++)
      f.copyWithin(now / 4 + r * n, now / 4 + r * of, now / 4 + r * of + n);
  },

  mean({ f, now, size }, { rows: many, size: n }, rows) {
    for (let r = 0; r < rows; r++)
      for (let k = 0; k < n; k++) {
        let sum = 0;
        for (let each = 0; each < many; each++) sum += f[now / 4 + r * size + each * n + k];
        f[now / 4 + r * n + k] = sum / many;
      }
  },
};

/** How many numbers a convolution is between its two steps. */
function columnsOf({ op, kernel, in: before, out: after }) {
  if (op === "conv") return before[0] * kernel.reduce(times) * after[1] * after[2];
  if (op === "transposed") return after[0] * kernel.reduce(times) * before[1] * before[2];
  return 0;
}

/** A memory and the kernel over it; in plain JavaScript where WebAssembly or its SIMD is missing. */
async function kernelOver(bytes, plain) {
  try {
    if (plain) throw new Error("plain");
    const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / PAGE) });
    const code = Uint8Array.from(atob(KERNEL), (letter) => letter.charCodeAt(0));
    const { instance } = await WebAssembly.instantiate(code, { env: { memory } });
    return { buffer: memory.buffer, kernel: instance.exports, simd: true };
  } catch {
    const buffer = new ArrayBuffer(bytes);
    return { buffer, kernel: plainKernel(buffer), simd: false };
  }
}

/** The number of each float16. */
const HALVES = Float32Array.from({ length: 1 << 16 }, (_, bits) => {
  const [sign, power, part] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  return sign * (power ? 2 ** (power - 15) * (1 + part / 1024) : 2 ** -24 * part);
});

/** The nearest whole number of a float32 of less than 2^22, halves to even. */
function rounded(x) {
  return Math.fround(x + 12582912) - 12582912;
}

function times(a, b) {
  return a * b;
}

/** @param {Float32Array | Int8Array} values */
function bytesOf(values) {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
