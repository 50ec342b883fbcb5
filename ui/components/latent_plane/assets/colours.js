/** Colours from Streamlit's theme, and the scale for continuous values. */

const ROOT_PX = 14; // of text around the canvas, as plane.css has it where the page's is 16

/** Viridis at nine places (van der Walt & Smith 2015): it rises in lightness for every eye. */
const SCALE = ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"].map(rgb);

/** @param {string} hex @returns {[number, number, number]} */
export function rgb(hex) {
  const value = parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/** @param {string} hex @param {number} alpha */
export function faded(hex, alpha) {
  return `rgba(${rgb(hex).join(",")},${alpha})`;
}

/** The colour at t in [0, 1]; beyond the ends it stays. @param {number} t */
export function scale(t) {
  const place = Math.min(Math.max(t, 0), 1) * (SCALE.length - 1);
  const k = Math.min(Math.floor(place), SCALE.length - 2);
  return SCALE[k].map((from, c) => Math.round(from + (SCALE[k + 1][c] - from) * (place - k)));
}

/** The scale as a CSS gradient. */
export const GRADIENT = `linear-gradient(to right, ${SCALE.map((c) => `rgb(${c.join(",")})`).join(",")})`;

/** What it needs on paper, whatever the theme. */
export const PAPER = { background: "#ffffff", text: "#111827", dark: false };

/** What the canvas needs of the page's theme, read anew when it may have changed. @param {Element} element */
export function theme(element) {
  const style = getComputedStyle(element);
  const read = (name, fallback) => style.getPropertyValue(`--st-${name}`).trim() || fallback;
  const background = read("background-color", "#ffffff");
  const probe = document.createElement("canvas").getContext("2d");
  const hex = (colour) => {
    probe.fillStyle = "#808080";
    probe.fillStyle = colour;
    return probe.fillStyle.startsWith("#") ? probe.fillStyle : "#808080";
  };
  const [r, g, b] = rgb(hex(background));
  return {
    background: hex(background),
    text: hex(read("text-color", "#31333f")),
    dark: 0.2126 * r + 0.7152 * g + 0.0722 * b < 128,
    font: read("font", "sans-serif"),
    scale: parseFloat(style.fontSize) / ROOT_PX || 1,
  };
}
