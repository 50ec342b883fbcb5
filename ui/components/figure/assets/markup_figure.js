/** A figure that Python wrote as HTML or SVG. */

/** @type {WeakMap<Node, any>} what each place shows */
const shown = new WeakMap();

/** @param {any} component as Streamlit calls it */
export function mount({ data, parentElement }) {
  const before = shown.get(parentElement);
  shown.set(parentElement, data);
  const root = parentElement.querySelector(".root");
  if (before?.html !== data.html || !root.firstChild) root.innerHTML = `<style>${STYLE}</style><div class="figure">${data.html}</div>`;
  const sizes = new ResizeObserver(() => reach(root));
  sizes.observe(root);
  return () => sizes.disconnect();
}

/** What is cut where there is little room, the keyboard can scroll. @param {Element} root */
function reach(root) {
  for (const part of root.querySelectorAll("[role=img], figure")) {
    if (part.scrollWidth > part.clientWidth) part.setAttribute("tabindex", "0");
    else part.removeAttribute("tabindex");
  }
}

/** The figure that stands in a component's place, to be saved. @param {ShadowRoot} place */
export function saved(place) {
  const data = () => shown.get(place);
  return {
    name: data().name,
    parts: () => [place.querySelector(".figure")],
    drawn: () => null,
    table: data().table ? () => data().table : undefined,
    plot: data().plot ? () => data().plot : undefined,
  };
}

const STYLE = `
  .figure { color: var(--st-text-color); font: 400 1rem/1.6 var(--st-font, sans-serif); }
  .figure svg { display: block; max-width: 100%; height: auto; }
`;
