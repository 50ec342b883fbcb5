/** The socket to the server's models; `live/decode.py` says what travels on it. */

export const Verb = Object.freeze({ DECODE: 1, ENCODE: 2, RETURN: 3, IMAGE: 4, MAPS: 5, MEAN: 6, TAG: 7 });
const MAX_ROWS = 64; // of one request
const MAX_BYTES = 2 << 20; // of a request or an answer of several rows
const HEADER = 8;
const RETRIES = [250, 500, 1000, 2000, 4000, 8000];
const NO_MODEL = 404; // by HTTP
const REOPEN_AT_ONCE = 4409; // the model was replaced by one of other dimensions

/**
 * @typedef {{latent_dim: number, image_shape: [number, number, number], images: number}} Hello
 * @typedef {{real: boolean, rows: number, bytes: ArrayBuffer, where: "server" | "browser"}} Answer
 * @typedef {{name: "connecting" | "open" | "reconnecting" | "refused", reason: string}} State
 */

/** How many rows one request may have. @param {Pick<Hello, "latent_dim" | "image_shape">} hello */
export function rowsAtOnce({ latent_dim, image_shape: [c, h, w] }) {
  return Math.max(1, Math.min(MAX_ROWS, Math.floor(MAX_BYTES / Math.max(8 * latent_dim, c * h * w))));
}

/** One socket for one model. It connects again by itself until it is closed or refused. */
export class Channel {
  /**
   * @param {URL} url
   * @param {{onHello: (hello: Hello) => void, onState: (state: State) => void}} listener
   */
  constructor(url, listener) {
    this.url = url;
    this.listener = listener;
    /** @type {Map<number, {resolve: (answer: Answer) => void, reject: (why: Error) => void}>} */
    this.waiting = new Map();
    this.ticket = 0;
    this.failures = 0;
    this.closed = false;
    this.http = false; // the way round where no socket is let through
    this.connect();
  }

  connect() {
    if (!this.http) this.state(this.failures ? "reconnecting" : "connecting");
    this.socket = new WebSocket(this.url);
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = (message) => this.receive(message.data);
    this.socket.onclose = (event) => this.lost(event);
  }

  /** @param {State["name"]} name @param {string} [reason] */
  state(name, reason = "") {
    this.name = name;
    this.listener.onState({ name, reason });
  }

  /** @param {string | ArrayBuffer} data */
  receive(data) {
    if (typeof data === "string") {
      this.http = false;
      this.listener.onHello(JSON.parse(data));
      this.state("open");
      return;
    }
    this.failures = 0; // a model that opens but fails to answer is not asked ever faster
    const head = new DataView(data);
    const ticket = head.getUint32(0, true);
    this.waiting.get(ticket)?.resolve({
      real: head.getUint8(5) === 1,
      rows: head.getUint16(6, true),
      bytes: data.slice(HEADER),
      where: "server",
    });
    this.waiting.delete(ticket);
  }

  /** @param {CloseEvent} event */
  lost(event) {
    if (!this.http) {
      for (const { reject } of this.waiting.values()) reject(new Error("the connection was lost"));
      this.waiting.clear();
    }
    if (this.closed) return;
    if (event.code >= 4400 && event.code < 4500 && event.code !== REOPEN_AT_ONCE) {
      this.refused(event.reason);
      return;
    }
    const pause = RETRIES[Math.min(this.failures, RETRIES.length - 1)];
    this.failures += 1;
    if (!this.http) this.state("reconnecting");
    if (this.failures > 1) this.goRound();
    this.timer = setTimeout(() => this.connect(), pause);
  }

  /** The server will not serve this model: asking again would not help. @param {string} reason */
  refused(reason) {
    this.close();
    this.state("refused", reason);
  }

  /** While sockets fail, each request goes by HTTP, slower; the socket is tried again meanwhile. */
  async goRound() {
    const answer = await fetch(this.httpUrl).catch(() => null);
    if (this.closed || this.socket.readyState === WebSocket.OPEN) return;
    if (answer?.status === NO_MODEL) {
      this.refused(await answer.text());
      return;
    }
    const before = this.http;
    this.http = answer?.ok === true;
    if (this.http && !before) {
      this.listener.onHello(await answer.json());
      this.state("open");
    } else if (!this.http) {
      this.state("reconnecting");
    }
  }

  get httpUrl() {
    const url = new URL(this.url);
    url.protocol = url.protocol.replace("ws", "http");
    url.pathname = url.pathname.replace(/decode$/, "ask");
    return url;
  }

  async post(frame) {
    const headers = { "Content-Type": "application/octet-stream" };
    const response = await fetch(this.httpUrl, { method: "POST", body: frame, headers });
    if (!response.ok) {
      const reason = await response.text();
      if (response.status === NO_MODEL) this.refused(reason);
      throw new Error(reason);
    }
    this.receive(await response.arrayBuffer());
  }

  /**
   * Send one request; rejects when the connection is not there or goes before the answer.
   * @param {number} verb @param {number} rows
   * @param {Float32Array | Uint32Array | Uint8Array} payload
   * @returns {Promise<Answer>}
   */
  ask(verb, rows, payload) {
    if (this.closed || this.name !== "open") return Promise.reject(new Error("the connection is not open"));
    const ticket = (this.ticket = (this.ticket + 1) >>> 0);
    const frame = new ArrayBuffer(HEADER + payload.byteLength);
    const head = new DataView(frame);
    head.setUint32(0, ticket, true);
    head.setUint8(4, verb);
    head.setUint16(6, rows, true);
    new Uint8Array(frame, HEADER).set(
      new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength),
    );
    return new Promise((resolve, reject) => {
      this.waiting.set(ticket, { resolve, reject });
      if (this.http) this.post(frame).catch(reject);
      else this.socket.send(frame);
    });
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.socket.close();
  }
}

/**
 * One wish in flight, the newest kept: while the first is answered, later ones replace one another.
 * @template T
 */
export class Latest {
  /** @param {(wish: T) => Promise<void>} fulfil */
  constructor(fulfil) {
    this.fulfil = fulfil;
    /** @type {Promise<void> | null} resolves when no wish is left */
    this.running = null;
    /** @type {T | undefined} */
    this.next = undefined;
  }

  /** @param {T} wish */
  want(wish) {
    this.next = wish;
    this.running ??= this.#run();
  }

  async #run() {
    while (this.next !== undefined) {
      const now = this.next;
      this.next = undefined;
      // A lost connection is shown by its state; the wish is made again when it is back.
      await this.fulfil(now).catch(() => {});
    }
    this.running = null;
  }
}
