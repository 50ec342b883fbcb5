/** The plane as a figure of Plotly's. */

import { along } from "./way.js";

const SYMBOLS = { triangle: "triangle-up", inverted: "triangle-down", saltire: "x", ring: "circle-open", bar: "line-ew-open" };
const MANY = 20_000; // points that SVG shows in time; more are drawn by WebGL

/** @param {import("./plane.js").LatentPlane} plane */
export function plot(plane) {
  const { points, data, slice, z, on, stops, overlay, view } = plane;
  const [across, up] = axesOf(data);
  const circle = (x, y, r) => ({ type: "circle", x0: x - r, x1: x + r, y0: y - r, y1: y + r, line: { width: 1, color: plane.theme.text }, opacity: 0.5 });
  const shapes = on.has("rings") && data.plane ? [1, 2].map((r) => circle(...slice.place(z.map(() => 0)), r)) : [];
  const images = on.has("heat") && overlay.picture ? [imageOf(overlay.picture, data.heat.extent)] : [];
  const traces = points ? tracesOf(points, data, plane.theme) : [];
  const line = (name, places, color) => traces.push({ type: "scatter", mode: "lines", name, x: places.map(([x]) => x), y: places.map(([, y]) => y), line: { color } });
  if (data.way) line("way", along(stops.all, data.way.method, 24).map((place) => slice.place(place)), data.colours.z);
  data.ways.forEach(({ places, colour }, k) => line(`way ${k + 1}`, places, colour));
  const at = data.plane && z && data.mode !== "stops" ? slice.place(z) : null;
  if (at) traces.push({ type: "scatter", mode: "markers", name: "z", x: [at[0]], y: [at[1]], marker: { symbol: "circle-open", size: 15, color: data.colours.z, line: { width: 3 } } });
  data.gaussians.forEach(({ name, mean, covariance, colour }) => [1, 2].forEach((sigma) => line(sigma === 1 ? name : `${name}, 2σ`, ellipse(mean, covariance, sigma), colour)));
  const [left, bottom] = view.toPlane(0, view.height);
  const [right, top] = view.toPlane(view.width, 0);
  const xaxis = { title: { text: across }, range: [left, right] };
  const yaxis = { title: { text: up }, range: [bottom, top], scaleanchor: "x" };
  return { data: traces, layout: { xaxis, yaxis, shapes, images, showlegend: true } };
}

function imageOf(picture, [left, right, bottom, top]) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: picture.naturalWidth, height: picture.naturalHeight });
  canvas.getContext("2d").drawImage(picture, 0, 0);
  return { source: canvas.toDataURL(), xref: "x", yref: "y", x: left, y: top, sizex: right - left, sizey: top - bottom, sizing: "stretch", layer: "below" };
}

/** Where a Gaussian is `sigma` standard deviations from its mean (Cholesky's root of the covariance on a circle). */
function ellipse([a, b], [aa, ab, bb], sigma) {
  const root = Math.sqrt(aa);
  const [down, rest] = [ab / root, Math.sqrt(Math.max(bb - (ab * ab) / aa, 0))];
  return Array.from({ length: 65 }, (_, k) => {
    const [x, y] = [Math.cos((k * Math.PI) / 32), Math.sin((k * Math.PI) / 32)];
    return [a + sigma * root * x, b + sigma * (down * x + rest * y)];
  });
}

/** A trace of each class, or one of all. */
function tracesOf(points, data, theme) {
  const { names, value } = points.layout;
  const kinds = names ? names.keys() : [null];
  return [...kinds].filter((k) => !points.hidden.has(k)).map((k) => {
    const own = k === null ? Array.from({ length: points.count }, (_, i) => i) : [...points.ofClass(k)];
    const glyph = k === null ? "circle" : data.colours.glyphs[k % data.colours.glyphs.length];
    const color = value ? own.map((i) => points.value[i]) : k === null ? theme.text : data.colours.classes[k % data.colours.classes.length];
    const scale = value && { colorscale: "Viridis", cmin: value.range[0], cmax: value.range[1], colorbar: { title: { text: value.label } } };
    return {
      type: points.count > MANY ? "scattergl" : "scatter",
      mode: "markers",
      name: k === null ? (value?.label ?? "μ") : names[k],
      x: own.map((i) => points.drawn[2 * i]),
      y: own.map((i) => points.drawn[2 * i + 1]),
      text: own.map((i) => `row ${points.rows[i]}`),
      marker: { symbol: SYMBOLS[glyph] ?? glyph, size: 5, opacity: 0.7, color, ...scale },
    };
  });
}

/** The names of both axes; t-SNE's have none. */
export function axesOf({ labels }) {
  return [labels[0] || "x", labels[1] || "y"];
}
