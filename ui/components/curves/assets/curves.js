/** Curves in panels: SVG, so that the theme's colours hold; values under the pointer or by arrow keys. */

import { stops, valueAt } from "./reading.js";
import { decades, heightOf, labels, nearest, number, scale, ticks } from "./scale.js";

// Pixels, where the page's text has its usual size: with it they grow.
const TEXT = 13; // of this component, as curves.css has it
const LABEL_ROOM = 15; // between two labels at lines' ends
const MOST_TOLD = 12; // lines whose values the tooltip tells
const MARGIN = { top: 6, right: 15, bottom: 23, left: 45 };
const REACH = 16; // pixels from a point within which a click picks it
const STRIDE = 10; // places that an arrow key with Shift goes on
const TICK_ROOM = { across: 56, up: 34 };

/** @type {WeakMap<Node, Curves>} */
const standing = new WeakMap();

/** @param {any} component as Streamlit calls it */
export function mount(component) {
  const place = component.parentElement;
  const curves = standing.get(place) ?? new Curves(place.querySelector(".root"));
  standing.set(place, curves);
  curves.update(component);
  return () => {
    if (place.isConnected) return; // no farewell: an update takes over
    standing.delete(place);
    curves.resizing.disconnect();
  };
}

/** The figure that stands in a component's place, to be saved. @param {Node} place */
export async function saved(place) {
  const { figureOf } = await import("./saved.js");
  return standing.has(place) ? figureOf(() => standing.get(place)) : null;
}

/**
 * @typedef {{name: string, x: number[], y: number[], colour: string, dashed: boolean, faint: boolean, label: string, bars: [number, number][]}} Line
 * @typedef {{title: string, note: string, lines: Line[], y_range: [number, number] | null}} Panel
 */

class Curves {
  /** @param {HTMLElement} root */
  constructor(root) {
    root.innerHTML = `<div class="legend"></div><div class="panels"></div>`;
    this.root = root;
    [this.legend, this.panels] = [".legend", ".panels"].map((part) => root.querySelector(part));
    this.data = null;
    this.resizing = new ResizeObserver(() => this.draw());
    this.resizing.observe(root);
  }

  update(component) {
    this.component = component;
    const data = (this.data = component.data);
    this.root.dataset.testid = data.testid;
    while (this.panels.children.length > data.panels.length) this.panels.lastChild.remove();
    while (this.panels.children.length < data.panels.length) this.panels.append(this.furnish());
    this.showLegend();
    this.draw();
  }

  /** The elements of a panel; what the pointer is over, or the keys go to, is told from here. */
  furnish() {
    const figure = document.createElement("figure");
    figure.innerHTML = `
      <figcaption><b></b><span></span></figcaption>
      <div class="plot" tabindex="0" role="application" aria-roledescription="plot">
        <svg role="img"></svg><div class="tip" hidden></div>
      </div>
      <p class="said" aria-live="polite"></p>`;
    const plot = figure.querySelector(".plot");
    plot.addEventListener("pointermove", (event) => this.point(figure, event));
    plot.addEventListener("pointerleave", () => this.hush(figure));
    plot.addEventListener("click", (event) => this.pick(figure, this.pointAt(figure, event)));
    plot.addEventListener("keydown", (event) => this.press(figure, event));
    plot.addEventListener("blur", () => this.hush(figure));
    return figure;
  }

  showLegend() {
    const { legend, panels } = this.data;
    const kinds = new Map(panels.flatMap(({ lines }) => lines.map((line) => [line.name, line])));
    this.legend.hidden = !legend || !kinds.size;
    this.legend.replaceChildren(
      ...[...kinds.values()].map(({ name, colour, dashed, faint }) => {
        const key = document.createElement("span");
        const stroke = document.createElement("i");
        stroke.classList.toggle("dashed", dashed);
        stroke.classList.toggle("faint", faint);
        stroke.style.borderColor = colour;
        key.append(stroke, name);
        return key;
      }),
    );
  }

  draw() {
    if (!this.data || !this.root.clientWidth) return;
    this.data.panels.forEach((panel, k) => this.drawPanel(this.panels.children[k], panel));
  }

  /** @param {HTMLElement} figure @param {Panel} panel */
  drawPanel(figure, { title, note, lines, y_range }) {
    const { xRange, xName, unit, marker, alt, logX } = this.data;
    const k = parseFloat(getComputedStyle(this.root).fontSize) / TEXT;
    const height = this.data.height * k;
    const margin = { top: MARGIN.top * k, right: MARGIN.right * k, bottom: MARGIN.bottom * k, left: MARGIN.left * k };
    const [name, aside] = figure.querySelector("figcaption").children;
    name.textContent = title;
    const svg = figure.querySelector("svg");
    const width = figure.querySelector(".plot").clientWidth;
    const labelled = lines.some(({ label }) => label);
    const right = width - margin.right - (labelled ? 26 * k : 0);
    const bottom = height - margin.bottom;
    const yRange = y_range ?? heightOf(lines);
    const x = scale(xRange, [margin.left, right], logX);
    const y = scale(yRange, [bottom, margin.top]);
    const told = rowsAt(lines, marker, logX).map(({ line, value }) => `${line.name} ${number(value)}`);
    aside.textContent = note || (told.length < 4 ? told.join(" · ") : "");
    svg.setAttribute("aria-label", `${alt} ${title}: ${note || told.slice(0, MOST_TOLD).join(", ")} ${unit}.`);
    const picks = lines.some((line) => line.name === this.data.pick) ? ", Enter picks a point" : "";
    figure.querySelector(".plot").setAttribute("aria-label", `${title || alt}. Arrow keys tell the values${picks}.`);
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("width", String(width));
    svg.setAttribute("height", String(height));
    const ends = endLabels(lines, x, y, bottom, LABEL_ROOM * k);
    const up = ticks(yRange, (bottom - margin.top) / (TICK_ROOM.up * k));
    const across = (logX ? decades : ticks)(xRange, (right - margin.left) / (TICK_ROOM.across * k), true);
    const [upTexts, acrossTexts] = [labels(up), logX ? across.map(number) : labels(across)];
    const clip = `inside-${[...figure.parentElement.children].indexOf(figure)}`;
    svg.innerHTML = `
      <clipPath id="${clip}"><rect x="${margin.left}" y="0" width="${right - margin.left + 3}" height="${bottom + 2}"/></clipPath>
      ${up.map((value, i) => `
        <line class="grid" x1="${margin.left}" x2="${right}" y1="${y(value)}" y2="${y(value)}"/>
        <text x="${margin.left - 6}" y="${y(value) + 4}" text-anchor="end">${upTexts[i]}</text>`).join("")}
      ${across.map((value, i) => `
        <text x="${x(value)}" y="${height - 6}" text-anchor="middle">${acrossTexts[i]}</text>`).join("")}
      <text x="${margin.left - 6}" y="${height - 6}" text-anchor="end">${xName}</text>
      <line class="axis" x1="${margin.left}" x2="${right}" y1="${bottom}" y2="${bottom}"/>
      <g clip-path="url(#${clip})">${lines.map((line) => bars(line, x, y) + path(line, x, y) + (line.name === this.data.pick ? points(line, x, y) : "")).join("")}</g>
      ${marker == null ? "" : `<line class="marker" x1="${x(marker)}" x2="${x(marker)}" y1="0" y2="${bottom}"/>`}
      ${ends.map(({ left, top, colour }) => `<text class="label" x="${left + 5}" y="${top + 4}" style="fill: ${colour}"/>`).join("")}
      <line class="pointed" y1="0" y2="${bottom}" hidden/>`;
    svg.querySelectorAll(".label").forEach((label, k) => (label.textContent = ends[k].text));
    const inside = stops(lines).filter((at) => x(at) > margin.left - 1 && x(at) < right + 1);
    Object.assign(figure, { lines, x, y, stops: inside, span: [margin.left, right] });
    if (!figure.querySelector(".tip").hidden) this.tell(figure, figure.at, figure.first);
  }

  /** The point of the line to pick from that is nearest to the pointer; -1 when none is near. */
  pointAt(figure, event) {
    const line = figure.lines.find(({ name }) => name === this.data.pick);
    const box = figure.querySelector(".plot").getBoundingClientRect();
    const far = (line?.x ?? []).map((value, i) =>
      Math.hypot(figure.x(value) - event.clientX + box.left, figure.y(line.y[i]) - event.clientY + box.top),
    );
    const least = Math.min(...far);
    return least <= REACH ? far.indexOf(least) : -1;
  }

  /** @param {number} picked a point of the line to pick from; -1 for none */
  pick(figure, picked) {
    if (picked < 0) return;
    this.hush(figure); // its values are of the point chosen before
    this.component.setTriggerValue("picked", picked);
  }

  /** Tell the values where the pointer is, of many lines those around its height. */
  point(figure, event) {
    figure.classList.toggle("picking", this.pointAt(figure, event) >= 0);
    const box = figure.querySelector(".plot").getBoundingClientRect();
    const at = nearest(figure.stops.map(figure.x), event.clientX - box.left);
    if (at < 0) return;
    const rows = this.rows(figure, at);
    const from = rows.findIndex(({ value }) => figure.y(value) > event.clientY - box.top - 1);
    this.tell(figure, at, (from < 0 ? rows.length : from) - MOST_TOLD / 2);
  }

  /** Left and right, Home and End go along x, up and down through many lines; Escape ends it, Enter picks. */
  press(figure, event) {
    const { stops, at = -1, first = 0 } = figure;
    if (!stops.length || event.ctrlKey || event.altKey || event.metaKey) return;
    const tip = figure.querySelector(".tip");
    const stride = event.shiftKey ? STRIDE : 1;
    const last = stops.length - 1;
    const ways = {
      ArrowLeft: [at < 0 ? last : at - stride, first],
      ArrowRight: [at < 0 ? 0 : at + stride, first],
      Home: [0, first],
      End: [last, first],
      ...(figure.lines.length > MOST_TOLD && { ArrowUp: [at, first - MOST_TOLD], ArrowDown: [at, first + MOST_TOLD] }),
    };
    if (event.key === "Escape") this.hush(figure);
    else if (event.key === "Enter" && !tip.hidden) this.pick(figure, this.pointBy(figure, stops[at]));
    else if (ways[event.key]) {
      this.tell(figure, ...ways[event.key]);
      figure.querySelector(".said").textContent = [...tip.children].map((row) => row.textContent).join(", ");
      event.preventDefault();
    }
  }

  /** The point of the line to pick from that is nearest along x; -1 without one. */
  pointBy(figure, at) {
    const line = figure.lines.find(({ name }) => name === this.data.pick);
    return line ? nearest(line.x, at) : -1;
  }

  /** The values at a stop, the highest first. */
  rows({ lines, stops }, at) {
    return rowsAt(lines, stops[at], this.data.logX).sort((a, b) => b.value - a.value);
  }

  /** Tell the values at a stop, of many lines those from the `first` on. */
  tell(figure, at, first) {
    const { x, span, stops } = figure;
    figure.at = Math.min(Math.max(at, 0), stops.length - 1);
    if (figure.at < 0) return;
    const there = stops[figure.at];
    const rows = this.rows(figure, figure.at);
    figure.first = Math.max(0, Math.min(first, rows.length - MOST_TOLD));
    const tip = figure.querySelector(".tip");
    tip.replaceChildren(
      Object.assign(document.createElement("b"), { textContent: `${this.data.xName} ${number(there)}` }),
      ...rows.slice(figure.first, figure.first + MOST_TOLD).map(({ line, value }) => {
        const row = Object.assign(document.createElement("span"), { textContent: `${line.name} ${number(value)}` });
        row.style.setProperty("--colour", line.colour);
        return row;
      }),
    );
    tip.hidden = false;
    const left = x(there) > (span[0] + span[1]) / 2 ? x(there) - 10 - tip.offsetWidth : x(there) + 10;
    tip.style.transform = `translate(${Math.max(left, 0)}px, 0)`;
    const line = figure.querySelector(".pointed");
    line.removeAttribute("hidden");
    for (const end of ["x1", "x2"]) line.setAttribute(end, String(x(there)));
  }

  hush(figure) {
    figure.querySelector(".tip").hidden = true;
    figure.querySelector(".said").textContent = "";
    figure.querySelector(".pointed")?.setAttribute("hidden", "");
  }
}

/** The lines that reach x and their values there; at none, each line's last. @param {Line[]} lines */
function rowsAt(lines, x, log) {
  return lines
    .map((line) => ({ line, value: x == null ? line.y.at(-1) : valueAt(line, x, log) }))
    .filter(({ value }) => value !== undefined);
}

/** @param {Line} line @param {(value: number) => number} x @param {(value: number) => number} y */
function path({ x: xs, y: ys, colour, dashed, faint }, x, y) {
  const kind = `${dashed ? "dashed" : ""} ${faint ? "faint" : ""}`;
  if (xs.length === 1)
    return `<circle class="${kind}" cx="${x(xs[0])}" cy="${y(ys[0])}" r="3" fill="${colour}"/>`;
  const points = xs.map((value, i) => `${x(value).toFixed(1)},${y(ys[i]).toFixed(1)}`).join(" ");
  return `<polyline class="${kind}" points="${points}" stroke="${colour}"/>`;
}

/** @param {Line} line @param {(value: number) => number} x @param {(value: number) => number} y */
function points({ x: xs, y: ys, colour }, x, y) {
  return xs.map((value, i) => `<circle class="point" cx="${x(value)}" cy="${y(ys[i])}" r="3" fill="${colour}"/>`).join("");
}

/** @param {Line} line @param {(value: number) => number} x @param {(value: number) => number} y */
function bars({ x: xs, bars: spans, colour }, x, y) {
  return spans
    .map(([from, to], i) => `<line x1="${x(xs[i])}" x2="${x(xs[i])}" y1="${y(from)}" y2="${y(to)}" stroke="${colour}" stroke-width="2"/>`)
    .join("");
}

/**
 * Labels at the lines' ends, from the top: a few give way to one another, of many those without
 * room are left out.
 * @param {Line[]} lines @param {(value: number) => number} x @param {(value: number) => number} y
 * @param {number} bottom @param {number} room between two
 */
function endLabels(lines, x, y, bottom, room) {
  const wanted = lines
    .filter((line) => line.label && line.y.length)
    .map(({ label, x: xs, y: ys, colour }) => ({
      text: label,
      left: x(xs.at(-1)),
      top: y(ys.at(-1)),
      colour,
    }))
    .sort((a, b) => a.top - b.top);
  const few = wanted.length * room < bottom;
  return wanted.reduce((placed, label) => {
    const free = placed.length ? placed.at(-1).top + room : 0;
    if (label.top >= free) return [...placed, label];
    return few ? [...placed, { ...label, top: free }] : placed;
  }, []);
}
