/**
 * Planes that are looked at together: where the pointer is on one, the others show the same place,
 * or the same image, decoded from its own mean, where their points are of the same images in the
 * same order. An event of the window, `zscape:linked`, says so: {link, from, point, at}, point -1
 * for none, at null for nowhere.
 */

import { Latest, Verb } from "./channel.js";

export class Linked {
  /** @param {import("./plane.js").LatentPlane} plane @param {AbortSignal} signal */
  constructor(plane, signal) {
    this.plane = plane;
    this.told = "";
    this.meaning = new Latest((i) => this.#mean(i));
    addEventListener("zscape:linked", (event) => this.#follow(event.detail), { signal });
  }

  /** Where the pointer is, when that has changed; once a frame. */
  tell() {
    const { data, hand, slice, ghost, z, hovered } = this.plane;
    if (!data.link || !z) return;
    const under = ghost ?? (hand.press?.kind === "z" ? z : null);
    const news = { link: data.link, point: under && hand.pointer ? hovered : -1, at: under && slice.place(under) };
    if (JSON.stringify(news) === this.told) return;
    const first = !this.told;
    this.told = JSON.stringify(news);
    if (first && !under) return; // there is nothing yet to follow
    dispatchEvent(new CustomEvent("zscape:linked", { detail: { ...news, from: this.plane } }));
  }

  #follow({ link, from, point, at }) {
    const { plane } = this;
    const { data, hand, points, slice, z } = plane;
    if (from === plane || !data?.link || link !== data.link || hand.pointer || !z) return;
    const same = link === "images" && points && point >= 0 && point < points.count ? point : -1;
    plane.hovered = same;
    if (same < 0) {
      plane.led = at && slice.moved(z, at);
      plane.look();
    } else {
      this.meaning.want(same);
    }
    plane.invalidate();
  }

  /** Show a point's whole mean: the plane's two axes are not all of it. @param {number} i */
  async #mean(i) {
    const { plane } = this;
    const { points, channel } = plane;
    if (plane.hovered < 0) return;
    const answer = await channel.ask(Verb.MEAN, 1, Uint32Array.of(points.rows[i]));
    // While the pointer sweeps, the last answer is shown until the next; none once it has left.
    if (plane.hovered < 0 || plane.hand.pointer || points !== plane.points || channel !== plane.channel) return;
    plane.led = [...new Float32Array(answer.bytes)];
    plane.look();
    plane.invalidate();
  }
}
