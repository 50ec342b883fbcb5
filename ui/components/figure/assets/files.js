/** A figure as files: SVG, PNG, CSV. */

import { svgOf } from "./page.js";
import { csvOf } from "./table.js";

/** @typedef {import("./menu.js").Figure} Figure */

const LIGHT = {
  "--st-text-color": "#111827",
  "--st-background-color": "#ffffff",
  "--st-secondary-background-color": "#f3f5f9",
  "--st-border-color": "#c9d1dd",
};
const FACE = /url\("?([^")]+)"?\)/;
/** @type {Map<string, Promise<string>>} a typeface of the page -> its rules with the letters in them */
const faces = new Map();

/** @param {Figure} figure @param {boolean} light in the light theme, whatever the page's @returns {Blob} */
export function svg(figure, light) {
  return new Blob([drawing(figure, light).text], { type: "image/svg+xml" });
}

/** @param {Figure} figure @param {boolean} light @param {number} times as many pixels as the page has @returns {Promise<Blob>} */
export async function png(figure, light, times) {
  const style = await letters(figure);
  const { text, width, height } = drawing(figure, light, { pixels: times, style });
  // Notebooks and strict hosts allow pictures written out, not of a blob's address.
  const image = Object.assign(new Image(), { src: `data:image/svg+xml,${encodeURIComponent(text)}` });
  await image.decode();
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: width * times, height: height * times });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return blobOf(canvas);
}

/** Images alone, each of their pixels a square. @param {HTMLCanvasElement | ImageBitmap | HTMLImageElement} picture */
export function enlarged(picture, times) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: picture.width * times, height: picture.height * times });
  const c = canvas.getContext("2d");
  c.imageSmoothingEnabled = false;
  c.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return blobOf(canvas);
}

/** @param {Figure} figure @returns {Blob} */
export function csv(figure) {
  return new Blob([csvOf(figure.table())], { type: "text/csv" });
}

/** Print it alone, on paper of its size: browsers make a PDF of that, with its lines and its text. @param {Figure} figure @param {boolean} light */
export async function print(figure, light) {
  const style = await letters(figure);
  const { text, width, height } = drawing(figure, light, { style });
  const frame = document.createElement("iframe");
  frame.style.cssText = "position:fixed;width:0;height:0;border:0;visibility:hidden";
  frame.srcdoc = `<style>@page{size:${width}px ${height + 1}px;margin:0}body{margin:0}svg{display:block}</style>${text}`;
  await new Promise((resolve) => {
    frame.onload = resolve;
    document.body.append(frame);
  });
  await frame.contentDocument.fonts.ready;
  frame.contentWindow.addEventListener("afterprint", () => setTimeout(() => frame.remove()));
  frame.contentWindow.print();
}

/** Have the browser keep it, or the program around the page, which hears clicks on what is in it. @param {Blob} blob @param {string} name */
export function keep(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** The figure as it stands, or as it would in the light theme: its colours are read from the page. */
function drawing(figure, light, as = {}) {
  const parts = figure.parts();
  const { style } = parts[0].closest(".root");
  if (light) for (const [name, colour] of Object.entries(LIGHT)) style.setProperty(name, colour);
  try {
    return svgOf(parts, figure.drawn, as);
  } finally {
    for (const name of Object.keys(LIGHT)) style.removeProperty(name);
  }
}

/** @param {HTMLCanvasElement} canvas @returns {Promise<Blob>} */
async function blobOf(canvas) {
  const blob = await new Promise((resolve) => canvas.toBlob(resolve));
  if (!blob) throw new Error("The picture is too large for this browser.");
  return blob;
}

/** An SVG that is a picture has no typeface but its own: the page's goes along. @param {Figure} figure */
function letters(figure) {
  const name = getComputedStyle(figure.parts()[0]).fontFamily.split(",")[0].replaceAll(/["']/g, "").trim();
  if (!faces.has(name)) faces.set(name, embedded(name));
  return faces.get(name);
}

async function embedded(name) {
  const rules = [...document.styleSheets].flatMap((sheet) => {
    try {
      return [...sheet.cssRules].filter((rule) => rule instanceof CSSFontFaceRule).map((rule) => ({ rule, sheet }));
    } catch {
      return []; // another site's
    }
  });
  const own = rules.filter(({ rule }) => rule.style.fontFamily.replaceAll(/["']/g, "") === name);
  const written = await Promise.all(own.map(async ({ rule, sheet }) => {
    const url = FACE.exec(rule.style.getPropertyValue("src"))?.[1];
    const answer = url && (await fetch(new URL(url, sheet.href ?? document.baseURI)).catch(() => null));
    return answer?.ok ? rule.cssText.replace(/src:[^;]+;/, `src: url(${await addressOf(await answer.blob())});`) : "";
  }));
  return `<style>${written.join("")}</style>`;
}

/** @param {Blob} blob @returns {Promise<string>} */
function addressOf(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}
