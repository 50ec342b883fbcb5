/**
 * What the plane and an image grid beside it tell each other while the pointer moves, as events of
 * the window. `grid` is the grid's key. A tile that the plane shows large, in sight, is
 * `defaultPrevented`.
 *
 *   zscape:tile   {grid, tile, at, since}       from the grid: the tile pointed at, or the frame of
 *                 its film; `at` are the tile's values on the two axes; tile is null for none
 *   zscape:place  {grid, under, cursor}         from the plane: the places of pointer and cursor
 *   zscape:maps   {plane, values}               from the plane: the decoder's feature maps at the z
 *                 that it shows; plane is its `maps`
 *   zscape:way    {grid, picture, count, frame, known} from the plane: new images for the grid's
 *                 film; whether Python knows their way
 *   zscape:ask    {grid}                        from the plane: where is the film now?
 */

import { Verb } from "./channel.js";
import { showPixels } from "./furniture.js";

export class Beside {
  /** @param {import("./plane.js").LatentPlane} plane @param {AbortSignal} signal */
  constructor(plane, signal) {
    this.plane = plane;
    this.told = "";
    this.way = "";
    this.film = document.createElement("canvas");
    const mine = (detail) => plane.data?.grid && detail.grid === plane.data.grid;
    const follow = (event) => {
      if (!mine(event.detail)) return;
      const { top, bottom } = plane.parts.decoded.getBoundingClientRect();
      if (top + bottom > 0 && top + bottom < 2 * innerHeight) event.preventDefault();
      this.#follow(event.detail);
    };
    addEventListener("zscape:tile", follow, { signal });
  }

  #tell(type, detail) {
    dispatchEvent(new CustomEvent(`zscape:${type}`, { detail: { grid: this.plane.data.grid, ...detail } }));
  }

  /** A tile's z, until it is left: on a way its frame, else the place of its values on the axes. */
  #follow({ tile, at, since }) {
    const { plane } = this;
    const { data, hand, slice, stops, shown } = plane;
    if (hand.press || !plane.z) return;
    if (tile === null) plane.led = null;
    else plane.led = data.way ? (stops.frames[tile] ?? null) : slice.moved(plane.z, at);
    if (String(plane.shown) !== String(shown)) plane.look(since);
    plane.invalidate();
  }

  /** Where pointer and cursor are, when that has changed. */
  tellPlaces() {
    const { data, slice, ghost, z } = this.plane;
    if (!data.grid || data.way || !z) return;
    const places = { under: ghost && slice.place(ghost), cursor: slice.place(z) };
    if (JSON.stringify(places) === this.told) return;
    this.told = JSON.stringify(places);
    this.#tell("place", places);
  }

  /** Another way, or a plane that came after the film: the frame in view lies elsewhere. */
  askForFrame() {
    const way = JSON.stringify(this.plane.data.way);
    if (way === this.way) return;
    this.way = way;
    if (this.plane.data.grid && this.plane.data.way) this.#tell("ask", {});
  }

  /** @param {number[]} z */
  async askMaps(z) {
    const { channel, data } = this.plane;
    const answer = await channel.ask(Verb.MAPS, 1, Float32Array.from(z));
    const detail = { plane: data.maps, values: new Int8Array(answer.bytes) };
    dispatchEvent(new CustomEvent("zscape:maps", { detail }));
  }

  /** @param {Uint8Array} pixels count x h x w x c @param {boolean} known whether Python knows the way */
  showFilm(pixels, count, frame, known) {
    if (!this.plane.data.grid) return;
    showPixels(this.film, pixels, this.plane.hello.image_shape, count);
    this.#tell("way", { picture: this.film, count, frame, known });
  }
}
