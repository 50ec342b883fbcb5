/**
 * The engine behind a port. First it is told {weights, plain} and says {coding, simd, latent_dim,
 * image_shape, encodes}; then each {ticket, verb, rows, payload} is answered by {ticket, rows,
 * bytes}. What fails is {error}.
 *
 * Requests are computed in slices: what asks for one image goes before what asks for many.
 */

import { Engine } from "./engine.js";

const SLICE_MS = 4;

/** @param {Pick<MessagePort, "postMessage" | "onmessage">} port a worker's own, or a page's */
export function serve(port) {
  /** @type {Engine} */
  let engine;
  /** @type {{ticket: number, verb: number, rows: number, payload: Float32Array | Uint8Array, parts: Uint8Array[], done: number}[]} */
  const waiting = [];
  const turns = new MessageChannel(); // between two slices what came meanwhile is heard
  let pace = 1; // images a slice
  let busy = false;

  port.onmessage = async ({ data }) => {
    if (data.weights) {
      try {
        engine = await Engine.of(data.weights, data);
        const { latent_dim, image_shape, encoder } = engine.head;
        port.postMessage({ coding: engine.coding, simd: engine.simd, latent_dim, image_shape, encodes: encoder !== null });
      } catch (error) {
        port.postMessage({ error: String(error) });
      }
      return;
    }
    waiting.push({ ...data, parts: [], done: 0 });
    if (!busy) turns.port2.postMessage(null);
    busy = true;
  };

  turns.port1.onmessage = () => {
    const job = waiting.find(({ rows }) => rows === 1) ?? waiting[0];
    try {
      compute(job);
    } catch (error) {
      port.postMessage({ error: String(error) });
      waiting.length = 0; // nothing more is asked of it
    }
    if (job.done === job.rows) {
      waiting.splice(waiting.indexOf(job), 1);
      deliver(job);
    }
    busy = waiting.length > 0;
    if (busy) turns.port2.postMessage(null);
  };

  function compute(job) {
    const rows = Math.min(job.rows - job.done, pace, engine.atOnce);
    const each = job.payload.length / job.rows;
    const begin = performance.now();
    job.parts.push(engine.answer(job.verb, rows, job.payload.subarray(job.done * each, (job.done + rows) * each)));
    job.done += rows;
    const took = performance.now() - begin;
    if (rows === pace) pace = took > SLICE_MS ? Math.max(pace >> 1, 1) : Math.min(2 * pace, 64);
  }

  function deliver({ ticket, rows, parts }) {
    const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    port.postMessage({ ticket, rows, bytes: bytes.buffer }, { transfer: [bytes.buffer] });
  }
}
