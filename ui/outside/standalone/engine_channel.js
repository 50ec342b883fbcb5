/** A channel that asks the engine alone, which decodes from the first image on. */

import { Verb } from "../../components/latent_plane/assets/channel.js";
import { EngineThread } from "../../components/latent_plane/assets/near.js";

const CANNOT =
  "Nothing can be decoded here: the engine did not begin. A Content-Security-Policy in its way has to allow worker-src blob:.";
const OF_ENCODER = new Set([Verb.ENCODE, Verb.RETURN]);

/**
 * What is known of the images behind the points, by their rows.
 * @typedef {{count: number, code: (row: number) => ArrayLike<number>, image: (row: number) => Uint8Array | null}} Stored
 *   code: the mean, d numbers; image: the real one, h x w x c bytes, where it is at hand
 */

/**
 * @param {ArrayBuffer} weights as `vae_core.export` packs them
 * @param {string} script the engine's worker.js and all that it imports, as one text
 * @param {Stored} stored
 * @returns {import("../../components/latent_plane/assets/near.js").Open}
 */
export function openEngine(weights, script, stored) {
  return (_data, listener) => new EngineChannel(weights, script, stored, listener);
}

export class EngineChannel {
  /**
   * As `openEngine`.
   * @param {import("../../components/latent_plane/assets/near.js").Listener} listener
   * @param {() => Worker} [spare] what computes where the page may start no thread
   */
  constructor(weights, script, stored, listener, spare) {
    this.stored = stored;
    this.listener = listener;
    this.name = "connecting";
    /** @type {string | null} */
    this.coding = null;
    this.encodes = false;
    this.closed = false;
    this.#begin(weights, script, spare);
  }

  async #begin(weights, script, spare) {
    const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    try {
      await this.#start(() => new Worker(url), weights).catch((why) => {
        if (!spare || this.closed) throw why;
        return this.#start(spare, weights);
      });
      this.#state("open");
      this.listener.onCoding();
    } catch (why) {
      await null; // who opens it has it first
      if (!this.closed) this.#state("refused", `${CANNOT} (${why.message})`);
    } finally {
      URL.revokeObjectURL(url);
    }
  }

  /** @param {() => Worker} thread */
  async #start(thread, weights) {
    await null; // who opens it has it first
    if (this.closed) throw new Error("it was ended");
    this.thread = new EngineThread(thread(), weights.slice(0));
    const { coding, encodes, ...hello } = await this.thread.ready;
    Object.assign(this, { coding, encodes });
    this.listener.onHello({ ...hello, images: this.stored.count });
  }

  #state(name, reason = "") {
    this.name = name;
    this.listener.onState({ name, reason });
  }

  /** As `Channel.ask`. @returns {Promise<import("../../components/latent_plane/assets/channel.js").Answer>} */
  async ask(verb, rows, payload) {
    if (this.closed || this.name !== "open") throw new Error("the engine is not ready");
    if (verb === Verb.IMAGE) return this.#images(Array.from(payload));
    if (verb === Verb.MEAN) {
      const codes = Float32Array.from(Array.from(payload, (row) => [...this.stored.code(row)]).flat());
      return { real: false, rows, bytes: codes.buffer, where: "browser" };
    }
    if (OF_ENCODER.has(verb) && !this.encodes) throw new Error("the encoder is not here");
    return this.thread.ask(verb, rows, payload);
  }

  /** The real ones where all of these are at hand, else decoded from their means. @param {number[]} rows */
  async #images(rows) {
    const found = rows.map((row) => this.stored.image(row));
    const missing = rows.filter((_, k) => !found[k]);
    const codes = missing.flatMap((row) => [...this.stored.code(row)]);
    const decoded = missing.length
      ? new Uint8Array((await this.thread.ask(Verb.DECODE, missing.length, Float32Array.from(codes))).bytes)
      : new Uint8Array();
    const size = missing.length ? decoded.length / missing.length : found[0].length;
    const bytes = new Uint8Array(rows.length * size);
    let used = 0;
    found.forEach((image, k) => bytes.set(image ?? decoded.subarray(used, (used += size)), k * size));
    return { real: !missing.length, rows: rows.length, bytes: bytes.buffer, where: "browser" };
  }

  close() {
    this.closed = true;
    this.thread?.close();
  }
}
