/** The socket of one who takes part: it connects again by itself until the room is over. */

const RETRIES = [250, 500, 1000, 2000, 4000, 8000];
const CLOSED = { notYours: 4403, noRoom: 4404, moved: 4409 }; // as `Close` in live/rooms/room.py
const CROWDED = 1 << 14; // bytes that wait to be sent: what is newer will do

export class Line {
  /**
   * @param {string} code @param {URL} root
   * @param {{hello: () => Object, hear: (name: string, value: any) => void, change: () => void}} part
   */
  constructor(code, root, part) {
    this.url = new URL("live/room", root);
    this.url.protocol = this.url.protocol.replace("http", "ws");
    this.url.searchParams.set("code", code);
    this.part = part;
    /** @type {"connecting" | "open" | "over" | "moved" | "refused"} */
    this.state = "connecting";
    this.reason = "";
    this.failures = 0;
    this.connect();
  }

  connect() {
    const socket = (this.socket = new WebSocket(this.url));
    socket.onopen = () => {
      socket.send(JSON.stringify(this.part.hello()));
      this.#turn("open");
    };
    socket.onmessage = ({ data }) => {
      this.failures = 0;
      for (const [name, value] of Object.entries(JSON.parse(data))) this.part.hear(name, value);
    };
    socket.onclose = (event) => socket === this.socket && this.#lost(event);
  }

  #turn(state, reason = "") {
    Object.assign(this, { state, reason });
    this.part.change();
  }

  #lost({ code, reason }) {
    if (code === CLOSED.noRoom) this.#turn("over", reason);
    else if (code === CLOSED.moved) this.#turn("moved", reason);
    else if (code === CLOSED.notYours) this.#turn("refused", reason);
    else {
      this.#turn("connecting", code >= 4400 ? reason : "");
      this.timer = setTimeout(() => this.connect(), RETRIES[Math.min(this.failures, RETRIES.length - 1)]);
      this.failures += 1;
    }
  }

  /** Whether it was sent. @param {Object} said @param {boolean} [passing] what is newer takes its place */
  say(said, passing = false) {
    if (this.state !== "open" || this.socket.readyState !== WebSocket.OPEN) return false;
    if (passing && this.socket.bufferedAmount > CROWDED) return false;
    this.socket.send(JSON.stringify(said));
    return true;
  }

  close() {
    const { socket } = this;
    this.socket = null;
    clearTimeout(this.timer);
    socket.close();
  }
}
