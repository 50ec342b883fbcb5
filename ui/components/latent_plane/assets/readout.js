/** What the plane says in words and figures: beside the image, in the tooltip, to screen readers. */

import { Latest, Verb } from "./channel.js";
import { element, placeTip, sayZ, showPixels } from "./furniture.js";
import { number } from "./view.js";
import { norm } from "./way.js";

export class Readout {
  /** @param {import("./plane.js").LatentPlane} plane */
  constructor(plane) {
    this.plane = plane;
    this.imaging = new Latest((i) => this.#image(i));
    /** @type {{point: number, picture: HTMLCanvasElement, real: boolean} | null} */
    this.pictured = null;
  }

  /** @param {number[]} z */
  inWords(z) {
    const { labels } = this.plane.data;
    const [a, b] = this.plane.slice.place(z);
    return sayZ(z) || `${labels[0]} = ${number(a, 2)}, ${labels[1]} = ${number(b, 2)}`;
  }

  /** The figures beside the image. */
  figures() {
    const { shown, parts, trust, regions, stops } = this.plane;
    parts.figures.replaceChildren(
      ...(shown
        ? [
            element("b", { class: "z" }, [this.inWords(shown)]),
            element("span", {}, [`‖z‖ = ${number(norm(shown), 2)}`]),
            ...trust.figures(shown),
            ...regions.figures(shown),
            ...(stops.full ? [element("span", {}, [stops.limit])] : []),
            ...regions.strips(shown),
          ]
        : []),
    );
  }

  /** The tooltip: the point under the pointer, and how far its place is to be trusted. */
  tip() {
    const { hovered, ghost, z, parts, view, trust, regions } = this.plane;
    const { pointer, press } = this.plane.hand;
    const { tip } = parts;
    const there = ghost ?? (press?.kind === "z" ? z : null);
    const lines = [
      ...(hovered >= 0 ? this.#point(hovered) : []),
      ...(there ? [...trust.figures(there), ...regions.figures(there)] : []),
    ];
    tip.hidden = !pointer || !lines.length;
    if (tip.hidden) return;
    const pictured = this.pictured?.point === hovered ? [this.pictured.picture] : [];
    tip.replaceChildren(...pictured, element("div", {}, lines));
    placeTip(tip, ...pointer, view.width, view.height);
  }

  #point(i) {
    const { points, data } = this.plane;
    const { names, value } = points.layout;
    const pair = (values) => `(${values.map((x) => number(x, 2)).join(", ")})`;
    const name = names ? `${names[points.category[i]]} · ` : "";
    const lines = [element("strong", {}, [`${name}${points.row(i)}`])];
    const say = (text) => lines.push(element("span", {}, [text]));
    if (points.sources) say(points.source(i));
    say(`${data.plane ? "μ = " : ""}${pair([points.xy[2 * i], points.xy[2 * i + 1]])}`);
    if (points.covariance)
      say(`σ = ${pair([points.covariance[3 * i], points.covariance[3 * i + 2]].map(Math.sqrt))}`);
    if (value) say(`${value.label} ${Number.isNaN(points.value[i]) ? "not known" : number(points.value[i], 2)}`);
    if (this.pictured?.point === i) say(this.pictured.real ? "real image" : "decoded from μ");
    return lines;
  }

  /** Fetch the image of a hovered point. @param {number} i */
  picture(i) {
    if (this.plane.points.layout.images && this.plane.hello?.images) this.imaging.want(i);
  }

  /** Into the tooltip, and large where no z is under the pointer. */
  async #image(i) {
    const { points, channel, hello, parts } = this.plane;
    const answer = await channel.ask(Verb.IMAGE, 1, Uint32Array.of(points.rows[i]));
    if (i !== this.plane.hovered || points !== this.plane.points) return;
    const pixels = new Uint8Array(answer.bytes);
    const picture = element("canvas");
    showPixels(picture, pixels, hello.image_shape);
    this.pictured = { point: i, picture, real: answer.real };
    if (!this.plane.z) showPixels(parts.decoded, pixels, hello.image_shape);
    this.plane.invalidate();
  }

  /** A selection in words; a single point by its name. @param {import("./selection.js").Selection} selected */
  ofSelected(selected) {
    const { points } = this.plane;
    if (selected.size !== 1 || !points) return `${selected.size} ${selected.size === 1 ? "point" : "points"} selected`;
    const { category, layout } = points;
    const [i] = selected;
    const source = points.source(i);
    return `Point ${points.row(i).replace("#", "")}${source && `, ${source}`}${layout.names ? `, class ${layout.names[category[i]]}` : ""}, selected.`;
  }

  /** A screen reader says what is new: the same words again differ by a space. @param {string} text */
  announce(text) {
    const { announced } = this.plane.parts;
    announced.textContent = announced.textContent === text ? `${text}\u00a0` : text;
  }
}
