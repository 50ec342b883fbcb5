/** The menu as the app has it: what it needs is fetched from beside this module. */

import { hang as hangMenu } from "./menu.js";

/**
 * @param {ShadowRoot} place of the component @param {import("./menu.js").Figure} figure @param {URL} plotly
 * @returns {Promise<Element>} once it stands there
 */
export async function hang(place, figure, plotly) {
  const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: new URL("menu.css", import.meta.url).href });
  await new Promise((resolve) => {
    link.onload = link.onerror = resolve;
    place.append(link);
  });
  const open = async () => (await import("./interactive.js")).open(figure, plotly);
  return hangMenu(place, figure, { files: () => import("./files.js"), open });
}
