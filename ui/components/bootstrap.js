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

export default async function (component) {
  const [data] = component.data; // a bare dict would make Streamlit import pandas
  preload(data.assets);
  const { mount } = await import(new URL(`${data.assets}/${ENTRY}`, root).href);
  return mount({ ...component, data }, root);
}
