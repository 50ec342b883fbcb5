/** The plane as a figure to save: its scene by lines and text, its points as a table. */

import { theme } from "./colours.js";
import { Painting } from "./painting.js";
import { axesOf, plot } from "./plotted.js";
import { Pen } from "./pen.js";
import { outline } from "./points.js";

const DIGITS = [6, 7, 8, 9];
const LAYERS = 4; // of classes, each of points that follow one another: with fewer the last class hides the others

/**
 * @param {() => import("./plane.js").LatentPlane} found the plane that stands in the component's place
 */
export function figureOf(found) {
  const plane = found();
  return {
    name: `latent-plane${plane.data.named && `-${plane.data.named}`}`,
    parts: () => {
      const { parts } = found();
      return [parts.plane, ...(parts.keys.hidden ? [] : [parts.keys])];
    },
    drawn: (canvas) => drawn(found(), canvas),
    table: () => table(found()),
    picture: () => (found().data.z && found().hello ? found().parts.decoded : null),
    pictured: "Image",
    plot: () => plot(found()),
    corner: () => found().parts.corner,
  };
}

/** @param {import("./plane.js").LatentPlane} plane @param {HTMLCanvasElement} canvas */
function drawn(plane, canvas) {
  const { parts, view, data } = plane;
  if (canvas === parts.plane) return { vector: (c) => paintOn(new Traced(plane), c), bitmap: (scale) => bitmap(plane, scale) };
  const k = [...parts.keys.querySelectorAll(".chip canvas")].indexOf(canvas);
  const vector = (c) => {
    c.fillStyle = data.colours.classes[k % data.colours.classes.length];
    outline(c, data.colours.glyphs[k % data.colours.glyphs.length], 7, 7, 13 / 3);
    c.fill();
  };
  return k < 0 || !view.width ? null : { vector };
}

/** In the colours that the page has just now. */
function paintOn(painting, c) {
  const { plane } = painting;
  const before = plane.theme;
  plane.theme = theme(plane.host);
  try {
    painting.paintScene(c);
    painting.paintOver(c);
  } finally {
    plane.theme = before;
  }
}

function bitmap(plane, scale) {
  const { width, height } = plane.view;
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: Math.round(width * scale), height: Math.round(height * scale) });
  const c = canvas.getContext("2d");
  c.scale(scale, scale);
  paintOn(Object.assign(new Painting(plane), { ratio: scale }), c);
  return canvas;
}

/** Points as few paths of each class, or one of each colour: a path each would be slow in every program. */
class Traced extends Painting {
  paintPoints(c) {
    const { selected } = this.plane;
    const { radius, opacity } = this.pointStyle;
    if (!selected.size) return this.#trace(c, radius, opacity, () => true);
    this.#trace(c, radius, 0.14, (i) => !selected.has(i));
    this.#trace(c, 1.3 * radius, 1, (i) => selected.has(i));
  }

  #trace(c, radius, opacity, wanted) {
    const { points, view, data } = this.plane;
    const { palette } = this.pointStyle;
    const { glyphs } = data.colours;
    /** @type {Map<string, {pen: Pen, colour: string}>} */
    const paths = new Map();
    for (let i = 0; i < points.count; i++) {
      if (!points.shown(i) || !wanted(i)) continue;
      const [x, y] = view.toPixels(points.drawn[2 * i], points.drawn[2 * i + 1]);
      if (x < 0 || y < 0 || x > view.width || y > view.height) continue;
      const k = points.category?.[i];
      const colour = `rgb(${palette[points.tints?.[i] ?? 0].join(",")})`;
      const key = k === undefined ? colour : `${Math.floor((LAYERS * i) / points.count)} ${k}`;
      if (!paths.has(key)) paths.set(key, { pen: new Pen(k === undefined ? "circle" : glyphs[k % glyphs.length], radius), colour });
      paths.get(key).pen.draw(x, y);
    }
    for (const { pen, colour } of paths.values()) pen.paintOn(c, colour, opacity);
  }
}

/** A 32-bit number by the fewest digits that tell it. */
function exact(value) {
  for (const digits of DIGITS) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

/** The points that are switched on, the cursor, ways and Gaussians, a row each. */
function table(plane) {
  const { points, data, slice, z, stops } = plane;
  const [across, up] = axesOf(data);
  const layout = points?.layout ?? {};
  const columns = ["kind", "row", across, up, ...(layout.names ? ["class"] : []), ...(layout.value ? [layout.value.label] : []), ...(points?.covariance ? [`var ${across}`, "covariance", `var ${up}`] : []), "name"];
  const blank = columns.length - 5;
  const rows = [];
  for (let i = 0; i < (points?.count ?? 0); i++) {
    if (!points.shown(i)) continue;
    const row = ["point", points.rows[i], exact(points.drawn[2 * i]), exact(points.drawn[2 * i + 1])];
    if (layout.names) row.push(layout.names[points.category[i]]);
    if (layout.value) row.push(exact(points.value[i]));
    if (points.covariance) row.push(...Array.from(points.covariance.subarray(3 * i, 3 * i + 3), exact));
    rows.push([...row, ""]);
  }
  const mark = (kind, [x, y], name = "") => rows.push([kind, null, x, y, ...Array(blank).fill(null), name]);
  if (data.plane && z && data.mode !== "stops") mark("cursor", slice.place(z));
  if (data.way) {
    stops.all.forEach((stop, k) => mark("stop", slice.place(stop), String(k + 1)));
    stops.frames.forEach((frame) => mark("way", slice.place(frame)));
  }
  data.ways.forEach(({ places }, k) => places.forEach((place) => mark("way", place, String(k + 1))));
  data.gaussians.forEach(({ name, mean }) => mark("gaussian", mean, name));
  return { columns, rows };
}
