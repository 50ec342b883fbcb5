/** @type {WeakMap<Node, number>} */
const timers = new WeakMap();

/**
 * Put values into the address without a new entry of the browser's history, and keep them there:
 * when a setting bound to the address comes or goes, Streamlit writes the address anew without them.
 * @param {{data: Object<string, ?string>, parentElement: Node}} component
 */
export default function ({ data, parentElement }) {
  const page = window.location.pathname;

  function show() {
    if (window.location.pathname !== page) return; // the next page has begun
    const address = new URL(window.location.href);
    for (const [name, value] of Object.entries(data)) {
      if (value === null) address.searchParams.delete(name);
      else address.searchParams.set(name, value);
    }
    if (address.href !== window.location.href) {
      window.history.replaceState(window.history.state, "", address);
    }
  }

  show();
  clearInterval(timers.get(parentElement)); // of the values shown before these
  timers.set(parentElement, setInterval(show, 300));
  return () => clearInterval(timers.get(parentElement));
}
