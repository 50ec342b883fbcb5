/** Addresses as a room tells them: below the app's root, without what is each visitor's own. */

const OWN = ["room", "hide", "open", "present", "embed", "embed_options"];

/** The address in view, "/manifold?side=9". @param {URL} root */
export function viewOf({ pathname, search }, root) {
  const query = new URLSearchParams(search);
  for (const name of OWN) query.delete(name);
  const text = readable(query);
  return `/${pathname.slice(root.pathname.length)}${text && `?${text}`}`;
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

/** Names whose values differ. @param {string} a @param {string} b queries */
export function changed(a, b) {
  const [one, other] = [new URLSearchParams(a), new URLSearchParams(b)];
  return [...new Set([...one.keys(), ...other.keys()])].filter((name) => one.get(name) !== other.get(name));
}

/** , : ; as they are. @param {URLSearchParams} query */
function readable(query) {
  return query.toString().replace(/%(2C|3A|3B)/g, decodeURIComponent);
}
