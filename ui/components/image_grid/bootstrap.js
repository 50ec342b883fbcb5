// Streamlit sends this text with each change of the data, so it is small: the grid itself is a
// module that the browser keeps. The app may live below a proxy's path: Streamlit's own script knows.
const script = document.querySelector('script[type="module"][src*="/static/js/"]');
const root = script ? new URL("../../", script.src) : new URL("/", location.href);

export default async function (component) {
  const { mount } = await import(new URL(`${component.data.assets}/grid.js`, root).href);
  return mount(component, root);
}
