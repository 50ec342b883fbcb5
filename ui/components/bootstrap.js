// Streamlit sends this text with each change of the data, so it is small: what it loads are modules
// that the browser keeps, fetched all at once rather than as one import after another asks for them.
// The app may live below a proxy's path: Streamlit's own script knows.
const script = document.querySelector('script[type="module"][src*="/static/js/"]');
const root = script ? new URL("../../", script.src) : new URL("/", location.href);

function preload(assets) {
  for (const name of FILES) {
    const { href } = new URL(`${assets}/${name}`, root);
    if (document.head.querySelector(`link[href="${href}"]`)) continue;
    const kind = name.endsWith(".css") ? { rel: "preload", as: "style" } : { rel: "modulepreload" };
    document.head.append(Object.assign(document.createElement("link"), kind, { href }));
  }
}

/** @type {Map<string, number>} film -> the frame in view; without one the components show their data */
const films = (window.zscapeFilms ??= new Map());
/** @type {WeakMap<Node, (event: CustomEvent<string>) => void>} */
const followers = new WeakMap();

/** Show again whenever the film turns to another frame. */
function follow(place, film, show) {
  window.removeEventListener("zscape:film", followers.get(place));
  if (!film) return;
  const turn = ({ detail }) => detail === film.name && show();
  followers.set(place, turn);
  window.addEventListener("zscape:film", turn);
}

export default async function (component) {
  const [data] = component.data; // a bare dict would make Streamlit import pandas
  const { film, assets } = data;
  preload(assets);
  const { mount } = await import(new URL(`${assets}/${ENTRY}`, root).href);
  const frame = () => film?.frames[films.get(film.name)];
  const show = () => mount({ ...component, data: { ...data, ...frame() } }, root);
  const place = component.parentElement;
  follow(place, film, show);
  const leave = await show();
  return () => {
    leave();
    if (!place.isConnected) follow(place, null, show);
  };
}
