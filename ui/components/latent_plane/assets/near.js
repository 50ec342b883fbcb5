/**
 * The channel to a model whose networks are computed in this browser once their weights are here.
 * Until then the server computes, and so it does for models of which there are no weights to be had,
 * see `live/weights`, and whenever the engine fails.
 */

import { Channel, Verb } from "./channel.js";

const OF_NETWORKS = new Set([Verb.DECODE, Verb.ENCODE, Verb.RETURN, Verb.MAPS]);
const IDLE_MS = 5000; // the longest that the weights wait for the page to come to rest
const TRIES = 3;
const RETRY_MS = 15_000; // after weights that did not come
const PATIENCE_MS = 30_000; // with what is silent: the server, the weights on their way, a thread that begins
const FRESH_MS = 3000; // after each use it is asked whether the model is still the same

/** @typedef {ConstructorParameters<typeof Channel>[1] & {onCoding: () => void}} Listener */
/** @typedef {(data: any, listener: Listener) => Pick<NearChannel, "name" | "coding" | "ask" | "close"> & {place?: string}} Open place: of what decodes where this browser does not */

/** Channels to the models of the server whose app is at `root`. @param {URL} root @returns {Open} */
export function openNear(root) {
  return ({ model, engine }, listener) => {
    const url = new URL("live/decode", root);
    url.protocol = url.protocol.replace("http", "ws");
    url.searchParams.set("model", model);
    return new NearChannel(url, listener, new URL(`${engine}/worker.js`, root));
  };
}

/** The engine, in a thread of its own. */
export class EngineThread {
  /**
   * @param {Worker} worker of worker.js
   * @param {ArrayBuffer} weights as `vae_core.export` packs them, which then are the worker's
   */
  constructor(worker, weights) {
    this.worker = worker;
    /** @type {Map<number, {resolve: (answer: import("./channel.js").Answer) => void, reject: (why: Error) => void}>} */
    this.waiting = new Map();
    this.ticket = 0;
    /** @type {Promise<{coding: string, encodes: boolean, latent_dim: number, image_shape: [number, number, number]}>} what the weights are, once they are unpacked */
    this.ready = new Promise((resolve, reject) => this.waiting.set(0, { resolve, reject }));
    worker.onmessage = ({ data }) => this.receive(data);
    worker.onerror = (event) => this.close(event.message || "its script could not be loaded");
    worker.postMessage({ weights }, [weights]);
  }

  receive({ ticket = 0, rows, bytes, error, ...packed }) {
    if (error) {
      this.close(error);
      return;
    }
    this.waiting.get(ticket)?.resolve(ticket ? { real: false, rows, bytes, where: "browser" } : packed);
    this.waiting.delete(ticket);
  }

  /** As `Channel.ask`. */
  ask(verb, rows, payload) {
    const ticket = ++this.ticket;
    return new Promise((resolve, reject) => {
      if (this.closed) throw new Error(this.closed);
      this.waiting.set(ticket, { resolve, reject });
      this.worker.postMessage({ ticket, verb, rows, payload });
    });
  }

  /** @param {string} [why] */
  close(why = "it was ended") {
    this.closed = why;
    this.worker.terminate();
    for (const { reject } of this.waiting.values()) reject(new Error(why));
    this.waiting.clear();
  }
}

class NearChannel extends Channel {
  /**
   * @param {URL} url of the socket
   * @param {Listener} listener
   * @param {URL} script the engine's worker.js
   */
  constructor(url, listener, script) {
    super(url, listener);
    this.script = script;
    /** @type {EngineThread | null} */
    this.thread = null;
    /** @type {string | null} of the weights by which this browser decodes; null where it does not */
    this.coding = null;
    this.tag = "";
    this.tries = 0; // that failed since the connection was opened
    this.leaving = new AbortController();
    /** @type {ReturnType<typeof setTimeout> | null} */
    this.check = null;
  }

  receive(data) {
    if (typeof data === "string" && data !== this.hello) {
      this.hello = data;
      this.#leave(); // a model of other dimensions
    }
    super.receive(data);
  }

  state(name, reason) {
    super.state(name, reason);
    if (name !== "open") return;
    this.tries = 0;
    if (globalThis.requestIdleCallback) requestIdleCallback(() => this.#bring(), { timeout: IDLE_MS });
    else setTimeout(() => this.#bring(), IDLE_MS / 10);
  }

  ask(verb, rows, payload) {
    const { thread } = this;
    if (!thread || !OF_NETWORKS.has(verb)) return super.ask(verb, rows, payload);
    this.check ??= setTimeout(() => this.#bring(), FRESH_MS);
    return thread.ask(verb, rows, payload).catch((why) => {
      if (this.thread === thread) this.#leave(why);
      return super.ask(verb, rows, payload);
    });
  }

  close() {
    super.close();
    clearTimeout(this.check);
    this.leaving.abort();
    this.#leave();
  }

  /** Have the weights of the model as it is now, if there are any. */
  async #bring() {
    clearTimeout(this.check);
    this.check = null;
    let tag = "";
    try {
      const { bytes } = await soon(super.ask(Verb.TAG, 1, new Uint8Array()), "the server");
      tag = new TextDecoder().decode(bytes);
    } catch {
      this.#later();
      return;
    }
    if (this.closed || tag === this.tag) return;
    const before = this.thread;
    this.#leave();
    this.tag = tag;
    if (before) this.state("open"); // what it said is asked for again
    if (!tag || navigator.connection?.saveData) return;
    try {
      const weights = await this.#weights(tag);
      if (this.closed || this.tag !== tag) return;
      const thread = new EngineThread(new Worker(this.script, { type: "module" }), weights);
      const { coding } = await soon(thread.ready, "its thread").catch((why) => {
        thread.close();
        throw why;
      });
      if (this.closed || this.tag !== tag) {
        thread.close();
        return;
      }
      Object.assign(this, { thread, coding, tries: 0 });
      this.listener.onCoding();
    } catch (why) {
      if (this.closed || this.tag !== tag) return;
      this.#leave(why);
      this.#later();
    }
  }

  /** A server with much to do has them later. */
  #later() {
    this.tries += 1;
    if (!this.closed && this.tries < TRIES) this.check ??= setTimeout(() => this.#bring(), RETRY_MS);
  }

  async #weights(tag) {
    const url = new URL(this.url);
    url.protocol = url.protocol.replace("ws", "http");
    url.pathname = url.pathname.replace(/decode$/, "weights");
    url.searchParams.set("tag", tag);
    const leaving = (this.leaving = new AbortController());
    let timer;
    const heard = () => {
      clearTimeout(timer);
      timer = setTimeout(() => leaving.abort(new Error("the weights stopped on their way")), PATIENCE_MS);
    };
    heard();
    try {
      const response = await fetch(url, { priority: "low", signal: leaving.signal });
      if (response.status !== 200) throw new Error(`the weights did not come: ${response.status}`);
      const heeded = new TransformStream({
        transform: (chunk, to) => {
          heard();
          to.enqueue(chunk);
        },
      });
      return await new Response(response.body.pipeThrough(heeded)).arrayBuffer();
    } finally {
      clearTimeout(timer);
    }
  }

  /** Back to the server. @param {unknown} [why] it fails */
  #leave(why) {
    if (why) console.warn("What is shown is decoded on the server.", why);
    this.thread?.close();
    Object.assign(this, { thread: null, coding: null, tag: "" });
    this.listener.onCoding();
  }
}

/**
 * What is promised, or an error where it does not come.
 * @template T @param {Promise<T>} promise @param {string} who
 * @returns {Promise<T>}
 */
function soon(promise, who) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${who} does not answer`)), PATIENCE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
