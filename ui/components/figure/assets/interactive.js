/** A figure in Plotly, over the page: to pan, zoom and hover; Plotly is fetched when it is first asked for. */

import { keep } from "./files.js";
import { colourOf, escaped } from "./markup.js";

/** @type {Promise<any> | undefined} */
let loading;

/** plotly.js as the Python package has it. @param {URL} url @returns {Promise<any>} */
export function plotly(url) {
  loading ??= new Promise((resolve, reject) => {
    const script = Object.assign(document.createElement("script"), { src: url.href });
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => {
      loading = undefined;
      script.remove();
      reject(new Error("Plotly did not come; try again."));
    };
    document.head.append(script);
  });
  return loading;
}

/** What all figures share: the theme's colours, and no way to another host. @param {Element} element */
export function themed(element) {
  const style = getComputedStyle(element);
  const read = (name) => style.getPropertyValue(`--st-${name}`).trim();
  const [ground, ink] = [read("background-color"), read("text-color")];
  const mixed = (share) => colourOf(`color-mix(in srgb, ${ink} ${share}%, ${ground})`).colour;
  const line = mixed(30);
  const axis = { gridcolor: mixed(12), zerolinecolor: line };
  const font = { color: ink, family: read("font"), size: 13 };
  const margin = { l: 60, r: 20, t: 30, b: 50 };
  return {
    layout: { paper_bgcolor: ground, plot_bgcolor: ground, font, margin, hovermode: "closest", xaxis: axis, yaxis: axis },
    config: { responsive: true, scrollZoom: true, displaylogo: false, showSendToCloud: false, plotlyServerURL: "" },
    ...{ axis, ground, ink, line },
  };
}

/** @param {import("./menu.js").Figure} figure @param {URL} url of Plotly */
export async function open(figure, url) {
  const theme = themed(figure.parts()[0]);
  const { dialog, place } = over(figure.name, theme);
  try {
    const Plotly = await plotly(url);
    const { data, layout } = figure.plot();
    if (!dialog.open) return;
    dialog.addEventListener("close", () => Plotly.purge(place));
    place.replaceChildren();
    await Plotly.newPlot(place, data.map(plain), dressed(layout, theme), {
      ...theme.config,
      toImageButtonOptions: { format: "svg", filename: figure.name },
    });
  } catch (error) {
    if (!dialog.open) return; // Plotly may fail at what is taken from it while it draws
    dialog.close();
    throw error;
  }
}

/** A dialog over the page. @returns {{dialog: HTMLDialogElement, place: any}} place: where the figure goes */
function over(name, theme) {
  const dialog = document.createElement("dialog");
  dialog.dataset.testid = "plotly";
  dialog.setAttribute("aria-label", `${name} in Plotly`);
  dialog.style.cssText = `box-sizing:border-box;width:min(94vw,84rem);height:90vh;max-width:none;max-height:none;padding:0.75rem;border:1px solid ${theme.line};border-radius:0.75rem;background:${theme.ground};color:${theme.ink};font:0.875rem ${theme.layout.font.family}`;
  dialog.innerHTML = `
    <div style="display:flex;flex-direction:column;height:100%">
      <div style="display:flex;gap:0.5rem;justify-content:flex-end"></div>
      <div style="flex:1;min-height:0"><p role="status">Plotly is loading…</p></div>
    </div>`;
  const [bar, place] = dialog.firstElementChild.children;
  bar.append(
    button("Figure as JSON", theme, () => {
      const { data, layout } = place;
      if (data) keep(new Blob([JSON.stringify({ data, layout })], { type: "application/json" }), `${name}.json`);
    }),
    button("Close", theme, () => dialog.close()),
  );
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("keydown", (event) => event.stopPropagation()); // the page's keys stay the page's
  document.body.append(dialog);
  dialog.showModal();
  return { dialog, place };
}

/** The theme under a figure's own layout. */
function dressed(layout, { layout: shared, axis }) {
  const axes = Object.entries(layout).filter(([name]) => /^[xy]axis/.test(name));
  const titled = axes.map(([name, given]) => [name, { ...axis, ...given, ...(given.title && { title: { text: escaped(given.title.text) } }) }]);
  const annotations = layout.annotations?.map((note) => ({ ...note, text: escaped(note.text) }));
  return { ...shared, ...layout, ...Object.fromEntries(titled), ...(annotations && { annotations }) };
}

/** Plotly takes texts for HTML; a class may be called anything. */
export function plain(trace) {
  const { name, x, y } = trace;
  const bare = (values) => (Array.isArray(values) ? values.map((value) => (typeof value === "string" ? escaped(value) : value)) : values);
  return { ...trace, ...(name && { name: escaped(name) }), ...(x && { x: bare(x) }), ...(y && { y: bare(y) }) };
}

function button(text, { line, ink }, act) {
  const made = Object.assign(document.createElement("button"), { type: "button", textContent: text, onclick: act });
  made.style.cssText = `padding:0.25rem 0.75rem;border:1px solid ${line};border-radius:0.5rem;background:none;color:${ink};font:inherit;cursor:pointer`;
  return made;
}
