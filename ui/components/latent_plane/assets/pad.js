/** A pad to draw on, or to drop an image file on: each stroke becomes an image for the encoder. */

import { element, showPixels } from "./furniture.js";
import { fitted, lightOnDark, likeMnist } from "./prepare.js";

const SIDE = 280;
const PEN = 24;
const SAYS = {
  mnist: "Draw a digit, or drop or paste an image. Prepared as MNIST: box of 20, centre of mass in the middle.",
  fit: "Draw, or drop or paste an image. It is resized, nothing else.",
};

export class Pad {
  /**
   * @param {HTMLElement} parent
   * @param {{image: (pixels: Uint8Array, since: number) => void, done: () => void,
   *   cleared: () => void, resample: () => void, zoom: () => void}} listener
   */
  constructor(parent, listener) {
    this.listener = listener;
    /** @type {[number, number, number] | null} of the model's images */
    this.shape = null;
    /** @type {"mnist" | "fit"} */
    this.preparation = "fit";
    this.canvas = element("canvas", {
      class: "ink",
      width: SIDE,
      height: SIDE,
      "data-testid": "draw",
      role: "img",
      tabindex: 0,
      "aria-label": "Draw here, or drop or paste an image",
    });
    this.prepared = element("canvas", {
      class: "prepared",
      "data-testid": "prepared",
      role: "img",
      "aria-label": "The drawing as the encoder sees it",
    });
    const button = (text, title, act) => {
      const made = element("button", { class: "chip", type: "button", title }, [text]);
      made.addEventListener("click", act);
      return made;
    };
    this.file = element("input", { type: "file", accept: "image/*", hidden: "" });
    this.says = element("span");
    this.words = element("span", { class: "words" });
    const beside = element("div", { class: "beside" }, [
      this.says,
      this.prepared,
      element("div", { class: "chips" }, [
        button("Resample ε", "Draw ε from N(0, I) and go to z = μ + σ · ε", () => listener.resample()),
        button("Zoom in", "Look at q(z|x) from near; a double click on the plane goes back", () => listener.zoom()),
        button("Open a file", "Any image that the browser can read", () => this.file.click()),
        button("Clear", "An empty pad", () => this.clear()),
      ]),
      this.file,
    ]);
    this.root = element("div", { class: "pad" }, [this.canvas, beside, this.words]);
    parent.append(this.root);
    this.c = this.canvas.getContext("2d", { willReadFrequently: true });
    Object.assign(this.c, { lineWidth: PEN, lineCap: "round", lineJoin: "round", strokeStyle: "#fff" });
    this.clear();
    this.#listen();
  }

  /** @param {"mnist" | "fit"} preparation */
  prepareAs(preparation) {
    this.preparation = preparation;
    this.says.textContent = SAYS[preparation];
  }

  clear() {
    this.c.fillStyle = "#000";
    this.c.fillRect(0, 0, SIDE, SIDE);
    this.prepared.getContext("2d").clearRect(0, 0, this.prepared.width, this.prepared.height);
    this.words.textContent = "";
    this.listener.cleared();
  }

  remove() {
    this.root.remove();
    this.listener.cleared();
  }

  #listen() {
    const { canvas } = this;
    const place = (event) => [(event.offsetX / canvas.clientWidth) * SIDE, (event.offsetY / canvas.clientHeight) * SIDE];
    let from = null;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      canvas.setPointerCapture(event.pointerId);
      from = place(event);
      this.#stroke(from, from, event.timeStamp);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!from) return;
      const to = place(event);
      this.#stroke(from, to, event.timeStamp);
      from = to;
    });
    const up = () => {
      if (from) this.listener.done();
      from = null;
    };
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
    this.root.addEventListener("dragover", (event) => event.preventDefault());
    this.root.addEventListener("drop", (event) => {
      event.preventDefault();
      this.#take(event.dataTransfer.files[0], event.timeStamp);
    });
    this.file.addEventListener("change", (event) => {
      this.#take(this.file.files[0], event.timeStamp);
      this.file.value = ""; // so that the same file can be opened again
    });
    canvas.addEventListener("paste", (event) => this.#take(event.clipboardData.files[0], event.timeStamp));
  }

  /** @param {File | undefined} file */
  async #take(file, since) {
    const picture = file && (await createImageBitmap(file).catch(() => null));
    if (!picture) {
      this.words.textContent = "This is no image that the browser can read.";
      return;
    }
    this.clear();
    const scale = SIDE / Math.max(picture.width, picture.height);
    const [w, h] = [picture.width * scale, picture.height * scale].map(Math.round);
    const [x, y] = [(SIDE - w) / 2, (SIDE - h) / 2].map(Math.round);
    this.c.imageSmoothingEnabled = scale < 1; // a small image keeps its pixels
    this.c.imageSmoothingQuality = "high";
    this.c.drawImage(picture, x, y, w, h);
    if (this.shape?.[0] === 1) {
      const image = this.c.getImageData(x, y, w, h);
      lightOnDark(image);
      this.c.putImageData(image, x, y);
    }
    this.#show(since);
    this.listener.done();
  }

  #stroke(from, to, since) {
    this.c.beginPath();
    this.c.moveTo(...from);
    this.c.lineTo(...to);
    this.c.stroke();
    this.#show(since);
  }

  #show(since) {
    if (!this.shape) return;
    const prepare = this.preparation === "mnist" ? likeMnist : fitted;
    const pixels = prepare(this.c.getImageData(0, 0, SIDE, SIDE), this.shape);
    if (!pixels) return;
    showPixels(this.prepared, pixels, this.shape);
    this.listener.image(pixels, since);
  }
}
