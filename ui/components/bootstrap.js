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

const TRIES = 4;
const BUSY_MS = 2000; // of a page: then what can wait is done all the same
const PAUSE_MS = 500; // before the second; twice as long before each further

/** @type {Map<string, Promise<Object>>} address -> the module, one for all of the page */
const modules = (window.zscapeModules ??= new Map());

/**
 * The module, also where the net fails at first. A browser may keep a failure as it keeps a module,
 * so it is asked for by another address, and what comes of that is the module from then on.
 */
function moduleAt(address) {
  if (!modules.has(address)) {
    const asked = bring(address);
    asked.catch(() => modules.delete(address)); // whoever needs it next tries anew
    modules.set(address, asked);
  }
  return modules.get(address);
}

async function bring(address, tried = 0) {
  try {
    return await import(tried ? `${address}?again=${tried}` : address);
  } catch (failure) {
    if (tried + 1 === TRIES) throw failure;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * 2 ** tried));
    return bring(address, tried + 1);
  }
}

/** @type {Map<string, number>} film -> the frame in view; without one the components show their data */
const films = (window.zscapeFilms ??= new Map());
/** @type {WeakMap<Node, (event: CustomEvent<string>) => void>} */
const followers = new WeakMap();
/** @type {WeakMap<Node, {url: string, frames: Promise<Object[]>}>} fetched when first turned to */
const reels = new WeakMap();
/** @type {WeakMap<Node, Function>} shows what Python sent last for the place */
const newest = new WeakMap();
/** @type {WeakMap<Node, Element | null>} the menus that save the figures, of all components */
const hung = (window.zscapeMenus ??= new WeakMap());

/** Show again whenever the film turns to another frame. */
function follow(place, film, show) {
  window.removeEventListener("zscape:film", followers.get(place));
  if (!film) return;
  const turn = ({ detail }) => detail === film.name && show();
  followers.set(place, turn);
  window.addEventListener("zscape:film", turn);
}

/** What the frame in view has in place of the component's data; nothing while none is in view. */
async function frameOf(place, film) {
  const turned = film ? films.get(film.name) : undefined;
  if (turned === undefined) return {};
  if (reels.get(place)?.url !== film.url) {
    const frames = fetch(new URL(film.url, root)).then((answer) => answer.json());
    frames.catch(() => reels.get(place)?.frames === frames && reels.delete(place)); // to ask anew
    reels.set(place, { url: film.url, frames });
  }
  const { frames } = reels.get(place);
  const frame = (await frames)[turned];
  return films.get(film.name) === turned ? frame : frameOf(place, film); // it turned meanwhile
}

/** Once the page rests, or has been busy for long; Safari does not say. */
function rested() {
  const wait = window.requestIdleCallback ?? setTimeout;
  return new Promise((rest) => wait(rest, wait === setTimeout ? 0 : { timeout: BUSY_MS }));
}

/** Once the page rests: what saves a figure hangs on it, where the component says what there is. */
function hang(place, saved) {
  const menu = hung.get(place);
  if (!saved || menu === null || menu?.isConnected) return;
  hung.set(place, null); // it is on its way
  rested().then(async () => {
    const { hang } = await moduleAt(new URL(`${SAVE}/in_app.js`, root).href);
    const figure = place.isConnected ? await saved(place) : null;
    if (figure) hung.set(place, await hang(place, figure, new URL(PLOTLY, root)));
    else hung.delete(place); // the visitor has gone on
  });
}

export default async function (component) {
  const [data] = component.data; // a bare dict would make Streamlit import pandas
  const { film, assets } = data;
  preload(assets);
  const { mount, saved } = await moduleAt(new URL(`${assets}/${ENTRY}`, root).href);
  const place = component.parentElement;
  let leave = () => {};
  const show = async () => {
    const frame = await frameOf(place, film);
    if (newest.get(place) !== show) return; // what was sent later was there sooner
    leave = await mount({ ...component, data: { ...data, ...frame } }, root);
  };
  newest.set(place, show);
  follow(place, film, show);
  await show();
  hang(place, saved);
  return () => {
    leave();
    if (!place.isConnected) follow(place, null, show);
  };
}
