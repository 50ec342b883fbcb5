/** What the address says of the page, and what the page says in it, as in the app. */

const FURTHEST = 1000; // of z from 0

/** The z that the address names, d numbers. @param {number} d @returns {number[] | null} */
export function zInAddress(d) {
  const z = (asked("z") ?? "").split(",").map(Number);
  return z.length === d && asked("z") && z.every((x) => Math.abs(x) <= FURTHEST) ? z : null;
}

/** @param {string} name */
function asked(name) {
  return new URLSearchParams(location.search).get(name);
}

/** @param {Record<string, string | null>} values null takes one away */
export function say(values) {
  const address = new URL(location.href);
  for (const [name, value] of Object.entries(values)) {
    if (value === null) address.searchParams.delete(name);
    else address.searchParams.set(name, value);
  }
  try {
    history.replaceState(null, "", address);
  } catch {
    // A page inside another's text has no address of its own.
  }
}

/** Take away the parts that `hide=` names. */
export function hideParts() {
  const named = (asked("hide") ?? "").split(",");
  if (named.includes("save")) document.documentElement.style.setProperty("--zscape-save", "none");
  if (named.includes("models")) named.push("title", "figures", "source");
  for (const part of document.querySelectorAll("[data-part]"))
    /** @type {HTMLElement} */ (part).hidden = named.includes(part.getAttribute("data-part"));
}

/** Follow `theme=`, light or dark; without it the page is as the browser's owner likes it. */
export function chooseTheme() {
  const theme = asked("theme");
  if (["light", "dark"].includes(theme)) document.documentElement.dataset.theme = theme;
}
