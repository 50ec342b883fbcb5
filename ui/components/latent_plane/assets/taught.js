/**
 * In a room (`ui/components/room`): where the pointer is on the leader's plane, a follower's shows,
 * marked, with the image that its own browser decodes there; and what its plane shows, is shown.
 * Events of the window:
 *
 *   zscape:pointed  {plane, z, there}   from a plane: what it shows, and whether a pointer is there
 *   zscape:taught   the leader's, or null; `window.zscapeTaught` is the newest
 *   zscape:selected {plane, points}     from a plane: what was selected there, as Python hears it
 *   zscape:select   {plane, points}     the leader's; `defaultPrevented` by the plane that took it up
 *   zscape:follow   {samePage, z}       the address is now the leader's; `defaultPrevented` by the
 *                   plane that took up its z
 */

import { drawTaught } from "./scene.js";
import { Selection } from "./selection.js";

export class Taught {
  /** @param {import("./plane.js").LatentPlane} plane @param {AbortSignal} signal */
  constructor(plane, signal) {
    this.plane = plane;
    this.told = "";
    /** @type {number[] | null} where the leader points */
    this.at = null;
    addEventListener("zscape:taught", () => this.show(), { signal });
    addEventListener("zscape:select", (event) => this.#select(event), { signal });
    addEventListener("zscape:follow", (event) => this.#follow(event), { signal });
  }

  /** What is shown here, when that has changed; once a frame. */
  tell() {
    const { data, hand, shown } = this.plane;
    if (!shown) return;
    const z = shown.map((x) => Number(x.toPrecision(4)));
    const detail = { plane: data.key, z, there: Boolean(hand.pointer ?? hand.press) };
    if (JSON.stringify(detail) === this.told) return;
    this.told = JSON.stringify(detail);
    dispatchEvent(new CustomEvent("zscape:pointed", { detail }));
  }

  /** Show what the leader shows, but where the visitor's own pointer is on this plane. */
  show() {
    const { plane } = this;
    const taught = window.zscapeTaught;
    if (!plane.z || (!taught && !this.led)) return;
    const fits = taught && taught.plane === plane.data.key && taught.z?.length === plane.z.length;
    this.at = fits && taught.there ? taught.z : null;
    if (!plane.hand.pointer && !plane.hand.press && (fits || plane.led === this.led)) {
      plane.led = this.led = fits ? taught.z : null;
      plane.look();
    }
    plane.invalidate();
  }

  #select(event) {
    const { plane } = this;
    const { plane: key, points } = event.detail;
    if (key !== plane.data.key || !plane.points || !plane.host.isConnected || plane.hand.press) return;
    event.preventDefault();
    plane.selected = Selection.of(points);
    plane.invalidate(true);
    plane.tellSelected();
  }

  #follow(event) {
    const { plane } = this;
    const { samePage, z } = event.detail;
    const leaves = plane.seen?.page !== location.pathname; // another page is on its way
    if (!samePage || leaves || !plane.host.isConnected || plane.hand.press) return;
    plane.showSeen();
    const numbers = z?.split(",").map(Number);
    if (event.defaultPrevented || plane.data.named || numbers?.length !== plane.z?.length) return;
    if (!numbers?.every(Number.isFinite)) return;
    event.preventDefault();
    plane.z = numbers;
    plane.look();
    plane.invalidate();
    plane.tellZ();
  }

  /** @param {CanvasRenderingContext2D} c in CSS pixels */
  draw(c) {
    const { view, theme, slice } = this.plane;
    if (this.at) drawTaught(c, view, theme, slice.place(this.at));
  }
}
