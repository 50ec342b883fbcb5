/** Points in three dimensions, by Plotly: turned and zoomed in the browser, a click is told to Python. */

import { plain, plotly, themed } from "./interactive.js";

const HEIGHT = 520; // pixels
const ROOT_PX = 16; // of the page's type, where it has its usual size
const EYE = [1.45, 1.45, 0.95]; // where the points are seen from, in their own size

/** @type {WeakMap<Node, {url: string, points: Promise<ArrayBuffer>}>} */
const fetched = new WeakMap();

/** @param {any} component as Streamlit calls it @param {URL} root the app's address */
export async function mount({ data, parentElement, setTriggerValue }, root) {
  const place = parentElement.querySelector(".root");
  if (!place.firstChild) place.innerHTML = `<p role="status">Plotly is loading…</p>`;
  if (fetched.get(place)?.url !== data.url) {
    const points = fetch(new URL(data.url, root)).then((answer) => answer.arrayBuffer());
    fetched.set(place, { url: data.url, points });
  }
  await show(place, data, setTriggerValue, root).catch((error) => {
    if (fetched.get(place).url !== data.url) return;
    place.innerHTML = `<p role="alert"></p>`;
    place.firstChild.textContent = error.message;
  });
  return () => {
    if (!place.isConnected) window.Plotly?.purge(place);
  };
}

async function show(place, data, setTriggerValue, root) {
  if (!document.createElement("canvas").getContext("webgl")) throw new Error("This browser draws nothing in 3-D: WebGL is switched off.");
  const [Plotly, buffer] = await Promise.all([plotly(new URL(data.plotly, root)), fetched.get(place).points]);
  if (!place.isConnected || fetched.get(place).url !== data.url) return; // gone on, or to other points
  const { layout, config, axis, ground } = themed(place);
  const { font } = layout;
  const type = (font.size * parseFloat(getComputedStyle(document.documentElement).fontSize)) / ROOT_PX;
  const far = Math.max(1, (1.1 * HEIGHT) / place.clientWidth); // so that a narrow one cuts no axis's name
  const [x, y, z] = EYE.map((from) => far * from);
  const along = data.axes.map((text) => ({ ...axis, title: { text }, backgroundcolor: ground }));
  const scene = { xaxis: along[0], yaxis: along[1], zaxis: along[2], aspectmode: "data", dragmode: "orbit", camera: { eye: { x, y, z } } };
  if (!place.on) place.replaceChildren();
  await Plotly.react(place, tracesOf(buffer, data), {
    ...layout,
    font: { ...font, size: type },
    ...{ scene, height: HEIGHT, margin: { l: 0, r: 0, t: 0, b: 0 }, uirevision: data.axes.join() }, // the camera stays
    legend: { itemsizing: "constant", ...(far > 1 && { orientation: "h" }) },
  }, { ...config, toImageButtonOptions: { format: "svg", filename: "latent-space" } });
  if (!place.isConnected) return Plotly.purge(place); // nobody else would
  place.removeAllListeners("plotly_click");
  place.on("plotly_click", ({ points: [point] }) => point.customdata !== undefined && setTriggerValue("picked", point.customdata));
  place.dataset.testid = "space";
}

function tracesOf(buffer, { count, names, z, colours }) {
  const xyz = new Float32Array(buffer, 0, 3 * count);
  const category = names ? new Uint8Array(buffer, 12 * count, count) : null;
  const trace = (name, own, marker) => ({
    type: "scatter3d",
    mode: "markers",
    name,
    ...Object.fromEntries(["x", "y", "z"].map((axis, k) => [axis, own.map((i) => xyz[3 * i + k])])),
    customdata: own,
    hovertemplate: "%{x:.2f}, %{y:.2f}, %{z:.2f}",
    marker: { size: 2.5, opacity: 0.85, ...marker },
  });
  const every = Array.from({ length: count }, (_, i) => i);
  const points = (names ?? ["μ"]).map((name, k) =>
    plain(trace(name, category ? every.filter((i) => category[i] === k) : every, { color: colours.classes[k % colours.classes.length] })),
  );
  const cursor = { type: "scatter3d", mode: "markers", name: "z", x: [z[0]], y: [z[1]], z: [z[2]], marker: { size: 7, color: colours.z, symbol: "diamond" } };
  return [...points.filter(({ x }) => x.length), cursor];
}
