/** Pieces of SVG as text. */

const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
/** @type {Map<string, {colour: string, alpha: number}>} */
const colours = new Map();

const SUBSTITUTES = { "Source Sans": ["'Source Sans 3'", "'Source Sans Pro'", "Arial"] };

/** @param {string} text */
export function escaped(text) {
  const names = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  // What XML cannot hold, not even by number, is left out.
  return text.replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "").replace(/[&<>"]/g, (c) => names[c]);
}

/** Those that are not null. @param {Record<string, string | number | null | undefined>} given */
export function attributes(given) {
  return Object.entries(given)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => ` ${name}="${escaped(String(value))}"`)
    .join("");
}

/** To hundredths, as short as it goes. @param {number} value */
export function round(value) {
  return Math.round(value * 100) / 100;
}

/** Any colour of CSS as SVG 1.1 has it: `#rrggbb` and how opaque. @param {string} css */
export function colourOf(css) {
  let found = colours.get(css);
  if (!found) {
    probe.clearRect(0, 0, 1, 1);
    probe.fillStyle = "#000000";
    probe.fillStyle = css;
    const given = /^rgba\(\s*(\d+),\s*(\d+),\s*(\d+),\s*([\d.]+)\)$/.exec(probe.fillStyle);
    probe.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = given ? given.slice(1).map(Number) : [...probe.getImageData(0, 0, 1, 1).data];
    const colour = `#${[r, g, b].map((x) => x.toString(16).padStart(2, "0")).join("")}`;
    found = { colour, alpha: given ? a : a / 255 };
    colours.set(css, found);
  }
  return found;
}

/** A family of typefaces as SVG has it, with those that other programs may have in the place of the page's. @param {string} css */
export function familyOf(css) {
  const [first, ...others] = css.replaceAll('"', "'").split(/,\s*/);
  return [first, ...(SUBSTITUTES[first.replaceAll("'", "")] ?? []), ...others].join(", ");
}
