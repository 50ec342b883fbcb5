/** Images in rows and columns as a figure to save. */

import { corner } from "./layout.js";

/** @param {() => any} found the grid that stands in the component's place */
export function figureOf(found) {
  return {
    name: found().data?.testid ?? "images",
    parts: () => {
      const { tiles, tilesElement, up, across } = found();
      return [tilesElement, up, across].filter((part) => tiles && part.clientHeight);
    },
    drawn: (canvas) => (canvas === found().canvas ? { bitmap: (scale) => bitmap(found(), scale) } : null),
    picture: () => found().tiles?.picture ?? null,
    pictured: "Pixels",
    table: () => tableOf(found()),
    plot: () => plot(found()),
  };
}

/** The tiles as they stand, `scale` pixels for one of the page's. */
function bitmap({ tiles, layout, canvas }, scale) {
  const times = scale / layout.ratio;
  const drawn = document.createElement("canvas");
  Object.assign(drawn, { width: Math.round(canvas.width * times), height: Math.round(canvas.height * times) });
  const c = drawn.getContext("2d");
  c.imageSmoothingEnabled = false;
  for (let i = 0; i < tiles.count; i++) {
    const { x, y } = corner(layout, i);
    const [left, top] = [Math.round(x * times), Math.round(y * times)];
    const [right, bottom] = [Math.round((x + layout.width) * times), Math.round((y + layout.height) * times)];
    const [from, down] = [(i % tiles.columns) * tiles.width, Math.floor(i / tiles.columns) * tiles.height];
    c.drawImage(tiles.picture, from, down, tiles.width, tiles.height, left, top, right - left, bottom - top);
  }
  return drawn;
}

/** A row for each image: where it stands, what it is called, its pixels from 0 to 255 row by row. */
export function tableOf({ tiles, data }) {
  const { width, height, columns } = tiles;
  const pixels = pixelsOf(tiles.picture);
  const grey = pixels.every((value, k) => k % 4 === 3 || value === pixels[k - (k % 4)]);
  const channels = grey ? [""] : [" red", " green", " blue"];
  const named = [data.captions, data.labels].filter(Boolean);
  const axes = data.axes ?? [];
  const heads = [...(data.captions ? ["caption"] : []), ...(data.labels ? ["label"] : []), ...axes.map(({ name }) => name)];
  const cells = Array.from({ length: width * height }, (_, k) => channels.map((channel) => `pixel ${k}${channel}`));
  const rows = Array.from({ length: tiles.count }, (_, i) => {
    const [column, row] = [i % columns, Math.floor(i / columns)];
    const values = [];
    for (let k = 0; k < width * height; k++) {
      const at = 4 * ((row * height + Math.floor(k / width)) * tiles.picture.width + column * width + (k % width));
      values.push(...pixels.subarray(at, at + channels.length));
    }
    return [row + 1, column + 1, ...named.map((texts) => texts[i]), ...axes.map(({ at }, axis) => at[axis ? row : column]), ...values];
  });
  return { columns: ["image row", "image column", ...heads, ...cells.flat()], rows };
}

function drawnOn(picture) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: picture.width, height: picture.height });
  canvas.getContext("2d").drawImage(picture, 0, 0);
  return canvas;
}

function pixelsOf(picture) {
  return drawnOn(picture).getContext("2d").getImageData(0, 0, picture.width, picture.height).data;
}

function plot({ tiles, data }) {
  const axis = (k, size) => {
    if (!data.axes) return { visible: false };
    const { name, values } = data.axes[k];
    const stride = Math.ceil(values.length / 8);
    const shown = values.map((text, i) => ({ text, at: (i + 0.5) * size - 0.5 })).filter((_, i) => i % stride === 0);
    return { title: { text: name }, tickvals: shown.map(({ at }) => at), ticktext: shown.map(({ text }) => text), showgrid: false, zeroline: false };
  };
  const trace = { type: "image", source: drawnOn(tiles.picture).toDataURL() };
  return { data: [trace], layout: { xaxis: axis(0, tiles.width), yaxis: { ...axis(1, tiles.height), scaleanchor: "x", autorange: "reversed" } } };
}
