/**
 * Put values into the address without a new entry of the browser's history.
 * @param {{data: [Object<string, ?string>], parentElement: Node}} component
 */
export default function ({ data, parentElement }) {
  if (!parentElement.isConnected) return; // the visitor has gone to another page
  const address = new URL(window.location.href);
  for (const [name, value] of Object.entries(data[0])) {
    if (value === null) address.searchParams.delete(name);
    else address.searchParams.set(name, value);
  }
  address.search = address.search.replace(/%(2C|3A|3B)/g, decodeURIComponent); // , : ; as they are
  if (address.href !== window.location.href) {
    window.history.replaceState(window.history.state, "", address);
  }
}
