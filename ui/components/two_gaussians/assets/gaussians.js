/** Two Gaussians that the pointer and the keys move, and both divergences between them as areas. */

import { divergence, integrand, logDensity } from "./kl.js";

const SPAN = 8; // the axis goes from -SPAN to SPAN
const LIMITS = { mu: [-4, 4], sigma: [0.2, 4] };
const STEP = 0.05; // of an arrow key, and of what is told; ten times with Shift
const POINTS = 401;
const HEIGHT = { densities: 230, area: 120 };
const MARGIN = { left: 12, right: 12, top: 34, bottom: 24 };
const NAMES = ["q", "p"];

/** @type {WeakMap<Node, TwoGaussians>} */
const standing = new WeakMap();

/** @param {any} component as Streamlit calls it */
export function mount(component) {
  const place = component.parentElement;
  const figure = standing.get(place) ?? new TwoGaussians(place.querySelector(".root"));
  standing.set(place, figure);
  figure.update(component);
  return () => {
    if (place.isConnected) return; // no farewell: an update takes over
    standing.delete(place);
    figure.resizing.disconnect();
  };
}

/** The figure that stands in a component's place, to be saved. @param {Node} place */
export function saved(place) {
  const figure = () => standing.get(place);
  return {
    name: "two-gaussians",
    parts: () => [...figure().root.children],
    drawn: () => null,
    table: () => figure().table(),
    plot: () => plot(figure().table()),
  };
}

/** A line for each column of the table, the integrands against an axis of their own. */
function plot({ columns: [, ...names], rows }) {
  const x = rows.map(([at]) => at);
  const data = names.map((name, k) => ({
    type: "scatter", mode: "lines", name, x, y: rows.map((row) => row[k + 1]), yaxis: k < 2 ? "y" : "y2",
  }));
  const yaxis = { title: { text: "density" }, domain: [0.45, 1] };
  const yaxis2 = { title: { text: "integrand, nats" }, domain: [0, 0.38] };
  return { data, layout: { xaxis: { title: { text: "x" }, anchor: "y2" }, yaxis, yaxis2 } };
}

class TwoGaussians {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    root.innerHTML = `
      <svg class="densities" height="${HEIGHT.densities}"><g class="drawn"></g><g class="handles"></g></svg>
      <div class="areas">
        <figure><figcaption></figcaption><svg height="${HEIGHT.area}" role="img"></svg></figure>
        <figure><figcaption></figcaption><svg height="${HEIGHT.area}" role="img"></svg></figure>
      </div>
      <p class="said" aria-live="polite"></p>`;
    /** @type {import("./kl.js").Gaussian[]} q and p */
    this.gaussians = [];
    this.handles = NAMES.flatMap((_, k) => ["mu", "sigma"].map((what) => this.handle(k, what)));
    root.querySelector(".handles").append(...this.handles.map(({ shape }) => shape));
    this.resizing = new ResizeObserver(() => this.draw());
    this.resizing.observe(root);
  }

  update(component) {
    const begins = !this.data;
    this.component = component;
    this.data = component.data;
    this.root.dataset.testid = this.data.testid;
    if (begins) this.gaussians = this.data.gaussians.map(([mu, sigma]) => ({ mu, sigma }));
    this.draw();
  }

  /** What moves a mean or a width: at the curve's top, or on its flank one sigma to the right. */
  handle(k, what) {
    const shape = document.createElementNS("http://www.w3.org/2000/svg", "circle");
    const [least, most] = LIMITS[what];
    const told = { r: 9, tabindex: 0, role: "slider", "aria-valuemin": least, "aria-valuemax": most };
    for (const [name, value] of Object.entries(told)) shape.setAttribute(name, String(value));
    shape.setAttribute("aria-label", `${what === "mu" ? "μ" : "σ"} of ${NAMES[k]}`);
    shape.dataset.testid = `${NAMES[k]}-${what}`;
    shape.addEventListener("pointerdown", (event) => {
      shape.setPointerCapture(event.pointerId);
      shape.focus({ preventScroll: true });
      event.preventDefault();
    });
    shape.addEventListener("pointermove", (event) => {
      if (shape.hasPointerCapture(event.pointerId)) this.drag(k, what, event.clientX);
    });
    shape.addEventListener("lostpointercapture", () => this.tell());
    shape.addEventListener("keydown", (event) => this.press(k, what, event));
    return { k, what, shape };
  }

  drag(k, what, clientX) {
    const box = this.root.querySelector(".densities").getBoundingClientRect();
    const x = this.value(clientX - box.left);
    this.set(k, what, what === "mu" ? x : Math.abs(x - this.gaussians[k].mu));
  }

  press(k, what, event) {
    const way = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
    if (!way || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    this.set(k, what, this.gaussians[k][what] + way * STEP * (event.shiftKey ? 10 : 1));
    this.tell();
  }

  set(k, what, value) {
    const [least, most] = LIMITS[what];
    const rounded = Math.round(value / STEP) * STEP;
    this.gaussians[k][what] = Number(Math.min(Math.max(rounded, least), most).toFixed(2));
    this.draw();
  }

  /** Let Python hear of it once a handle rests, and screen readers of both figures. */
  tell() {
    clearTimeout(this.telling);
    this.telling = setTimeout(() => {
      const [there, back] = this.both();
      this.root.querySelector(".said").textContent = `KL(q‖p) ${nats(there)}, KL(p‖q) ${nats(back)}`;
      this.component.setStateValue("gaussians", this.gaussians.map(({ mu, sigma }) => [mu, sigma]));
    }, 200);
  }

  /** KL(q || p) and KL(p || q). */
  both() {
    const [q, p] = this.gaussians;
    return [divergence(q, p), divergence(p, q)];
  }

  /** A place on the axis, in pixels, and back. */
  place(x) {
    return MARGIN.left + ((x + SPAN) / (2 * SPAN)) * (this.width - MARGIN.left - MARGIN.right);
  }

  value(pixels) {
    return ((pixels - MARGIN.left) / (this.width - MARGIN.left - MARGIN.right)) * 2 * SPAN - SPAN;
  }

  draw() {
    if (!this.data || !this.root.clientWidth) return;
    this.drawDensities();
    const [q, p] = this.gaussians;
    const figures = this.root.querySelectorAll("figure");
    this.drawArea(figures[0], q, p, "KL(q‖p)", "q log(q/p)");
    this.drawArea(figures[1], p, q, "KL(p‖q)", "p log(p/q)");
  }

  drawDensities() {
    this.width = this.root.clientWidth;
    const svg = this.root.querySelector(".densities");
    const base = HEIGHT.densities - MARGIN.bottom;
    const highest = Math.max(...this.gaussians.map((g) => Math.exp(logDensity(g, g.mu))), 0.45);
    const up = (density) => base - (density / highest) * (base - MARGIN.top);
    svg.setAttribute("viewBox", `0 0 ${this.width} ${HEIGHT.densities}`);
    svg.setAttribute("width", String(this.width));
    svg.querySelector(".drawn").innerHTML =
      axis((x) => this.place(x), base) +
      this.gaussians
        .map((gaussian, k) => {
          const points = xs(-SPAN, SPAN).map((x) => `${this.place(x).toFixed(1)},${up(Math.exp(logDensity(gaussian, x))).toFixed(1)}`);
          const colour = this.data.colours[k];
          return `<polygon points="${this.place(-SPAN)},${base} ${points.join(" ")} ${this.place(SPAN)},${base}" fill="${colour}" fill-opacity="0.14"/>
            <polyline points="${points.join(" ")}" fill="none" stroke="${colour}" stroke-width="2.5"/>`;
        })
        .join("") +
      this.gaussians
        .map(({ mu, sigma }, k) => {
          const top = up(Math.exp(logDensity(this.gaussians[k], mu)));
          const shift = 14 * this.side(k);
          return `<text class="name" x="${this.place(mu) + shift}" y="${top - 15}" text-anchor="${shift < 0 ? "end" : shift ? "start" : "middle"}"><tspan>${NAMES[k]}</tspan> = N(${text(mu)}, ${text(sigma)}²)</text>`;
        })
        .join("");
    for (const { k, what, shape } of this.handles) {
      const { mu, sigma } = this.gaussians[k];
      const x = what === "mu" ? mu : mu + sigma;
      shape.setAttribute("cx", String(this.place(x)));
      shape.setAttribute("cy", String(up(Math.exp(logDensity(this.gaussians[k], x)))));
      shape.setAttribute("fill", what === "mu" ? this.data.colours[k] : "var(--st-background-color)");
      shape.setAttribute("stroke", this.data.colours[k]);
      shape.setAttribute("aria-valuenow", String(this.gaussians[k][what]));
      shape.setAttribute("aria-valuetext", text(this.gaussians[k][what]));
    }
  }

  /** Where a curve's name stands: 0 above its top, -1 and 1 beside it, on the side away from the other's. */
  side(k) {
    const away = this.gaussians[k].mu - this.gaussians[1 - k].mu;
    return this.near() ? Math.sign(away) || (k ? 1 : -1) : 0;
  }

  /** Whether the names above the curves would stand over one another. */
  near() {
    const [q, p] = this.gaussians;
    return Math.abs(this.place(q.mu) - this.place(p.mu)) < 130 && Math.abs(q.sigma - p.sigma) < 0.5 * Math.max(q.sigma, p.sigma);
  }

  drawArea(figure, a, b, name, what) {
    const value = divergence(a, b);
    const [caption, svg] = figure.children;
    caption.innerHTML = `<b>${name} = ${nats(value)}</b> <span>the area of ${what}</span>`;
    const { width, height } = { width: figure.clientWidth, height: HEIGHT.area };
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("width", String(width));
    svg.setAttribute("aria-label", `${what}, whose area is ${name} = ${nats(value)}`);
    const place = (x) => 6 + ((x + SPAN) / (2 * SPAN)) * (width - 12);
    const found = xs(-SPAN, SPAN).map((x) => [x, integrand(a, b, x)]);
    const low = Math.min(...found.map(([, y]) => y), -0.1);
    const high = Math.max(...found.map(([, y]) => y), 0.2);
    const up = (y) => 6 + ((high - y) / (high - low)) * (height - 28);
    const shade = (sign, colour) => {
      const points = found.map(([x, y]) => `${place(x).toFixed(1)},${up(sign * Math.max(sign * y, 0)).toFixed(1)}`);
      return `<polygon points="${place(-SPAN)},${up(0)} ${points.join(" ")} ${place(SPAN)},${up(0)}" fill="${colour}"/>`;
    };
    const [below, above] = this.data.signed;
    svg.innerHTML = shade(1, above) + shade(-1, below) + axis(place, up(0), height - 6);
  }

  /** Rows for the file of the figure. */
  table() {
    const [q, p] = this.gaussians;
    const rows = xs(-SPAN, SPAN).map((x) => [
      x, Math.exp(logDensity(q, x)), Math.exp(logDensity(p, x)), integrand(q, p, x), integrand(p, q, x),
    ]);
    return { columns: ["x", "q", "p", "q log(q/p)", "p log(p/q)"], rows };
  }
}

/** @param {number} from @param {number} to */
function xs(from, to) {
  return Array.from({ length: POINTS }, (_, i) => from + ((to - from) * i) / (POINTS - 1));
}

/** The axis at a height, with whole numbers below it or at another one. */
function axis(place, y, textY = y + 17) {
  const all = [-6, -4, -2, 0, 2, 4, 6];
  return (
    `<line class="axis" x1="${place(-SPAN)}" x2="${place(SPAN)}" y1="${y}" y2="${y}"/>` +
    all.map((x) => `<text x="${place(x)}" y="${textY}" text-anchor="middle">${text(x)}</text>`).join("")
  );
}

/** As the app writes numbers. @param {number} value */
function text(value) {
  return String(Number(value.toFixed(2))).replace("-", "−");
}

/** A divergence, which is never negative, with the decimals that the page's figures have. @param {number} value */
function nats(value) {
  return `${Math.max(value, 0).toFixed(2)} nats`;
}
