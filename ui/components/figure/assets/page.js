/** What stands on the page as SVG: boxes, lines, text, pictures, each where and as it is seen. */

import { SvgContext, pngOf } from "./canvas.js";
import { attributes, colourOf, escaped, familyOf, round } from "./markup.js";

const SHAPES = "path,rect,circle,ellipse,line,polyline,polygon,text,tspan";
const DEFINITIONS = ["clipPath", "defs", "marker", "linearGradient", "mask"];
const UNPAINTED = ["class", "style", "role", "tabindex", "hidden"];
const SIDES = ["Top", "Right", "Bottom", "Left"];
const ENLARGED = 4; // pictures are drawn that large, so that no program blurs their pixels
const MOST_PX = 4096; // … up to this side

/**
 * @typedef {{vector?: (c: SvgContext) => void, bitmap?: (scale: number) => HTMLCanvasElement}} Drawn how a canvas
 *   is drawn again: by lines and text in its CSS pixels, or as pixels that many times as fine
 */

/**
 * @param {Element[]} parts of the page, without what they hide
 * @param {(canvas: HTMLCanvasElement) => Drawn | null} drawn
 * @param {{pixels?: number, style?: string}} [as] pixels: canvases as pictures, that many times as fine
 * @returns {{text: string, width: number, height: number}}
 */
export function svgOf(parts, drawn, { pixels = 0, style = "" } = {}) {
  const boxes = parts.map((part) => part.getBoundingClientRect());
  const left = Math.round(Math.min(...boxes.map((box) => box.left)));
  const top = Math.round(Math.min(...boxes.map((box) => box.top)));
  const width = Math.ceil(Math.max(...boxes.map((box) => box.right)) - left);
  const height = Math.ceil(Math.max(...boxes.map((box) => box.bottom)) - top);
  const seen = getComputedStyle(parts[0]);
  const page = new Page(left, top, drawn, pixels, familyOf(seen.fontFamily));
  for (const part of parts) page.add(part);
  const paper = colourOf(seen.getPropertyValue("--st-background-color").trim() || "#ffffff").colour;
  const root = attributes({
    xmlns: "http://www.w3.org/2000/svg",
    "xmlns:xlink": "http://www.w3.org/1999/xlink",
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    "font-family": familyOf(seen.fontFamily),
  });
  const ground = `<rect${attributes({ width, height, fill: paper })}/>`;
  return { text: `<svg${root}>${style}\n${ground}\n${page.lines.join("\n")}\n</svg>\n`, width, height };
}

class Page {
  constructor(left, top, drawn, pixels, family) {
    Object.assign(this, { left, top, drawn, pixels, family });
    /** @type {string[]} */
    this.lines = [];
    this.defined = 0;
  }

  #box(rect) {
    return { x: round(rect.left - this.left), y: round(rect.top - this.top), width: round(rect.width), height: round(rect.height) };
  }

  /** @param {Element} element with all that is in it */
  add(element) {
    const style = getComputedStyle(element);
    const hushed = style.clipPath.startsWith("inset"); // for screen readers alone
    if (style.display === "none" || style.visibility === "hidden" || hushed) return;
    const rect = element.getBoundingClientRect();
    const whole = element.matches("svg, canvas"); // browsers begin these on whole pixels
    const box = this.#box(whole ? DOMRect.fromRect({ x: Math.round(rect.x), y: Math.round(rect.y), width: rect.width, height: rect.height }) : rect);
    const faint = Number(style.opacity) < 1;
    if (faint) this.lines.push(`<g opacity="${round(Number(style.opacity))}">`);
    if (element instanceof SVGSVGElement) this.#drawing(element, box);
    else {
      this.#ground(style, box);
      if (element instanceof HTMLCanvasElement) this.#canvas(element, box);
      const cut = style.overflowX !== "visible" && element.scrollWidth > element.clientWidth;
      if (cut) this.#cut(box);
      for (const child of element.childNodes) {
        if (child instanceof Text) this.#text(child, style);
        else if (child instanceof Element && child.localName !== "style") this.add(child);
      }
      if (cut) this.lines.push("</g>");
    }
    if (faint) this.lines.push("</g>");
  }

  #cut(box) {
    const id = `cut-${++this.defined}`;
    this.lines.push(`<clipPath id="${id}"><rect${attributes(box)}/></clipPath>`, `<g clip-path="url(#${id})">`);
  }

  /** Background, border and outline. */
  #ground(style, box) {
    const { colour, alpha } = colourOf(style.backgroundColor);
    const rx = Math.min(parseFloat(style.borderTopLeftRadius) || 0, box.width / 2, box.height / 2) || null;
    const fills = [...(alpha ? [{ fill: colour, "fill-opacity": alpha < 1 ? round(alpha) : null }] : []), ...this.#gradient(style)];
    if (box.width && box.height) for (const fill of fills) this.lines.push(`<rect${attributes({ ...box, rx, ...fill })}/>`);
    const widths = SIDES.map((side) => (style[`border${side}Style`] === "none" ? 0 : parseFloat(style[`border${side}Width`])));
    if (widths.every((width) => width && width === widths[0])) this.#frame(box, widths[0], widths[0] / 2, style.borderTopColor, rx);
    else SIDES.forEach((side, k) => widths[k] && this.#edge(side, widths[k], style, box));
    const outline = style.outlineStyle === "none" || style.outlineStyle === "auto" ? 0 : parseFloat(style.outlineWidth);
    if (outline) this.#frame(box, outline, -parseFloat(style.outlineOffset) - outline / 2, style.outlineColor, rx);
  }

  #frame({ x, y, width, height }, stroke, inset, css, rx) {
    const { colour, alpha } = colourOf(css);
    const inside = { x: x + inset, y: y + inset, width: width - 2 * inset, height: height - 2 * inset };
    const paint = { fill: "none", stroke: colour, "stroke-opacity": alpha < 1 ? round(alpha) : null, "stroke-width": stroke };
    if (alpha) this.lines.push(`<rect${attributes({ ...inside, rx, ...paint })}/>`);
  }

  #edge(side, width, style, { x, y, width: w, height: h }) {
    const { colour, alpha } = colourOf(style[`border${side}Color`]);
    const half = width / 2;
    const ends = {
      Top: [x, y + half, x + w, y + half],
      Bottom: [x, y + h - half, x + w, y + h - half],
      Left: [x + half, y, x + half, y + h],
      Right: [x + w - half, y, x + w - half, y + h],
    }[side];
    const dash = style[`border${side}Style`] === "dashed" ? `${2 * width} ${2 * width}` : null;
    const [x1, y1, x2, y2] = ends.map(round);
    const paint = { stroke: colour, "stroke-opacity": alpha < 1 ? round(alpha) : null, "stroke-width": width, "stroke-dasharray": dash };
    if (alpha) this.lines.push(`<line${attributes({ x1, y1, x2, y2, ...paint })}/>`);
  }

  /** One from left to right, as the components have it. */
  #gradient({ backgroundImage }) {
    const inside = /^linear-gradient\(to right, (.*)\)$/.exec(backgroundImage)?.[1];
    if (!inside) return [];
    const stops = inside.split(/,\s*(?![^(]*\))/).map((stop) => /^(.*?)(?: ([\d.]+)%)?$/.exec(stop));
    const id = `shade-${++this.defined}`;
    const solid = stops.map(([, css]) => colourOf(css)).find(({ alpha }) => alpha); // transparent has its neighbour's colour
    const drawn = stops.map(([, css, at], k) => {
      const { colour, alpha } = colourOf(css);
      const given = { offset: `${at ?? (100 * k) / (stops.length - 1)}%`, "stop-color": alpha ? colour : solid.colour, "stop-opacity": alpha };
      return `<stop${attributes(given)}/>`;
    });
    this.lines.push(`<linearGradient id="${id}">${drawn.join("")}</linearGradient>`);
    return [{ fill: `url(#${id})` }];
  }

  #canvas(canvas, box) {
    const { vector, bitmap } = this.drawn(canvas) ?? {};
    if (vector && !this.pixels) {
      const context = new SvgContext(this.family);
      vector(context);
      this.#cut(box);
      this.lines.push(`<g transform="translate(${box.x} ${box.y})">`, String(context), "</g>", "</g>");
      return;
    }
    const most = MOST_PX / Math.max(box.width, box.height);
    const picture = bitmap ? bitmap(this.pixels || Math.min(ENLARGED, Math.max(most, 1))) : canvas;
    // Pixel on pixel: half a one's difference would blur them all.
    const exact = bitmap && this.pixels ? { width: picture.width / this.pixels, height: picture.height / this.pixels } : {};
    this.lines.push(`<image${attributes({ ...box, ...exact, preserveAspectRatio: "none", "xlink:href": pngOf(picture) })}/>`);
  }

  /** Text as it is broken into lines. @param {Text} node */
  #text(node, style) {
    for (const { text, rect } of lines(node)) {
      const { fontBoundingBoxAscent: up, fontBoundingBoxDescent: down } = metrics(style);
      const baseline = rect.top + (rect.height - up - down) / 2 + up;
      const { colour, alpha } = colourOf(style.color);
      const anchor = { center: "middle", right: "end", end: "end" }[style.textAlign] ?? "start";
      const share = { start: 0, middle: 0.5, end: 1 }[anchor];
      const given = {
        x: round(rect.left + share * rect.width - this.left),
        y: round(baseline - this.top),
        "text-anchor": anchor === "start" ? null : anchor,
        textLength: round(rect.width), // in another program's typeface, too
        lengthAdjust: "spacingAndGlyphs",
        ...typeface(style, this.family),
        fill: colour,
        "fill-opacity": alpha < 1 ? round(alpha) : null,
        "text-decoration": style.textDecorationLine === "none" ? null : style.textDecorationLine,
      };
      this.lines.push(`<text${attributes(given)}>${escaped(text)}</text>`);
    }
  }

  /** A drawing of the page, at its place. @param {SVGSVGElement} svg */
  #drawing(svg, box) {
    const { baseVal } = svg.viewBox;
    const viewBox = svg.hasAttribute("viewBox") ? [baseVal.x, baseVal.y, baseVal.width, baseVal.height].join(" ") : null;
    const inside = [...svg.children].map((child) => copied(child, this.family)).join("\n");
    this.lines.push(`<svg${attributes({ ...box, viewBox })}>${inside}</svg>`);
  }
}

const HALO = { fill: "none", "fill-opacity": null };
const LETTERS = { stroke: null, "stroke-opacity": null, "stroke-width": null };

/**
 * An element of a drawing with its colours and lines as attributes.
 * @param {Element} element @param {string} family @param {Record<string, string | null>} [instead] of some of these
 * @returns {string}
 */
function copied(element, family, instead) {
  const name = element.localName;
  const style = getComputedStyle(element);
  const haloed = name === "text" && style.paintOrder.startsWith("stroke") && style.stroke !== "none";
  // Twice, as few programs know of an order.
  if (haloed && !instead) return copied(element, family, HALO) + copied(element, family, LETTERS);
  if (name === "style" || name === "title" || element.hasAttribute("hidden")) return "";
  if (style.display === "none" && !DEFINITIONS.includes(name)) return "";
  const own = [...element.attributes].filter(({ name }) => !UNPAINTED.includes(name) && !/^(aria|data)-/.test(name));
  const given = { ...Object.fromEntries(own.map(({ name, value }) => [name, value])), ...(element.matches(SHAPES) && painted(style, name, family)), ...instead };
  const inside = [...element.childNodes].map((child) =>
    child instanceof Text ? (name === "text" || name === "tspan" ? escaped(child.data) : "") : child instanceof Element ? copied(child, family, instead) : "",
  );
  return `<${name}${attributes(given)}>${inside.join("")}</${name}>`;
}

function painted(style, name, family) {
  const paint = (of) => {
    if (style[of] === "none" || style[of].startsWith("url")) return { [of]: style[of] };
    const { colour, alpha } = colourOf(style[of]);
    const opacity = alpha * Number(style[`${of}Opacity`]);
    return { [of]: colour, [`${of}-opacity`]: opacity < 1 ? round(opacity) : null };
  };
  const stroked = style.stroke !== "none" && {
    ...paint("stroke"),
    "stroke-width": parseFloat(style.strokeWidth),
    "stroke-dasharray": style.strokeDasharray === "none" ? null : style.strokeDasharray.replaceAll("px", "").replaceAll(",", ""),
    "stroke-linejoin": style.strokeLinejoin === "miter" ? null : style.strokeLinejoin,
    "stroke-linecap": style.strokeLinecap === "butt" ? null : style.strokeLinecap,
  };
  const written = (name === "text" || name === "tspan") && { ...typeface(style, family), "text-anchor": style.textAnchor === "start" ? null : style.textAnchor };
  return { ...paint("fill"), ...stroked, ...written, opacity: Number(style.opacity) < 1 ? round(Number(style.opacity)) : null };
}

/** What differs from the figure's. */
function typeface(style, family) {
  const own = familyOf(style.fontFamily);
  return {
    "font-size": round(parseFloat(style.fontSize)),
    "font-weight": style.fontWeight === "400" ? null : style.fontWeight,
    "font-style": style.fontStyle === "normal" ? null : style.fontStyle,
    "font-family": own === family ? null : own,
  };
}

const measure = document.createElement("canvas").getContext("2d");

function metrics({ fontStyle, fontWeight, fontSize, fontFamily }) {
  measure.font = `${fontStyle} ${fontWeight} ${fontSize} ${fontFamily}`;
  return measure.measureText("x");
}

/** The lines of a text, each with the box that it fills. @param {Text} node @returns {{text: string, rect: DOMRect}[]} */
function lines(node) {
  const range = document.createRange();
  /** @type {{text: string, rect: DOMRect}[]} */
  const found = [];
  for (const { 0: word, index } of node.data.matchAll(/\s*\S+/g)) {
    const start = index + word.search(/\S/);
    range.setStart(node, start);
    range.setEnd(node, index + word.length);
    const rect = range.getBoundingClientRect();
    if (!rect.width) continue;
    const line = found.at(-1);
    if (line && Math.abs(line.rect.top - rect.top) < rect.height / 2) {
      line.text += ` ${word.trim()}`;
      line.rect = DOMRect.fromRect({ x: line.rect.left, y: line.rect.top, width: rect.right - line.rect.left, height: line.rect.height });
    } else found.push({ text: word.trim(), rect });
  }
  return found;
}
