/** Density and trust fog: where what is shown has mass, and where images lead back to their z. */

import { Latest, rowsAtOnce, Verb } from "./channel.js";
import { faded, rgb } from "./colours.js";
import { element } from "./furniture.js";
import { Density, Field, RETURNS, rise, thinnest } from "./fog.js";
import { drawAround, drawBackdrop } from "./scene.js";
import { number } from "./view.js";

const INK = 0.55; // how dark the density is where it is highest
const DECADES = 3; // below the highest the density is drawn over so many powers of ten
const FOG = 0.75; // how much it hides where it is full
const ASTRAY = [0.3, 1]; // of the prior's sigma: where fog begins and where it is full

export class Trust {
  /** @param {import("./plane.js").LatentPlane} plane */
  constructor(plane) {
    this.plane = plane;
    /** @type {{z: number[], far: number} | null} how far encode(decode(z)) lands from z */
    this.astray = null;
    this.returning = new Latest((z) => this.#return(z));
    this.returningAll = new Latest((wish) => this.#returnAll(wish));
    this.forget();
  }

  /** New points, or a new model behind the same name. */
  forget() {
    this.forgetMass();
    /** @type {{through: string, field: Field} | null} */
    this.returns = null;
  }

  /** The legend switched a class. */
  forgetMass() {
    this.kept = this.asked = null;
  }

  /** The density of the points shown, exact and on a grid; what is thin; its largest value; null until a crowd's is there. */
  get mass() {
    const { points, view } = this.plane;
    const half = view.home.half * 1.5;
    if (!this.kept && points.crowd) this.#askCrowd(points, half);
    else if (!this.kept) {
      const density = new Density(points);
      const field = density.field(half);
      this.kept = { density, field, thin: thinnest(field, points), most: Math.max(...field.values) };
    }
    return this.kept;
  }

  /** Of a crowd the grid alone, from its thread; `mass` asks for it once. */
  async #askCrowd(points, half) {
    if (this.asked) return;
    const asked = (this.asked = {});
    const { values, thin } = await points.crowd.density(points, half);
    if (asked !== this.asked) return; // forgotten
    const field = new Field(Math.sqrt(values.length), half, values);
    this.kept = { density: { at: (a, b) => field.at(a, b) }, field, thin, most: Math.max(...values) };
    this.plane.invalidate(true);
  }

  /** @param {number[]} z */
  look(z) {
    if (this.plane.on.has("fog")) this.returning.want(z);
  }

  /** Returns all over the plane, unless they are there for this one through latent space. */
  lookAround() {
    const { on, z, hello, slice } = this.plane;
    if (!on.has("fog") || !z || !hello) return;
    const through = slice.through(z);
    if (this.returns?.through !== through) this.returningAll.want({ through, z });
  }

  async #return(z) {
    const answer = await this.plane.channel.ask(Verb.RETURN, 1, Float32Array.from(z));
    this.astray = { z, far: distance(z, new Float32Array(answer.bytes)) };
    this.plane.invalidate();
  }

  async #returnAll({ through, z }) {
    const { view, slice, channel, hello } = this.plane;
    const field = new Field(RETURNS, view.home.half * 1.5);
    const atOnce = rowsAtOnce(hello);
    for (let from = 0; from < field.values.length; from += atOnce) {
      const rows = Math.min(atOnce, field.values.length - from);
      const zs = Array.from({ length: rows }, (_, k) => slice.moved(z, field.place(from + k)));
      const answer = await channel.ask(Verb.RETURN, rows, Float32Array.from(zs.flat()));
      const landed = new Float32Array(answer.bytes);
      zs.forEach((each, k) => {
        field.values[from + k] = distance(each, landed.subarray(2 * k * each.length));
      });
    }
    this.returns = { through, field };
    this.plane.invalidate(true);
  }

  /** The figures behind the layers at `z`, as elements. @param {number[]} z */
  figures(z) {
    const { on, points, slice } = this.plane;
    if (!points?.count || !(on.has("fog") || on.has("density"))) return [];
    const axes = this.plane.data.labels.filter(Boolean).join(", ");
    const [title, name] = points.covariance
      ? [`Aggregate posterior over ${axes} alone: the mean of q(z|x) of the points shown`, `q(${axes}) =`]
      : ["Density of the points shown: a Gaussian kernel by Scott's rule", "density of points"];
    const { mass } = this;
    const grid = points.crowd ? ", on a grid of 128 × 128" : "";
    const value = mass ? number(mass.density.at(...slice.place(z)), 3) : "…";
    const lines = [element("span", { title: title + grid }, [`${name} ${value}`])];
    if (on.has("fog") && this.astray)
      lines.push(
        element("span", { title: "Distance from z to the mean that encodes its image" }, [
          `encode(decode(z)) is ${number(this.astray.far, 2)} away`,
        ]),
      );
    return lines;
  }

  drawDensity(c) {
    const { view, theme } = this.plane;
    if (!this.mass) return;
    const { field, most } = this.mass;
    const shade = (value) => INK * Math.max(1 + Math.log10(value / most) / DECADES, 0);
    const picture = field.picture(rgb(theme.text), (a, b) => shade(field.at(a, b)));
    drawBackdrop(c, view, picture, field.extent, 1);
  }

  /** A veil where no data has mass, or where an image does not lead back to its z. */
  drawFog(c) {
    const { view, theme } = this.plane;
    if (!this.mass) return;
    const { field, thin } = this.mass;
    const returns = this.returns?.field;
    const doubt = (a, b) =>
      Math.max(1 - rise(0, thin, field.at(a, b)), returns ? rise(...ASTRAY, returns.at(a, b)) : 0);
    const colour = theme.dark ? "#5c6370" : "#9aa3af";
    const picture = field.picture(rgb(colour), (a, b) => FOG * doubt(a, b));
    drawBackdrop(c, view, picture, field.extent, 1);
    drawAround(c, view, field.extent, faded(colour, FOG));
  }
}

/** @param {number[]} p @param {ArrayLike<number>} q */
function distance(p, q) {
  return Math.hypot(...p.map((x, k) => x - q[k]));
}
