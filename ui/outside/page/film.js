/** A film of the way between stops on the plane. */

import { Grid } from "../../components/image_grid/assets/grid.js";

const NOTHING = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";
export const FILM = "film"; // what the plane calls it

export class Film {
  /** @param {HTMLElement} place @param {string} style grid.css @param {number} frameMs */
  constructor(place, style, frameMs) {
    this.place = place;
    const shadow = (this.shadow = place.attachShadow({ mode: "open" }));
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(style);
    shadow.adoptedStyleSheets = [sheet];
    const root = document.createElement("div");
    root.className = "root";
    shadow.append(root);
    this.grid = new Grid(root);
    const data = {
      key: FILM, url: NOTHING, rows: 1, columns: 1, captions: null, labels: null, axes: null, gap: 4,
      minTile: 56, maxTile: 112, maxHeight: null, selectable: false, selected: null, player: true,
      frame: 0, frameMs, testid: "filmstrip", alt: "Images decoded along the way between the stops",
    };
    /** @type {Promise<void>} */
    this.ready = this.grid.update({ data, setTriggerValue() {} }, new URL(location.href));
  }

  /** Play when its images come, unless the visitor wants nothing to move. */
  playOnce() {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    addEventListener("zscape:way", () => this.grid.player.play(), { once: true });
  }

  pause() {
    this.grid.player?.pause();
  }
}
