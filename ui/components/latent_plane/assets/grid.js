/** Columns of points, and a grid of cells through which they are found. */

const TO_A_CELL = 4; // points, were they spread evenly
const AWAY = 0.998; // the share of points that the cells are laid over; the rest is in those at the edge

/**
 * Where the bytes are, or the bytes themselves; and what is in them.
 * @typedef {{url?: string, packed?: ArrayBuffer, count: number, covariance: boolean, names: string[] | null,
 *   value: {label: string, range: [number, number]} | null, images: boolean, sources?: number}} Layout
 *   sources: bytes of each point's file or row, in UTF-8
 * @typedef {{xy: Float32Array, rows: Uint32Array, covariance: Float32Array | null,
 *   value: Float32Array | null, category: Uint8Array | null, sources: Uint8Array | null}} Columns
 * @typedef {{reach: number, box: {left: number, bottom: number, right: number, top: number},
 *   side: number, start: Uint32Array, order: Uint32Array}} Index `reach`: the largest distance from
 *   the origin of all points but the farthest 1 in 500
 */

/** @param {ArrayBuffer} buffer as `PlanePoints` packs it @param {Layout} layout @returns {Columns} */
export function columnsOf(buffer, layout) {
  const n = layout.count;
  let offset = 0;
  const column = (Type, width) => {
    const values = new Type(buffer, offset, n * width);
    offset += values.byteLength;
    return values;
  };
  return {
    xy: column(Float32Array, 2),
    rows: column(Uint32Array, 1),
    covariance: layout.covariance ? column(Float32Array, 3) : null,
    value: layout.value ? column(Float32Array, 1) : null,
    category: layout.names ? column(Uint8Array, 1) : null,
    sources: layout.sources ? column(Uint8Array, layout.sources) : null,
  };
}

export const UNKNOWN = 255; // the tint of a point whose value nobody knows

/** Each point's place in a palette of 256: its value's on the scale, else its class; null: all one. */
export function tintsOf({ value, category }, layout) {
  if (!value) return category;
  const [low, high] = layout.value.range;
  const tints = new Uint8Array(value.length);
  for (let i = 0; i < tints.length; i++)
    tints[i] = Number.isNaN(value[i])
      ? UNKNOWN
      : Math.min(Math.max(Math.round(((UNKNOWN - 1) * (value[i] - low)) / (high - low || 1)), 0), UNKNOWN - 1);
  return tints;
}

/** The points sorted by cell. @param {Float32Array} xy @returns {Index} */
export function indexOf(xy) {
  const n = xy.length / 2;
  let [left, bottom, right, top] = [Infinity, Infinity, -Infinity, -Infinity];
  const far = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    const a = xy[2 * i];
    const b = xy[2 * i + 1];
    far[i] = Math.max(Math.abs(a), Math.abs(b));
    if (a < left) left = a;
    if (a > right) right = a;
    if (b < bottom) bottom = b;
    if (b > top) top = b;
  }
  const reach = n ? nth(far, Math.floor((n - 1) * AWAY)) : 0;
  [left, bottom, right, top] = [left, bottom, right, top].map((c) => Math.min(Math.max(c, -reach), reach));
  const side = Math.max(1, Math.ceil(Math.sqrt(n / TO_A_CELL)));
  const start = new Uint32Array(side * side + 1);
  const order = new Uint32Array(n);
  const grid = new Grid(xy, { reach, box: { left, bottom, right, top }, side, start, order });
  const cells = new Uint32Array(far.buffer); // its memory once more
  for (let i = 0; i < n; i++) {
    cells[i] = grid.cell(xy[2 * i], xy[2 * i + 1]);
    start[cells[i] + 1]++;
  }
  for (let c = 0; c < side * side; c++) start[c + 1] += start[c];
  const next = start.slice();
  for (let i = 0; i < n; i++) order[next[cells[i]]++] = i;
  return grid.index;
}

/** The value that, were they sorted, would be the kth. @param {Float32Array} values none below 0 */
function nth(values, k) {
  const words = new Uint32Array(values.buffer); // of floats above 0 in the same order
  const counts = new Uint32Array(1 << 16);
  for (const word of words) counts[word >>> 16]++;
  let high = 0;
  while (k >= counts[high]) k -= counts[high++];
  return values.filter((_, i) => words[i] >>> 16 === high).sort()[k];
}

export class Grid {
  /** @param {Float32Array} xy @param {Index} index */
  constructor(xy, index) {
    this.xy = xy;
    this.index = index;
    const { left, right, bottom, top } = index.box;
    [this.left, this.bottom, this.last] = [left, bottom, index.side - 1];
    this.across = index.side / (right - left || 1); // cells to a unit
    this.up = index.side / (top - bottom || 1);
  }

  /** @param {number} a */
  column(a) {
    return Math.min(Math.max(Math.floor((a - this.left) * this.across), 0), this.last);
  }

  /** @param {number} b */
  row(b) {
    return Math.min(Math.max(Math.floor((b - this.bottom) * this.up), 0), this.last);
  }

  cell(a, b) {
    return this.row(b) * this.index.side + this.column(a);
  }

  /** Visit the points of all cells that the box touches, until a visit returns true. */
  each(left, bottom, right, top, visit) {
    const { side, start, order } = this.index;
    const [c0, c1] = [this.column(left), this.column(right)];
    for (let r = this.row(bottom), last = this.row(top); r <= last; r++) {
      const end = start[r * side + c1 + 1];
      for (let k = start[r * side + c0]; k < end; k++) if (visit(order[k])) return;
    }
  }

  /**
   * The point nearest to (a, b) of those that `counts` lets count, at most `radius` away, or -1.
   * @param {(i: number) => boolean} counts
   */
  nearest(a, b, radius, counts) {
    const { xy } = this;
    let best = -1;
    // Whoever is found within a smaller box's half width is the nearest of all.
    for (let half = radius / 8; best < 0 && half <= radius; half *= 2) {
      let least = half * half;
      this.each(a - half, b - half, a + half, b + half, (i) => {
        const distance = (xy[2 * i] - a) ** 2 + (xy[2 * i + 1] - b) ** 2;
        if (distance <= least && counts(i)) [best, least] = [i, distance];
        return false;
      });
    }
    return best;
  }

  /**
   * Points inside a polygon, by the even-odd rule: all or none of a cell that no edge touches.
   * @param {[number, number][]} polygon @returns {Uint8Array} 1 for each that is
   */
  inside(polygon) {
    const { side, start, order } = this.index;
    const marks = new Uint8Array(order.length);
    const edges = polygon.map((to, k) => this.#edge(polygon.at(k - 1), to));
    const columns = polygon.map(([a]) => this.column(a));
    const [first, last] = [Math.min(...columns), Math.max(...columns)];
    for (let r = Math.min(...edges.map((e) => e.bottom)), top = Math.max(...edges.map((e) => e.top)); r <= top; r++) {
      const near = edges.filter((edge) => edge.bottom <= r && r <= edge.top);
      const touched = this.#touched(near, r);
      /** @type {boolean | null} of cells side by side that none touches */
      let within = null;
      for (let c = first; c <= last; c++) {
        const [from, to] = [start[r * side + c], start[r * side + c + 1]];
        if (touched[c]) {
          within = null;
          for (let k = from; k < to; k++) marks[order[k]] = Number(this.#isWithin(near, order[k]));
        } else if (from < to) {
          within ??= this.#isWithin(near, order[from]);
          if (within) for (let k = from; k < to; k++) marks[order[k]] = 1;
        }
      }
    }
    return marks;
  }

  /** An edge, and the rows of cells that it crosses. */
  #edge([a0, b0], [a1, b1]) {
    const [bottom, top] = [this.row(Math.min(b0, b1)), this.row(Math.max(b0, b1))];
    return { a0, b0, a1, b1, bottom, top };
  }

  /** By column, whether an edge touches the cell of row r. */
  #touched(edges, r) {
    const { side } = this.index;
    const touched = new Uint8Array(side);
    const [width, height] = [1 / this.across, 1 / this.up];
    const hair = 1e-6; // of a cell: more than rounding errs by
    const floor = r ? this.bottom + (r - hair) * height : -Infinity;
    const ceiling = r < side - 1 ? this.bottom + (r + 1 + hair) * height : Infinity;
    for (const { a0, b0, a1, b1 } of edges) {
      const [least, most] = [Math.min(b0, b1), Math.max(b0, b1)];
      const at = (b) => a0 + ((a1 - a0) * (Math.min(Math.max(b, least), most) - b0)) / (b1 - b0);
      const ends = least === most ? [a0, a1] : [at(floor), at(ceiling)];
      const from = this.column(Math.min(...ends) - hair * width);
      touched.fill(1, from, this.column(Math.max(...ends) + hair * width) + 1);
    }
    return touched;
  }

  #isWithin(edges, i) {
    const a = this.xy[2 * i];
    const b = this.xy[2 * i + 1];
    let inside = false;
    for (const { a0, b0, a1, b1 } of edges)
      if (b1 > b !== b0 > b && a < ((a0 - a1) * (b - b1)) / (b0 - b1) + a1) inside = !inside;
    return inside;
  }
}
