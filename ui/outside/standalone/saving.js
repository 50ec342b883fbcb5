/** The menu "Save" without a server: all that it needs is here. */

import * as files from "../../components/figure/assets/files.js";
import { hang as hangMenu } from "../../components/figure/assets/menu.js";
import { figureOf as imagesOf } from "../../components/image_grid/assets/saved.js";
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
