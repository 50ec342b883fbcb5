/** A figure in Plotly, over the page: to pan, zoom and hover; Plotly is fetched when it is first asked for. */

import { keep } from "./files.js";

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
  const axis = { gridcolor: `color-mix(in srgb, ${ink} 12%, ${ground})`, zerolinecolor: `color-mix(in srgb, ${ink} 30%, ${ground})` };
  for (const name of Object.keys(axis)) axis[name] = resolved(axis[name]);
  return {
    layout: { paper_bgcolor: ground, plot_bgcolor: ground, font: { color: ink, family: read("font"), size: 13 }, margin: { l: 60, r: 20, t: 30, b: 50 }, hovermode: "closest", xaxis: axis, yaxis: axis, axis },
    config: { responsive: true, scrollZoom: true, displaylogo: false, toImageButtonOptions: { format: "svg" } },
    ground,
    ink,
  };
}

function resolved(css) {
  const c = document.createElement("canvas").getContext("2d");
  c.fillStyle = css;
  c.fillRect(0, 0, 1, 1);
  const [r, g, b] = c.getImageData(0, 0, 1, 1).data;
  return `rgb(${r},${g},${b})`;
}

/** @param {import("./menu.js").Figure} figure @param {URL} url of Plotly */
export async function open(figure, url) {
  const Plotly = await plotly(url);
  const { data, layout } = figure.plot();
  const theme = themed(figure.parts()[0]);
  const dialog = document.createElement("dialog");
  dialog.dataset.testid = "plotly";
  dialog.setAttribute("aria-label", `${figure.name} in Plotly`);
  dialog.style.cssText = `box-sizing:border-box;width:min(94vw,84rem);height:90vh;max-width:none;max-height:none;padding:0.75rem;border:1px solid ${theme.layout.axis.zerolinecolor};border-radius:0.75rem;background:${theme.ground};color:${theme.ink};font:0.875rem ${theme.layout.font.family}`;
  dialog.innerHTML = `
    <div style="display:flex;flex-direction:column;height:100%">
      <div style="display:flex;gap:0.5rem;justify-content:flex-end"></div>
      <div style="flex:1;min-height:0"></div>
    </div>`;
  const [bar, place] = dialog.firstElementChild.children;
  bar.append(
    button("Figure as JSON", theme, () => {
      const { data, layout } = place;
      keep(new Blob([JSON.stringify({ data, layout })], { type: "application/json" }), `${figure.name}.json`);
    }),
    button("Close", theme, () => dialog.close()),
  );
  dialog.addEventListener("close", () => {
    Plotly.purge(place);
    dialog.remove();
  });
  dialog.addEventListener("keydown", (event) => event.stopPropagation()); // the page's keys stay the page's
  document.body.append(dialog);
  dialog.showModal();
  const { axis, ...shared } = theme.layout;
  const axes = Object.fromEntries(Object.entries(layout).filter(([name]) => /^[xy]axis/.test(name)).map(([name, given]) => [name, { ...axis, ...given }]));
  const config = { ...theme.config, toImageButtonOptions: { format: "svg", filename: figure.name } };
  await Plotly.newPlot(place, data, { ...shared, ...layout, ...axes }, config);
}

function button(text, { layout, ink }, act) {
  const made = Object.assign(document.createElement("button"), { type: "button", textContent: text, onclick: act });
  made.style.cssText = `padding:0.25rem 0.75rem;border:1px solid ${layout.axis.zerolinecolor};border-radius:0.5rem;background:none;color:${ink};font:inherit;cursor:pointer`;
  return made;
}
