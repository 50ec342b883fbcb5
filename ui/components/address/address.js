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

/** @param {{data: [Object<string, ?string>, boolean, number], parentElement: Node}} component */
export default function ({ data, parentElement }) {
  if (parentElement.isConnected) say(...data); // or the visitor has gone to another page
}

/**
 * Put values into the address; null takes one out.
 * @param {Object<string, ?string>} values
 * @param {boolean} step whether the way back undoes the change of a value
 */
function say(values, step = false) {
  const address = new URL(window.location.href);
  let changes = false;
  for (const [name, value] of Object.entries(values)) {
    changes ||= address.searchParams.has(name) && address.searchParams.get(name) !== value;
    if (value === null) address.searchParams.delete(name);
    else address.searchParams.set(name, value);
  }
  address.search = address.search.replace(/%(2C|3A|3B)/g, decodeURIComponent); // , : ; as they are
  if (address.href === window.location.href) return;
  const { history } = window;
  if (step && changes) history.pushState(history.state, "", address);
  else history.replaceState(history.state, "", address);
}
