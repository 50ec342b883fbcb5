const STREAM = "/_stcore/stream";

/**
 * Every connection tells the address as it is then: Streamlit itself would say again with which one
 * the page was loaded, and a session that begins anew, as after a laptop's sleep, would begin there.
 */
class TellingSocket extends WebSocket {
  static tells = true;

  constructor(url, ...protocols) {
    const socket = new URL(url, window.location.href);
    if (socket.pathname.endsWith(STREAM)) {
      socket.searchParams.set("zscape-address", window.location.search.slice(1));
    }
    super(socket, ...protocols);
  }
}
if (!window.WebSocket.tells) {
  window.WebSocket = TellingSocket;
  addEventListener("zscape:say", ({ detail }) => say(detail)); // what Python never hears of
}

/** @param {{data: [Object<string, ?string>], parentElement: Node}} component */
export default function ({ data, parentElement }) {
  if (parentElement.isConnected) say(data[0]); // or the visitor has gone to another page
}

/**
 * Put values into the address without a new entry of the browser's history; null takes one out.
 * @param {Object<string, ?string>} values
 */
function say(values) {
  const address = new URL(window.location.href);
  for (const [name, value] of Object.entries(values)) {
    if (value === null) address.searchParams.delete(name);
    else address.searchParams.set(name, value);
  }
  address.search = address.search.replace(/%(2C|3A|3B)/g, decodeURIComponent); // , : ; as they are
  if (address.href !== window.location.href) {
    window.history.replaceState(window.history.state, "", address);
  }
}
