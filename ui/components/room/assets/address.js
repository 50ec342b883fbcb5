/** Addresses as a room tells them: below the app's root, without what is each visitor's own. */

const OF_ALL = ["model", "lesson", "step"];
const OWN = ["room", "hide", "open", "present", "embed", "embed_options"];

/** The address in view, "/manifold?side=9". @param {URL} root */
export function viewOf({ pathname, search }, root) {
  const query = new URLSearchParams(search);
  for (const name of OWN) query.delete(name);
  return viewWith(`/${pathname.slice(root.pathname.length)}`, query);
}

/** The address here of what a room tells. @param {string} view @param {Location} here @param {URL} root */
export function addressOf(view, here, root) {
  const [path, search = ""] = view.split(/\?(.*)/s);
  const query = new URLSearchParams(search);
  const own = new URLSearchParams(here.search);
  for (const name of OWN) {
    query.delete(name);
    if (own.has(name) && name !== "open") query.set(name, own.get(name));
  }
  const address = new URL(root); // whose path alone is changed: no view leads to another site
  address.pathname += path.slice(1);
  address.search = readable(query);
  return address;
}

/** A view's path. @param {string} view */
export const pathOf = (view) => view.split("?")[0];

/** What a view says beside its path. @param {string} view */
export const queryOf = (view) => new URLSearchParams(view.split(/\?(.*)/s)[1]);

/** This path with that query. @param {string} path @param {URLSearchParams} query */
export function viewWith(path, query) {
  const text = readable(query);
  return `${path}${text && `?${text}`}`;
}

/**
 * What the address of a page that is being turned to will say: what all pages say, and what this one
 * said when it was left, of the same model.
 * @param {string} view so far @param {string} before the view in which the page was turned
 * @param {string} [left] the page's last
 */
export function expectedOf(view, before, left = "") {
  const [now, old, own] = [view, before, left].map(queryOf);
  const expected = own.get("model") === old.get("model") ? own : new URLSearchParams();
  for (const name of expected.has("z") && old.has("z") ? [...OF_ALL, "z"] : OF_ALL) {
    if (old.has(name)) expected.set(name, old.get(name));
    else expected.delete(name);
  }
  for (const [name, value] of now) expected.set(name, value);
  return viewWith(pathOf(view), expected);
}

/** Whether a view says nothing that the whole does not say. @param {string} view @param {string} whole */
export function isPartOf(view, whole) {
  const [part, all] = [view, whole].map(queryOf);
  return pathOf(view) === pathOf(whole) && [...part].every(([name, value]) => all.get(name) === value);
}

/** Whether the page's script runs. */
export function isRunning() {
  const app = document.querySelector("[data-testid=stApp]");
  return app?.dataset.testScriptState !== "notRunning";
}

/** Names whose values differ. @param {string} a @param {string} b queries */
export function changed(a, b) {
  const [one, other] = [new URLSearchParams(a), new URLSearchParams(b)];
  return [...new Set([...one.keys(), ...other.keys()])].filter((name) => one.get(name) !== other.get(name));
}

/** , : ; as they are. @param {URLSearchParams} query */
function readable(query) {
  return query.toString().replace(/%(2C|3A|3B)/g, decodeURIComponent);
}
