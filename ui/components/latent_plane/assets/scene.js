/** What changes only with the view: backdrop, axes, rings, points. And what moves over it. */

import { faded } from "./colours.js";

const ROOM_FOR_BOTH = 25; // pixels from ring to ring, so that both their names can be read
const ARROW = 18; // pixels, its length
const [SMALL, NAMED] = [12, 13]; // pixels of text, where the page's own has its usual size
const EDGE = 4; // pixels: a cursor nearer to the edge than that is hardly in sight

/** @typedef {ReturnType<typeof import("./colours.js").theme>} Theme */

/** @param {CanvasRenderingContext2D} c @param {import("./view.js").View} view */
export function drawBackdrop(c, view, picture, extent, opacity) {
  const [left, right, bottom, top] = extent;
  const [x0, y0] = view.toPixels(left, top);
  const [x1, y1] = view.toPixels(right, bottom);
  c.save();
  c.globalAlpha = opacity;
  c.imageSmoothingQuality = "high";
  c.drawImage(picture, x0, y0, x1 - x0, y1 - y0);
  c.restore();
}

/** One colour on all that lies outside an extent. */
export function drawAround(c, view, [left, right, bottom, top], colour) {
  const [x0, y0] = view.toPixels(left, top);
  const [x1, y1] = view.toPixels(right, bottom);
  c.save();
  c.beginPath();
  c.rect(0, 0, view.width, view.height);
  c.rect(x0, y0, x1 - x0, y1 - y0);
  c.fillStyle = colour;
  c.fill("evenodd");
  c.restore();
}

/** Hair lines through the origin, ticks at the lower and the left edge. */
export function drawAxes(c, view, theme, labels) {
  const [x0, y0] = view.toPixels(0, 0);
  c.save();
  c.lineWidth = 1;
  c.strokeStyle = faded(theme.text, 0.1);
  line(c, 0, Math.round(y0) + 0.5, view.width, Math.round(y0) + 0.5);
  line(c, Math.round(x0) + 0.5, 0, Math.round(x0) + 0.5, view.height);

  const named = font(theme, NAMED, "italic 600");
  const edge = 34 * theme.scale; // as far as the other axis's names reach
  c.font = named;
  const room = view.width - 24 - c.measureText(labels[0]).width; // left of the axis's name
  c.font = font(theme, SMALL);
  c.strokeStyle = faded(theme.text, 0.35);
  for (const { at, text } of view.ticks("x")) {
    const [x] = view.toPixels(at, 0);
    if (x < edge || x > room) continue;
    line(c, x, view.height - 4, x, view.height);
    haloed(c, theme, text, x, view.height - 7, "center", "bottom");
  }
  for (const { at, text } of view.ticks("y")) {
    const [, y] = view.toPixels(0, at);
    if (y < edge || y > view.height - 0.7 * edge) continue;
    line(c, 0, y, 4, y);
    haloed(c, theme, text, 8, y, "left", "middle");
  }
  c.font = named;
  haloed(c, theme, labels[0], view.width - 10, view.height - 7, "right", "bottom", 0.85);
  haloed(c, theme, labels[1], 10, 9, "left", "top", 0.85);
  c.restore();
}

/** The prior N(0, I) at 1 and 2 sigma: circles on any plane of orthonormal axes. */
export function drawRings(c, view, theme, centre) {
  const [x, y] = view.toPixels(...centre);
  c.save();
  c.font = font(theme, SMALL);
  for (const sigma of [1, 2]) {
    for (const [width, style] of [[3, faded(theme.background, 0.6)], [1, faded(theme.text, 0.55)]]) {
      c.setLineDash(sigma === 1 || width > 1 ? [] : [5, 4]);
      c.lineWidth = width;
      c.strokeStyle = style;
      c.beginPath();
      c.arc(x, y, sigma * view.unit, 0, 7);
      c.stroke();
    }
    if (sigma === 1 && view.unit < ROOM_FOR_BOTH) continue;
    const reach = (sigma * view.unit) / Math.SQRT2;
    haloed(c, theme, `${sigma}σ`, x + reach + 4, y - reach - 3, "left", "bottom", 0.7);
  }
  c.restore();
}

/** Ellipses of a Gaussian at 1 and 2 sigma. @param {[number, number, number]} covariance */
export function drawEllipse(c, view, theme, [a, b], [va, cov, vb], colour, dashed = false) {
  const [x, y] = view.toPixels(a, b);
  const mean = (va + vb) / 2;
  const spread = Math.hypot((va - vb) / 2, cov);
  const angle = -0.5 * Math.atan2(2 * cov, va - vb);
  const [long, short] = [mean + spread, Math.max(mean - spread, 0)].map(Math.sqrt);
  c.save();
  c.fillStyle = faded(colour, 0.08);
  for (const sigma of [2, 1]) {
    c.beginPath();
    c.ellipse(x, y, sigma * long * view.unit, sigma * short * view.unit, angle, 0, 2 * Math.PI);
    if (!dashed) c.fill();
    for (const [width, style] of [[4, faded(theme.background, 0.6)], [sigma === 1 ? 2 : 1.25, colour]]) {
      c.setLineDash(dashed && width < 4 ? [6, 4] : []);
      c.lineWidth = width;
      c.strokeStyle = style;
      c.stroke();
    }
  }
  c.restore();
}

/** A Gaussian's name, in its colour, at a corner of its 2 sigma. @param {[number, number]} corner signs */
export function drawLabel(c, view, theme, [a, b], [va, , vb], colour, name, [right, up]) {
  const [x, y] = view.toPixels(a + right * 1.5 * Math.sqrt(va), b + up * 1.5 * Math.sqrt(vb));
  const [align, baseline] = [right > 0 ? "left" : "right", up > 0 ? "bottom" : "top"];
  c.save();
  c.font = font(theme, NAMED, "600");
  haloed(c, { ...theme, text: colour }, name, x + right * 3, y - up * 3, align, baseline, 1);
  c.restore();
}

/** A polyline through plane coordinates. */
export function drawPath(c, view, theme, places, colour, dashed = false) {
  c.save();
  c.lineJoin = c.lineCap = "round";
  c.setLineDash(dashed ? [1, 6] : []);
  for (const [width, style] of [[5, faded(theme.background, 0.75)], [2.25, colour]]) {
    c.lineWidth = width;
    c.strokeStyle = style;
    c.beginPath();
    for (const [a, b] of places) c.lineTo(...view.toPixels(a, b));
    c.stroke();
  }
  c.restore();
}

/**
 * The cursor: a ring that hides nothing of what is under it, and hair lines to the axes; out of
 * sight, an arrow at the edge that points to it.
 */
export function drawCursor(c, view, theme, [a, b], colour, { ghost = false, hair = !ghost } = {}) {
  const [x, y] = view.toPixels(a, b);
  c.save();
  if (hair) {
    c.strokeStyle = faded(colour, 0.3);
    c.lineWidth = 1;
    line(c, x, 0, x, view.height);
    line(c, 0, y, view.width, y);
  }
  const arrow = ghost ? null : arrowTo(view, x, y);
  if (arrow) {
    drawArrow(c, theme, arrow, colour);
    c.restore();
    return;
  }
  const radius = ghost ? 5.5 : 8;
  for (const [width, style] of [
    [ghost ? 5 : 6, faded(theme.background, 0.85)],
    [ghost ? 2 : 3, colour],
  ]) {
    c.lineWidth = width;
    c.strokeStyle = style;
    c.beginPath();
    c.arc(x, y, radius, 0, 7);
    c.stroke();
  }
  c.restore();
}

/** Where the teacher of a room points, told from all else by its word. */
export function drawTaught(c, view, theme, [a, b]) {
  const [x, y] = view.toPixels(a, b);
  const right = x + 90 < view.width;
  c.save();
  c.font = "600 13px sans-serif";
  c.textAlign = right ? "left" : "right";
  c.textBaseline = "middle";
  c.lineJoin = "round";
  c.strokeStyle = theme.background;
  c.fillStyle = theme.text;
  for (const [width, paint] of [[5, "stroke"], [2, "fill"]]) {
    c.lineWidth = width;
    if (paint === "fill") c.strokeStyle = theme.text;
    c.beginPath();
    c.arc(x, y, 12, 0, 7);
    c.stroke();
    if (paint === "stroke") c.strokeText("teacher", x + (right ? 18 : -18), y);
    else c.fillText("teacher", x + (right ? 18 : -18), y);
  }
  c.restore();
}

/**
 * The tip and direction of an arrow from the edge to (x, y), in pixels; null where that is in sight.
 * @param {import("./view.js").View} view @param {number} x @param {number} y
 */
export function arrowTo({ width, height, covered }, x, y) {
  const within = (value, least, side) => Math.min(Math.max(value, least), side - EDGE);
  if (within(x, EDGE, width) === x && within(y, EDGE, height) === y) return null;
  const tip = { x: within(x, EDGE, width), y: within(y, covered + EDGE, height) };
  return { ...tip, angle: Math.atan2(y - tip.y, x - tip.x) };
}

function drawArrow(c, theme, { x, y, angle }, colour) {
  c.translate(x, y);
  c.rotate(angle);
  c.lineJoin = "round";
  c.beginPath();
  for (const [back, aside] of [[0, 0], [ARROW, 7], [0.75 * ARROW, 0], [ARROW, -7]]) c.lineTo(-back, aside);
  c.closePath();
  c.lineWidth = 4;
  c.strokeStyle = faded(theme.background, 0.85);
  c.stroke();
  c.fillStyle = colour;
  c.fill();
}

/** A numbered stop of the way. */
export function drawStop(c, view, theme, [a, b], text, colour, active) {
  const [x, y] = view.toPixels(a, b);
  c.save();
  c.beginPath();
  c.arc(x, y, (active ? 12 : 10) * theme.scale, 0, 7);
  c.fillStyle = colour;
  c.strokeStyle = theme.background;
  c.lineWidth = 2.5;
  c.fill();
  c.stroke();
  c.fillStyle = "#ffffff";
  c.font = font(theme, SMALL, "600");
  c.textAlign = "center";
  c.textBaseline = "middle";
  c.fillText(text, x, y + 0.5);
  c.restore();
}

/** A point's image in a frame of its colour. */
export function drawThumbnail(c, image, x, y, size, colour, strength) {
  const scale = size / Math.max(image.width, image.height);
  const [w, h] = [image.width * scale, image.height * scale];
  c.save();
  c.globalAlpha = strength;
  c.imageSmoothingEnabled = false;
  c.fillStyle = colour;
  c.fillRect(x - w / 2 - 2, y - h / 2 - 2, w + 4, h + 4);
  c.drawImage(image, x - w / 2, y - h / 2, w, h);
  c.restore();
}

/** The lasso or box being drawn, in pixels. */
export function drawLasso(c, theme, corners) {
  c.save();
  c.beginPath();
  for (const [x, y] of corners) c.lineTo(x, y);
  c.closePath();
  c.fillStyle = faded(theme.text, 0.08);
  c.strokeStyle = faded(theme.text, 0.7);
  c.setLineDash([4, 3]);
  c.fill();
  c.stroke();
  c.restore();
}

/** As the canvas takes it. @param {number} pixels @param {string} [style] */
function font({ font: family, scale }, pixels, style = "") {
  return `${style && `${style} `}${pixels * scale}px ${family}`;
}

function line(c, x0, y0, x1, y1) {
  c.beginPath();
  c.moveTo(x0, y0);
  c.lineTo(x1, y1);
  c.stroke();
}

/** Text that stays legible over points and pictures. */
function haloed(c, theme, text, x, y, align, baseline, strength = 0.62) {
  c.save();
  c.setLineDash([]);
  c.textAlign = align;
  c.textBaseline = baseline;
  c.lineJoin = "round";
  c.lineWidth = 3;
  c.strokeStyle = faded(theme.background, 0.8);
  c.strokeText(text, x, y);
  c.fillStyle = faded(theme.text, strength);
  c.fillText(text, x, y);
  c.restore();
}
