/** The menu "Save" without a server: all that it needs is here. */

import * as files from "../../components/figure/assets/files.js";
import { hang as hangMenu } from "../../components/figure/assets/menu.js";
import { figureOf as imagesOf, tableOf } from "../../components/image_grid/assets/saved.js";
import { Tiles } from "../../components/image_grid/assets/tiles.js";
import { figureOf as planeOf } from "../../components/latent_plane/assets/saved.js";

/** @param {ShadowRoot} place @param {import("../../components/figure/assets/menu.js").Figure} figure @param {string} style menu.css */
function hang(place, figure, style) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(style);
  place.adoptedStyleSheets = [...place.adoptedStyleSheets, sheet];
  hangMenu(place, figure, { files: async () => files });
}

/** @param {import("../../components/latent_plane/assets/plane.js").LatentPlane} plane @param {string} style menu.css */
export function savePlane(plane, style) {
  hang(plane.host.getRootNode(), planeOf(() => plane), style);
}

/** @param {ShadowRoot} place @param {import("../../components/image_grid/assets/grid.js").Grid} grid @param {string} style menu.css */
export function saveImages(place, grid, style) {
  hang(place, imagesOf(() => grid), style);
}

/** All strips as one figure. @param {import("./dimensions.js").Dimensions} dimensions @param {string} style menu.css */
export function saveStrips(dimensions, style) {
  const place = dimensions.corner.attachShadow({ mode: "open" });
  const picture = () => below(dimensions.strips.canvases);
  hang(place, {
    name: "traversals",
    corner: () => place,
    parts: () => dimensions.strips.labels.flatMap((label, k) => [label, dimensions.strips.canvases[k]]),
    drawn: (canvas) => ({ bitmap: (scale) => crisp(canvas, (scale * canvas.clientWidth) / canvas.width) }),
    picture,
    table: () => {
      const { names, values } = dimensions.strips;
      const axes = [{ name: "value", at: values }, { name: "dimension", at: names }];
      return tableOf({ tiles: new Tiles(picture(), names.length, values.length), data: { axes } });
    },
  }, style);
}

/** @param {HTMLCanvasElement[]} strips of one width @returns {HTMLCanvasElement} each below the other */
function below(strips) {
  const [{ width, height }] = strips;
  const canvas = Object.assign(document.createElement("canvas"), { width, height: height * strips.length });
  strips.forEach((strip, k) => canvas.getContext("2d").drawImage(strip, 0, k * height));
  return canvas;
}

/** @param {HTMLCanvasElement} canvas @returns {HTMLCanvasElement} whose pixels are squares still */
function crisp(canvas, times) {
  const large = document.createElement("canvas");
  Object.assign(large, { width: Math.round(canvas.width * times), height: Math.round(canvas.height * times) });
  const c = large.getContext("2d");
  c.imageSmoothingEnabled = false;
  c.drawImage(canvas, 0, 0, large.width, large.height);
  return large;
}
