/** A pad to draw on, or to drop an image file on: each stroke becomes an image for the encoder. */

import { element, showPixels } from "./furniture.js";
import { fitted, grey, lightOnDark, likeMnist } from "./prepare.js";

const SIDE = 280; // at most
const PEN = 24;
const SAYS = {
  mnist: "Draw a digit, or drop or paste an image. Prepared as MNIST: box of 20, centre of mass in the middle.",
  fit: "Draw, or drop or paste an image. It is resized; what sticks out of the pad is cut off.",
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
    this.early = false; // something was drawn before that is known
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
    this.clear();
    this.#listen();
  }

  /** @param {"mnist" | "fit"} preparation @param {[number, number, number] | null} shape */
  prepareFor(preparation, shape) {
    this.preparation = preparation;
    this.shape = shape;
    this.says.textContent = SAYS[preparation];
    if (!shape) return;
    const [, h, w] = shape;
    const times = Math.max(Math.floor(SIDE / Math.max(h, w)), 1); // whole, so that no pixel is blurred
    const [width, height] = [w * times, h * times];
    if (this.canvas.width !== width || this.canvas.height !== height) this.#resize(width, height);
    if (this.early) this.#show(performance.now());
  }

  /** What was drawn before the model said how large its images are stays. */
  #resize(width, height) {
    const drawn = element("canvas", { width: this.canvas.width, height: this.canvas.height });
    drawn.getContext("2d").drawImage(this.canvas, 0, 0);
    Object.assign(this.canvas, { width, height });
    this.canvas.style.aspectRatio = `${width} / ${height}`;
    if (this.early) this.c.drawImage(drawn, 0, 0, width, height);
    else this.clear();
  }

  clear() {
    this.c.fillStyle = "#000";
    this.c.fillRect(0, 0, this.canvas.width, this.canvas.height);
    this.prepared.getContext("2d").clearRect(0, 0, this.prepared.width, this.prepared.height);
    this.words.textContent = "";
    this.early = false;
    this.listener.cleared();
  }

  remove() {
    this.root.remove();
    this.listener.cleared();
  }

  #listen() {
    const { canvas } = this;
    const place = (event) => [
      (event.offsetX / canvas.clientWidth) * canvas.width,
      (event.offsetY / canvas.clientHeight) * canvas.height,
    ];
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
    const mnist = this.preparation === "mnist";
    const { width, height } = this.canvas;
    const scales = [width / picture.width, height / picture.height];
    const scale = mnist ? Math.min(...scales) : Math.max(...scales);
    const [w, h] = [picture.width * scale, picture.height * scale].map(Math.round);
    const [x, y] = [(width - w) / 2, (height - h) / 2].map(Math.round);
    this.c.imageSmoothingEnabled = scale < 1; // a small image keeps its pixels
    this.c.imageSmoothingQuality = "high";
    this.c.drawImage(picture, x, y, w, h);
    if (this.shape?.[0] === 1) {
      const [left, top] = [Math.max(x, 0), Math.max(y, 0)];
      const image = this.c.getImageData(left, top, Math.min(w, width), Math.min(h, height));
      (mnist ? lightOnDark : grey)(image);
      this.c.putImageData(image, left, top);
    }
    this.#show(since);
    this.listener.done();
  }

  #stroke(from, to, since) {
    Object.assign(this.c, { lineWidth: PEN, lineCap: "round", lineJoin: "round", strokeStyle: "#fff" });
    this.c.beginPath();
    this.c.moveTo(...from);
    this.c.lineTo(...to);
    this.c.stroke();
    this.#show(since);
  }

  #show(since) {
    this.early = !this.shape;
    if (!this.shape) return;
    const prepare = this.preparation === "mnist" ? likeMnist : fitted;
    const { width, height } = this.canvas;
    const pixels = prepare(this.c.getImageData(0, 0, width, height), this.shape);
    if (!pixels) return;
    showPixels(this.prepared, pixels, this.shape);
    this.listener.image(pixels, since);
  }
}
