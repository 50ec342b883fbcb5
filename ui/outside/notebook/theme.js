/** The colours of the notebook around an element, as those of the app. */

import { rgb } from "../../components/latent_plane/assets/colours.js";
import { element } from "../../components/latent_plane/assets/furniture.js";

// Of JupyterLab, VS Code and marimo; a name that is not there leaves the next.
const PRIMARY = "var(--jp-brand-color1, var(--vscode-focusBorder, var(--primary, transparent)))";
const PAPER = "var(--vscode-editor-background, transparent)";
const ON_LIGHT = { paper: "#ffffff", primary: "#1d4ed8" };
const ON_DARK = { paper: "#0f141b", primary: "#4f8cff" };
const UNSEEN = "position: absolute; visibility: hidden;";

/**
 * Set the variables that the plane's style reads, now and whenever the notebook's theme changes.
 * @param {HTMLElement} root that is given them
 * @param {() => void} changed
 * @returns {() => void} ends it
 */
export function followTheme(root, changed) {
  const probe = element("i", { style: `${UNSEEN} transition: color 1ms` });
  const primary = element("i", { style: `${UNSEEN} color: ${PRIMARY}; background: ${PAPER}` });
  root.append(probe, primary);
  let known = "";
  const follow = () => {
    if (!root.isConnected) return;
    const colours = coloursOf(above(root), primary);
    if (known === JSON.stringify(colours)) return;
    known = JSON.stringify(colours);
    for (const [name, value] of Object.entries(colours)) root.style.setProperty(name, value);
    changed();
  };
  // The notebook's text changes its colour with the theme, and the probe inherits it.
  probe.addEventListener("transitionend", follow);
  const shown = new ResizeObserver(follow); // a widget is made before it stands anywhere
  shown.observe(root);
  return () => shown.disconnect();
}

/** @param {Element} around @param {Element} named has the colours that a notebook gives a name */
function coloursOf(around, named) {
  const { color, fontFamily } = getComputedStyle(around);
  const { color: brand, backgroundColor: paper } = getComputedStyle(named);
  const background = behind(around) ?? opaque(paper) ?? (isLight(painted(color)[0]) ? ON_DARK : ON_LIGHT).paper;
  const [text] = painted(background, color); // a text is often seen through
  const { primary } = isLight(background) ? ON_LIGHT : ON_DARK;
  return {
    "color-scheme": isLight(background) ? "light" : "dark",
    "--st-text-color": text,
    "--st-background-color": background,
    "--st-primary-color": opaque(brand) ?? primary,
    "--st-secondary-background-color": `color-mix(in srgb, ${text} 5%, ${background})`,
    "--st-border-color": `color-mix(in srgb, ${text} 22%, ${background})`,
    "--st-font": fontFamily,
  };
}

/** The first colour behind an element, across shadow roots. @param {Element} element */
function behind(element) {
  for (let at = element; at; at = above(at)) {
    const colour = opaque(getComputedStyle(at).backgroundColor);
    if (colour) return colour;
  }
  return null;
}

/** @param {Element} element @returns {Element | undefined} what it lies in, or in the shadow of */
function above(element) {
  return element.parentElement ?? element.getRootNode().host;
}

/** Any colour that CSS knows, unless it can be seen through. @param {string} colour */
function opaque(colour) {
  const [hex, alpha] = painted(colour);
  return alpha === 255 ? hex : null;
}

/** @param {string[]} colours one over another @returns {[string, number]} as #rrggbb, and its alpha */
function painted(...colours) {
  const c = element("canvas", { width: 1, height: 1 }).getContext("2d");
  for (const colour of colours) {
    c.fillStyle = colour;
    c.fillRect(0, 0, 1, 1);
  }
  const [r, g, b, alpha] = c.getImageData(0, 0, 1, 1).data;
  return [`#${((r << 16) | (g << 8) | b).toString(16).padStart(6, "0")}`, alpha];
}

/** @param {string} hex */
function isLight(hex) {
  const [r, g, b] = rgb(hex);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b >= 128;
}
