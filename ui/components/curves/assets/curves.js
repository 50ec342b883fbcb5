/** Curves in panels: SVG, so that the theme's colours hold; values under the pointer. */

import { decades, heightOf, labels, nearest, number, scale, ticks, unscale } from "./scale.js";

const LABEL_ROOM = 14; // pixels between two labels at lines' ends
const MOST_TOLD = 12; // lines whose values the tooltip tells
const MARGIN = { top: 6, right: 10, bottom: 22, left: 42 };
const REACH = 16; // pixels from a point within which a click picks it
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

/**
 * @typedef {{name: string, x: number[], y: number[], colour: string, dashed: boolean, faint: boolean, label: string, margin: number[]}} Line
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

  /** The elements of a panel; what the pointer is over is told from here. */
  furnish() {
    const figure = document.createElement("figure");
    figure.innerHTML = `
      <figcaption><b></b><span></span></figcaption>
      <div class="plot"><svg role="img"></svg><div class="tip" hidden></div></div>`;
    const plot = figure.querySelector(".plot");
    plot.addEventListener("pointermove", (event) => this.tell(figure, event));
    plot.addEventListener("pointerleave", () => this.hush(figure));
    plot.addEventListener("click", (event) => {
      const picked = this.pointAt(figure, event);
      if (picked < 0) return;
      this.hush(figure); // its values are of the point chosen before
      this.component.setTriggerValue("picked", picked);
    });
    return figure;
  }

  showLegend() {
    const { legend, panels } = this.data;
    const kinds = new Map(panels.flatMap(({ lines }) => lines.map((line) => [line.name, line])));
    this.legend.hidden = !legend || !kinds.size;
    this.legend.replaceChildren(
      ...[...kinds.values()].map(({ name, colour, dashed }) => {
        const key = document.createElement("span");
        const stroke = Object.assign(document.createElement("i"), { className: dashed ? "dashed" : "" });
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
    const { xRange, xName, unit, height, marker, alt, logX } = this.data;
    const [name, aside] = figure.querySelector("figcaption").children;
    name.textContent = title;
    const svg = figure.querySelector("svg");
    const width = figure.querySelector(".plot").clientWidth;
    const labelled = lines.some(({ label }) => label);
    const right = width - MARGIN.right - (labelled ? 26 : 0);
    const bottom = height - MARGIN.bottom;
    const yRange = y_range ?? heightOf(lines);
    const x = scale(xRange, [MARGIN.left, right], logX);
    const y = scale(yRange, [bottom, MARGIN.top]);
    const at = marker ?? Infinity;
    const told = lines.filter((line) => line.x.length).map((line) => `${line.name} ${number(valueAt(line, at))}`);
    aside.textContent = note || (told.length < 4 ? told.join(" · ") : "");
    svg.setAttribute("aria-label", `${alt} ${title}: ${note || told.slice(0, MOST_TOLD).join(", ")} ${unit}.`);
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("width", String(width));
    svg.setAttribute("height", String(height));
    const ends = endLabels(lines, x, y, bottom);
    const up = ticks(yRange, (bottom - MARGIN.top) / TICK_ROOM.up);
    const across = (logX ? decades : ticks)(xRange, (right - MARGIN.left) / TICK_ROOM.across, true);
    const [upTexts, acrossTexts] = [labels(up), logX ? across.map(number) : labels(across)];
    const clip = `inside-${[...figure.parentElement.children].indexOf(figure)}`;
    svg.innerHTML = `
      <clipPath id="${clip}"><rect x="${MARGIN.left}" y="0" width="${right - MARGIN.left + 3}" height="${bottom + 2}"/></clipPath>
      ${up.map((value, i) => `
        <line class="grid" x1="${MARGIN.left}" x2="${right}" y1="${y(value)}" y2="${y(value)}"/>
        <text x="${MARGIN.left - 6}" y="${y(value) + 4}" text-anchor="end">${upTexts[i]}</text>`).join("")}
      ${across.map((value, i) => `
        <text x="${x(value)}" y="${height - 6}" text-anchor="middle">${acrossTexts[i]}</text>`).join("")}
      <text x="${MARGIN.left - 6}" y="${height - 6}" text-anchor="end">${xName}</text>
      <line class="axis" x1="${MARGIN.left}" x2="${right}" y1="${bottom}" y2="${bottom}"/>
      <g clip-path="url(#${clip})">${lines.map((line) => bars(line, x, y) + path(line, x, y) + (line.name === this.data.pick ? points(line, x, y) : "")).join("")}</g>
      ${marker == null ? "" : `<line class="marker" x1="${x(marker)}" x2="${x(marker)}" y1="0" y2="${bottom}"/>`}
      ${ends.map(({ left, top, colour }) => `<text class="label" x="${left + 5}" y="${top + 4}" style="fill: ${colour}"/>`).join("")}
      <line class="pointed" y1="0" y2="${bottom}" hidden/>`;
    svg.querySelectorAll(".label").forEach((label, k) => (label.textContent = ends[k].text));
    Object.assign(figure, { lines, x, y, xRange, span: [MARGIN.left, right] });
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

  /** Tell the values where the pointer is. */
  tell(figure, event) {
    figure.classList.toggle("picking", this.pointAt(figure, event) >= 0);
    const { lines, x, y, xRange, span } = figure;
    const box = figure.querySelector(".plot").getBoundingClientRect();
    const px = event.clientX - box.left;
    const value = unscale(xRange, span, px, this.data.logX);
    const drawn = lines.filter((line) => line.x.length);
    if (!drawn.length) return;
    const longest = drawn.reduce((a, b) => (b.x.length > a.x.length ? b : a));
    const there = longest.x[nearest(longest.x, value)];
    const tip = figure.querySelector(".tip");
    const rows = drawn
      .map((line) => ({ line, value: valueAt(line, there) }))
      .sort((a, b) => b.value - a.value);
    const from = rows.findIndex(({ value }) => y(value) > event.clientY - box.top - 1);
    const first = Math.max(0, Math.min((from < 0 ? rows.length : from) - MOST_TOLD / 2, rows.length - MOST_TOLD));
    tip.replaceChildren(
      Object.assign(document.createElement("b"), { textContent: `${this.data.xName} ${number(there)}` }),
      ...rows.slice(first, first + MOST_TOLD).map(({ line, value }) => {
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
    figure.querySelector(".pointed")?.setAttribute("hidden", "");
  }
}

/** @param {Line} line */
function valueAt(line, x) {
  return line.y[nearest(line.x, Math.min(x, line.x.at(-1)))];
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
function bars({ x: xs, y: ys, margin, colour }, x, y) {
  return margin
    .map((half, i) => `<line x1="${x(xs[i])}" x2="${x(xs[i])}" y1="${y(ys[i] - half)}" y2="${y(ys[i] + half)}" stroke="${colour}" stroke-width="2"/>`)
    .join("");
}

/**
 * Labels at the lines' ends, from the top: a few give way to one another, of many those without
 * room are left out.
 * @param {Line[]} lines @param {(value: number) => number} x @param {(value: number) => number} y
 * @param {number} bottom
 */
function endLabels(lines, x, y, bottom) {
  const wanted = lines
    .filter((line) => line.label && line.y.length)
    .map(({ label, x: xs, y: ys, colour }) => ({
      text: label,
      left: x(xs.at(-1)),
      top: y(ys.at(-1)),
      colour,
    }))
    .sort((a, b) => a.top - b.top);
  const few = wanted.length * LABEL_ROOM < bottom;
  return wanted.reduce((placed, label) => {
    const free = placed.length ? placed.at(-1).top + LABEL_ROOM : 0;
    if (label.top >= free) return [...placed, label];
    return few ? [...placed, { ...label, top: free }] : placed;
  }, []);
}
