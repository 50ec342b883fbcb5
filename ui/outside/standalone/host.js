/** The plane outside the app: in an exported page, or in a notebook. It asks no server. */

import { LatentPlane } from "../../components/latent_plane/assets/plane.js";

/**
 * Show the plane in an element, which then has a shadow root.
 * @param {HTMLElement} place
 * @param {any} description as `described` of latent_plane/description.py makes it
 * @param {{style: string, open: import("../../components/latent_plane/assets/near.js").Open, points?: ArrayBuffer}} given
 *   style: plane.css; open: for example `openEngine`; points: those that the description lays out
 * @param {(name: "z" | "selected" | "stops" | "drawn", value: any) => void} [changed] by the visitor, who let go
 * @returns {{plane: LatentPlane, update: (news: any) => void, remove: () => void}} update: with what
 *   of the description is to be different, or with nothing where the theme is
 */
export function showPlane(place, description, { style, open, points }, changed = () => {}) {
  const shadow = place.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(style);
  shadow.adoptedStyleSheets = [sheet];
  const host = document.createElement("div");
  host.className = "root";
  shadow.append(host);
  const plane = new LatentPlane(host, new URL(location.href), open);
  /** @type {Record<string, number>} when the visitor last changed what */
  const heard = {};
  const tell = (name, { value, at }) => {
    heard[name] = at;
    changed(name, value);
  };
  let shown = description;
  const update = (news) => {
    const { data, z, selected, stops } = plane;
    // What the plane shows is the latest word on it, unless there is news.
    const now = data && { z, selected: selected.packed, way: shown.way && { ...shown.way, stops: stops.all } };
    shown = { ...shown, ...now, ...news };
    plane.update({ ...shown, heard: { ...heard }, points: shown.points && { ...shown.points, packed: points } }, tell);
  };
  update({});
  return { plane, update, remove: () => plane.remove() };
}
