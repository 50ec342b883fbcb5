/**
 * Planes that are looked at together: where the pointer is on one, the others show the same place,
 * or the same image where their points are of the same images in the same order. An event of the
 * window, `zscape:linked`, says so: {link, from, point, at}, point -1 for none, at null for nowhere.
 */

export class Linked {
  /** @param {import("./plane.js").LatentPlane} plane @param {AbortSignal} signal */
  constructor(plane, signal) {
    this.plane = plane;
    this.told = "";
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
    const place = same < 0 ? at : [points.xy[2 * same], points.xy[2 * same + 1]];
    plane.hovered = same;
    plane.led = place && slice.moved(z, place);
    plane.look();
    plane.invalidate();
  }
}
