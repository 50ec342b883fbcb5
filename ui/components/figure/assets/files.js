/** A figure as files: SVG, PNG, CSV. */

import { svgOf } from "./page.js";
import { csvOf } from "./table.js";

/** @typedef {import("./menu.js").Figure} Figure */

const FACE = /url\("?([^")]+)"?\)/;
/** @type {Map<string, Promise<string>>} a typeface of the page -> its rules with the letters in them */
const faces = new Map();

/** @param {Figure} figure @returns {Blob} */
export function svg(figure) {
  return new Blob([svgOf(figure.parts(), figure.drawn).text], { type: "image/svg+xml" });
}

/** @param {Figure} figure @param {number} times as many pixels as the page has @returns {Promise<Blob>} */
export async function png(figure, times) {
  const parts = figure.parts();
  const style = await letters(getComputedStyle(parts[0]).fontFamily);
  const { text, width, height } = svgOf(parts, figure.drawn, { pixels: times, style });
  const url = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
  try {
    const image = Object.assign(new Image(), { src: url });
    await image.decode();
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: width * times, height: height * times });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return await blobOf(canvas);
  } finally {
    URL.revokeObjectURL(url);
  }
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

/** Have the browser keep it. @param {Blob} blob @param {string} name */
export function keep(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** @param {HTMLCanvasElement} canvas @returns {Promise<Blob>} */
async function blobOf(canvas) {
  const blob = await new Promise((resolve) => canvas.toBlob(resolve));
  if (!blob) throw new Error("The picture is too large for this browser.");
  return blob;
}

/** An SVG that is a picture has no typeface but its own: the page's goes along. @param {string} family */
function letters(family) {
  const name = family.split(",")[0].replaceAll(/["']/g, "").trim();
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
