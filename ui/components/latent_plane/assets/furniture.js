/** The elements around the canvas: image, figures, legend, tooltip, notices. */

import { GRADIENT } from "./colours.js";
import { CLASS_HINT, hint } from "./hints.js";
import { outline } from "./points.js";
import { number } from "./view.js";

const MOST_KEYS = 16; // of a legend; of more the first ones are shown until the others are asked for
const FIRST_KEYS = 10;

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag @param {Record<string, unknown>} [attributes] @param {(Node | string)[]} [children]
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(tag, attributes = {}, children = []) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/** Build what stands around the canvas, once. @param {HTMLElement} root */
export function furnish(root) {
  const parts = {
    plane: element("canvas", {
      class: "plane",
      "data-testid": "latent-plane",
      role: "application",
      tabindex: 0,
      "aria-roledescription": "plane of latent space",
    }),
    corner: element("div", { class: "corner" }),
    layers: element("div", { class: "layers", role: "group", "aria-label": "Layers" }),
    tip: element("div", { class: "tip", hidden: "" }),
    notice: element("div", { class: "notice", role: "status", hidden: "" }),
    decoded: element("canvas", {
      class: "decoded",
      "data-testid": "decoded-image",
      role: "img",
      "aria-label": "Decoded image",
    }),
    figures: element("div", { class: "figures" }),
    keys: element("div", { class: "keys", role: "group", "aria-label": "Legend", hidden: "" }),
    announced: element("div", { class: "announced", "aria-live": "polite" }),
    stage: element("div", { class: "stage" }),
    side: element("div", { class: "side" }),
  };
  parts.layers.addEventListener("wheel", scrollAcross, { passive: false });
  parts.corner.append(parts.layers);
  parts.stage.append(parts.plane, parts.corner, parts.tip, parts.notice);
  parts.side.append(parts.decoded, parts.figures);
  root.replaceChildren(parts.stage, parts.side, parts.keys, parts.announced);
  return parts;
}

/** A mouse's wheel goes along a line that is longer than its place; at its end the page scrolls. */
function scrollAcross(event) {
  const { currentTarget: line, deltaY } = event;
  const before = line.scrollLeft;
  line.scrollLeft += deltaY;
  if (line.scrollLeft !== before) event.preventDefault();
}

/**
 * Put images side by side on a canvas at their own size; CSS enlarges them, crisp.
 * @param {HTMLCanvasElement} canvas @param {Uint8Array} pixels rows x h x w x c
 * @param {[number, number, number]} shape c, h, w @param {number} [rows]
 */
export function showPixels(canvas, pixels, [channels, height, width], rows = 1) {
  const across = rows * width;
  if (canvas.width !== across || canvas.height !== height) {
    Object.assign(canvas, { width: across, height });
    canvas.style.aspectRatio = `${across} / ${height}`;
  }
  const image = new ImageData(across, height);
  for (let row = 0, from = 0; row < rows; row++) {
    for (let y = 0; y < height; y++) {
      let to = (y * across + row * width) * 4;
      for (let x = 0; x < width; x++, from += channels, to += 4) {
        image.data[to] = pixels[from];
        image.data[to + 1] = pixels[channels === 3 ? from + 1 : from];
        image.data[to + 2] = pixels[channels === 3 ? from + 2 : from];
        image.data[to + 3] = 255;
      }
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/**
 * Chips that switch classes on and off, and call a class into sight while they are pointed at.
 * @param {HTMLElement} keys @param {import("./points.js").Points} points
 * @param {{toggle: (k: number) => boolean, sight: (k: number | null) => void}} verbs
 */
export function showLegend(keys, points, colours, { toggle, sight }) {
  const { names, value } = points.layout;
  keys.replaceChildren();
  keys.hidden = !names && !value;
  if (value) {
    const bar = element("i");
    bar.style.background = GRADIENT;
    const [low, high] = value.range.map((x) => number(x, Math.abs(x) < 10 ? 2 : 0));
    keys.append(element("span", { class: "scale" }, [
        element("span", {}, [value.label]),
        low,
        bar,
        high,
      ]));
  }
  names?.forEach((name, k) => {
    const glyph = element("canvas", { width: 42, height: 42 });
    const c = glyph.getContext("2d");
    c.fillStyle = colours.classes[k % colours.classes.length];
    outline(c, colours.glyphs[k % colours.glyphs.length], 21, 21, 13);
    c.fill();
    const chip = element("button", { class: "chip", type: "button", "aria-pressed": true }, [
      glyph,
      name,
    ]);
    chip.setAttribute("aria-pressed", String(!points.hidden.has(k)));
    chip.addEventListener("click", () => chip.setAttribute("aria-pressed", String(toggle(k))));
    for (const type of ["pointerenter", "focus"]) chip.addEventListener(type, () => sight(k));
    for (const type of ["pointerleave", "blur"]) chip.addEventListener(type, () => sight(null));
    hint(chip, CLASS_HINT);
    keys.append(chip);
  });
  const chips = [...keys.querySelectorAll(".chip")];
  const off = Math.max(-1, ...points.hidden);
  if (chips.length > MOST_KEYS && off < FIRST_KEYS) fold(keys, chips.slice(FIRST_KEYS));
}

/** Put chips away behind one that brings them. @param {HTMLElement} keys @param {HTMLElement[]} chips */
function fold(keys, chips) {
  for (const chip of chips) chip.hidden = true;
  const more = element("button", { class: "chip more", type: "button", "aria-expanded": false }, [`${chips.length} more`]);
  more.addEventListener("click", () => {
    const opens = chips[0].hidden;
    for (const chip of chips) chip.hidden = !opens;
    more.setAttribute("aria-expanded", String(opens));
    more.textContent = opens ? "Fewer" : `${chips.length} more`;
  });
  keys.append(more);
}

/**
 * Chips that switch layers on and off, in the plane's corner.
 * @param {HTMLElement} corner @param {Record<string, string>} names by layer
 * @param {Set<string>} on @param {(layer: string) => boolean} toggle whether it is on now
 * @param {Record<string, string>} hints by layer
 */
export function showLayers(corner, names, on, toggle, hints) {
  corner.replaceChildren(
    ...Object.entries(names).map(([layer, name]) => {
      const chip = element("button", { class: "chip", type: "button", "aria-pressed": on.has(layer) }, [
        name,
      ]);
      chip.addEventListener("click", () => chip.setAttribute("aria-pressed", String(toggle(layer))));
      hint(chip, hints[layer]);
      return chip;
    }),
  );
}

/** z in words: all of a short one, for a long one its coordinates in the plane. */
export function sayZ(z) {
  return z.length > 4 ? "" : `z = (${z.map((x) => number(x, 2)).join(", ")})`;
}

/** Place the tooltip beside (px, py), inside the stage. @param {HTMLElement} tip */
export function placeTip(tip, px, py, width, height) {
  tip.hidden = false;
  const [w, h] = [tip.offsetWidth, tip.offsetHeight];
  const left = px + 18 + w > width ? px - 18 - w : px + 18;
  const top = Math.min(Math.max(py - h / 2, 4), height - h - 4);
  tip.style.transform = `translate(${Math.max(left, 4)}px, ${top}px)`;
  tip.style.left = tip.style.top = "0";
}
