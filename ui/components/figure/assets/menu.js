/** The menu "Save" in a figure's corner. */

/**
 * What a component says of a figure, so that it can be saved.
 * @typedef {Object} Figure
 * @property {string} name what it is, for the names of files
 * @property {() => Element[]} parts what is drawn of it, without its controls
 * @property {(canvas: HTMLCanvasElement) => import("./page.js").Drawn | null} drawn a canvas of it, drawn again
 * @property {() => import("./table.js").Table | null} [table] the rows that it draws
 * @property {() => HTMLCanvasElement | HTMLImageElement | ImageBitmap | null} [picture] its images at their real pixels
 * @property {string} [pictured] what these are called
 * @property {() => {data: Object[], layout: Object} | null} [plot] the same for Plotly
 * @property {() => Element} [corner] where the button stands among others
 */

const ICON =
  '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 3v11m0 0 4.5-4.5M12 14 7.5 9.5M5 15v4a1.5 1.5 0 0 0 1.5 1.5h11A1.5 1.5 0 0 0 19 19v-4"/></svg>';
const TIMES = [1, 2, 4];
const ENLARGED = [1, 2, 4, 8];
/** @type {{figure: Figure, root: Element}[]} those of the page */
let hung = [];
let light = false; // in the dark theme: whether figures are saved as in the light one

const STEPS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

/**
 * What it does, by modules that are fetched when it is opened, or are there.
 * @typedef {Object} How
 * @property {() => Promise<typeof import("./files.js")>} files
 * @property {(figure: Figure) => Promise<void>} [open] as an interactive figure of its own
 */

/**
 * @param {ShadowRoot} place whose styles have menu.css @param {Figure} figure @param {How} how
 * @returns {Element} which stands there
 */
export function hang(place, figure, how) {
  const root = document.createElement("div");
  root.className = figure.corner?.() ? "save" : "save alone";
  root.innerHTML = `
    <button class="opener" type="button" aria-label="Save" title="Save this figure" aria-haspopup="menu" aria-expanded="false">${ICON}</button>
    <div class="menu" popover role="menu" aria-label="Save"></div>`;
  const [opener, menu] = /** @type {HTMLElement[]} */ ([...root.children]);
  (figure.corner?.() ?? place).append(root);
  hung.push({ figure, root });
  opener.onclick = () => {
    if (!menu.matches(":popover-open")) fill(menu, figure, how);
    menu.togglePopover();
  };
  menu.addEventListener("beforetoggle", ({ newState }) => opener.setAttribute("aria-expanded", String(newState === "open")));
  menu.addEventListener("toggle", ({ newState }) => newState === "open" && settle(menu, opener));
  root.addEventListener("keydown", (event) => press(event, menu, opener));
  return root;
}

/** What can be made of the figure as it stands. @param {HTMLElement} menu @param {Figure} figure @param {How} how */
function fill(menu, figure, how) {
  const drawn = figure.parts();
  const picture = figure.picture?.();
  const act = (make) => async () => {
    menu.hidePopover();
    try {
      await make(await how.files());
    } catch (error) {
      fail(menu, error);
    }
  };
  const file = (ending, make, aside = "") => act(async (files) => files.keep(await make(files), named(nameOf(figure) + aside, ending)));
  const sized = (what, sizes, make, aside) =>
    row(what, sizes.map((times) => [`${times}×`, `${what}, ${times} times as large`, file("png", (files) => make(files, times), aside)]));
  const one = (text, verb) => row("", [[text, text, verb]]);
  const rows = [
    drawn.length && sized("PNG", TIMES, (files, times) => files.png(figure, light, times)),
    picture && sized(figure.pictured ?? "Pixels", ENLARGED, (files, times) => files.enlarged(picture, times), "-pixels"),
    drawn.length && one("SVG", file("svg", (files) => files.svg(figure, light))),
    drawn.length && one("PDF, by the browser", act((files) => files.print(figure, light))),
    drawn.length && dark(menu) && choice("Light, for paper", light, (on) => (light = on)),
    figure.table && one("CSV", file("csv", (files) => files.csv(figure))),
    figure.plot && how.open && one("Open in Plotly", act(() => how.open(figure))),
  ];
  menu.replaceChildren(...rows.filter(Boolean));
}

function dark(element) {
  const [r, g, b] = getComputedStyle(element).backgroundColor.match(/[\d.]+/g).map(Number);
  return r + g + b < 384;
}

function fail(menu, { message }) {
  const told = Object.assign(document.createElement("p"), { textContent: `This could not be saved. ${message}` });
  told.setAttribute("role", "alert");
  menu.replaceChildren(told);
  menu.showPopover();
}

function row(what, items) {
  const made = document.createElement("div");
  if (what) made.append(Object.assign(document.createElement("span"), { textContent: what, ariaHidden: "true" }));
  for (const [text, words, act] of items) {
    const item = Object.assign(document.createElement("button"), { type: "button", textContent: text, ariaLabel: words, tabIndex: -1, onclick: act });
    item.setAttribute("role", "menuitem");
    made.append(item);
  }
  return made;
}

function choice(text, on, choose) {
  const made = row("", [[text, text, () => choose(item.getAttribute("aria-checked") !== "true")]]);
  const item = made.querySelector("button");
  item.setAttribute("role", "menuitemcheckbox");
  item.setAttribute("aria-checked", String(on));
  item.addEventListener("click", () => item.setAttribute("aria-checked", String(item.getAttribute("aria-checked") !== "true")));
  return made;
}

/** Below the button, inside the window; the first item has the keys. */
function settle(menu, opener) {
  const { right, bottom, top } = opener.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  menu.style.left = `${Math.min(Math.max(right - width, 8), innerWidth - width - 8)}px`;
  menu.style.top = `${bottom + 4 + height > innerHeight ? Math.max(top - 4 - height, 8) : bottom + 4}px`;
  menu.querySelector("button")?.focus();
}

/** @param {KeyboardEvent} event */
function press(event, menu, opener) {
  if (!menu.matches(":popover-open")) return;
  const items = [...menu.querySelectorAll("button")];
  const at = items.findIndex((item) => item.matches(":focus"));
  const to = { Home: 0, End: items.length - 1, ...(STEPS[event.key] && { [event.key]: (at + STEPS[event.key] + items.length) % items.length }) }[event.key];
  if (event.key === "Tab") menu.hidePopover();
  else if (event.key === "Escape") [menu.hidePopover(), opener.focus(), event.stopPropagation()];
  else if (to !== undefined) items[to]?.focus();
  else return;
  if (event.key !== "Tab") event.preventDefault();
}

/** Its name; of several on the page that have it, with its number from above. @param {Figure} figure */
function nameOf(figure) {
  hung = hung.filter(({ root }) => root.isConnected);
  const alike = hung.filter((other) => other.figure.name === figure.name);
  const host = ({ root }) => /** @type {ShadowRoot} */ (root.getRootNode()).host;
  alike.sort((a, b) => (host(a).compareDocumentPosition(host(b)) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1));
  const at = alike.findIndex((other) => other.figure === figure);
  return alike.length > 1 ? `${figure.name}-${at + 1}` : figure.name;
}

/** Such as `decode-latent-plane-mnist-2d.svg`. */
function named(what, ending) {
  const page = decoded(location.pathname.split("/").filter(Boolean).at(-1) ?? "overview").replace(/\.html?$/, "");
  const model = new URLSearchParams(location.search).get("model") ?? "";
  return `${[page, what, model].filter(Boolean).join("-").replaceAll(/[^\p{L}\p{M}\p{N}_.]+/gu, "-")}.${ending}`;
}

/** A part of an address as it was written. @param {string} part */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // not UTF-8
  }
}
