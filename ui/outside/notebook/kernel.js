/** Channels to the model of a notebook's widget: its kernel, and the engine with the kernel behind it. */

import { Verb } from "../../components/latent_plane/assets/channel.js";
import { EngineChannel } from "../standalone/engine_channel.js";

const PATIENCE_MS = 1000; // for a real image, while the kernel may be at work on a cell

/** What the kernel is asked, by messages of the widget; `Kernel` of kernel.py answers. */
export class Kernel {
  /** @param {any} model the widget's, as anywidget has it */
  constructor(model) {
    this.model = model;
    this.view = Math.random().toString(36).slice(2); // the widget may be shown more than once
    /** @type {Map<number, {resolve: (answer: import("../../components/latent_plane/assets/channel.js").Answer) => void, reject: (why: Error) => void}>} */
    this.waiting = new Map();
    this.ticket = 0;
    this.hear = (content, buffers) => this.#hear(content, buffers);
    model.on("msg:custom", this.hear);
  }

  /** As `Channel.ask`. @returns {Promise<import("../../components/latent_plane/assets/channel.js").Answer>} */
  ask(verb, rows, payload) {
    const ticket = ++this.ticket;
    return new Promise((resolve, reject) => {
      this.waiting.set(ticket, { resolve, reject });
      this.model.send({ view: this.view, ticket, verb, rows }, undefined, [payload.slice().buffer]);
    });
  }

  #hear({ view, ticket, real, rows, error }, [bytes]) {
    if (view !== this.view) return;
    const { resolve, reject } = this.waiting.get(ticket);
    this.waiting.delete(ticket);
    if (error) reject(new Error(error));
    else resolve({ real, rows, bytes: bufferOf(bytes), where: "server" });
  }

  close() {
    this.model.off("msg:custom", this.hear);
    for (const { reject } of this.waiting.values()) reject(new Error("the widget was removed"));
  }
}

/** The kernel alone, for models that the engine does not know. */
export class KernelChannel {
  /**
   * @param {Kernel} kernel
   * @param {import("../../components/latent_plane/assets/channel.js").Hello} hello
   * @param {import("../../components/latent_plane/assets/near.js").Listener} listener
   */
  constructor(kernel, hello, listener) {
    this.kernel = kernel;
    this.listener = listener;
    this.name = "connecting";
    this.coding = null;
    this.place = "by the kernel";
    queueMicrotask(() => {
      this.name = "open"; // who opens it has it first
      listener.onHello(hello);
      listener.onState({ name: "open", reason: "" });
      listener.onCoding();
    });
  }

  /** As `Channel.ask`. */
  ask(verb, rows, payload) {
    return this.kernel.ask(verb, rows, payload).catch((why) => {
      if (this.name === "open") this.listener.onState({ name: (this.name = "refused"), reason: why.message });
      throw why;
    });
  }

  close() {
    this.name = "closed";
  }
}

/** The engine, and the kernel for what it has not: real images, and an encoder that is too large. */
export class NotebookChannel extends EngineChannel {
  /**
   * @param {Kernel} kernel
   * @param {boolean} hasImages whether the kernel has real ones
   * @param {ConstructorParameters<typeof EngineChannel>} engine
   */
  constructor(kernel, hasImages, ...engine) {
    super(...engine);
    this.kernel = kernel;
    this.hasImages = hasImages;
  }

  async ask(verb, rows, payload) {
    if (verb === Verb.IMAGE && this.hasImages) {
      const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, null));
      const answer = await Promise.race([this.kernel.ask(verb, rows, payload), late]).catch(() => null);
      if (answer) return answer;
    }
    if (!this.encodes && (verb === Verb.ENCODE || verb === Verb.RETURN)) return this.kernel.ask(verb, rows, payload);
    return super.ask(verb, rows, payload);
  }
}

/** @param {DataView | Uint8Array | ArrayBuffer} bytes as the notebook gives them @returns {ArrayBuffer} */
export function bufferOf(bytes) {
  return bytes instanceof ArrayBuffer ? bytes : bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}
