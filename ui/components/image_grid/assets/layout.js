/** Where the tiles stand. Sizes are device pixels, so that every edge falls on one. */

/**
 * @typedef {{columns: number, rows: number, width: number, height: number, gap: number,
 *   label: number, ratio: number}} Layout width, height: of a tile
 */

const MOST_WIDER = 8; // CSS pixels by which a gap may grow

/**
 * @param {{rows: number, columns: number, gap: number, minTile: number | null, maxTile: number,
 *   maxHeight: number | null}} wanted in CSS pixels
 * @param {{width: number, height: number}} tile pixels of one image
 * @param {number} room CSS pixels to the sides @param {number} label height of a label, CSS pixels
 * @param {number} ratio device pixels of a CSS pixel
 * @returns {Layout}
 */
export function layOut(wanted, tile, room, label, ratio) {
  const count = wanted.rows * wanted.columns;
  const gap = Math.round(wanted.gap * ratio);
  const across = Math.floor(room * ratio);
  let { rows, columns } = wanted;
  if (rows === 1 && wanted.minTile) {
    const fitting = Math.floor((across + gap) / (wanted.minTile * ratio + gap));
    rows = Math.ceil(count / Math.min(Math.max(fitting, 1), count));
    columns = Math.ceil(count / rows);
  }
  const below = Math.round(label * ratio);
  let width = Math.min((across - gap * (columns - 1)) / columns, wanted.maxTile * ratio);
  if (wanted.maxHeight) {
    const down = wanted.maxHeight * ratio - gap * (rows - 1) - below * rows;
    width = Math.min(width, ((down / rows) * tile.width) / tile.height);
  }
  const fills = gap > 0 && columns * (width + gap) - gap >= across - 1;
  width = Math.max(Math.floor(width), 1);
  // Where they fill the room, the last tile ends at its edge: the gaps take what is left.
  const widened = (narrower) => (fills && columns > 1 ? (across - columns * narrower) / (columns - 1) : gap);
  // Pixels of one size look best: a whole multiple, where that costs little room.
  const whole = Math.floor(width / tile.width) * tile.width;
  if (whole >= 0.9 * width && widened(whole) <= gap + MOST_WIDER * ratio) width = whole;
  const height = Math.max(Math.round((width * tile.height) / tile.width), 1);
  return { columns, rows, width, height, gap: widened(width), label: below, ratio };
}

/** The left upper corner of tile i. @param {Layout} layout @param {number} i */
export function corner(layout, i) {
  return {
    x: Math.round((i % layout.columns) * (layout.width + layout.gap)),
    y: Math.round(Math.floor(i / layout.columns) * (layout.height + layout.label + layout.gap)),
  };
}

/** Width and height of the whole. @param {Layout} layout */
export function extent(layout) {
  return {
    width: Math.round(layout.columns * (layout.width + layout.gap) - layout.gap),
    height: Math.round(layout.rows * (layout.height + layout.label + layout.gap) - layout.gap),
  };
}

/** The tile at (x, y), or -1 beyond the last. @param {Layout} layout @param {number} count */
export function tileAt(layout, count, x, y) {
  const column = Math.floor(x / (layout.width + layout.gap));
  const row = Math.floor(y / (layout.height + layout.label + layout.gap));
  const i = row * layout.columns + column;
  return column >= 0 && row >= 0 && column < layout.columns && i < count ? i : -1;
}
