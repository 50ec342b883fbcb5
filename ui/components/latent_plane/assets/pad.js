/** A pad to draw on: each stroke becomes an image such as the model was trained on. */

import { element, showPixels } from "./furniture.js";

const SIDE = 280;
const PEN = 24;
const BOX = 20 / 28; // MNIST's digits fill a box of 20 in 28 pixels, their centre of mass in the middle

export class Pad {
  /**
   * @param {HTMLElement} parent
   * @param {{image: (pixels: Uint8Array, since: number) => void, done: () => void,
   *   cleared: () => void, resample: () => void}} listener
   */
  constructor(parent, listener) {
    this.listener = listener;
    this.canvas = element("canvas", {
      class: "ink",
      width: SIDE,
      height: SIDE,
      "data-testid": "draw",
      role: "img",
      "aria-label": "Draw here, or drop an image file",
    });
    this.prepared = element("canvas", {
      class: "prepared",
      "data-testid": "prepared",
      role: "img",
      "aria-label": "The drawing as the encoder sees it",
    });
    const button = (text, act) => {
      const made = element("button", { class: "chip", type: "button" }, [text]);
      made.addEventListener("click", act);
      return made;
    };
    const resample = button("Resample ε", () => listener.resample());
    resample.title = "Draw ε from N(0, I) and go to z = μ + σ · ε";
    this.words = element("span", { class: "words" });
    const beside = element("div", { class: "beside" }, [
      element("span", {}, ["Draw a digit, or drop an image"]),
      this.prepared,
      resample,
      button("Clear", () => this.clear()),
    ]);
    this.root = element("div", { class: "pad" }, [this.canvas, beside, this.words]);
    parent.append(this.root);
    this.c = this.canvas.getContext("2d", { willReadFrequently: true });
    Object.assign(this.c, { lineWidth: PEN, lineCap: "round", lineJoin: "round", strokeStyle: "#fff" });
    this.clear();
    this.#listen();
  }

  clear() {
    this.c.fillStyle = "#000";
    this.c.fillRect(0, 0, SIDE, SIDE);
    this.prepared.getContext("2d").clearRect(0, 0, this.prepared.width, this.prepared.height);
    this.words.textContent = "";
    this.listener.cleared();
  }

  #listen() {
    const { canvas, c } = this;
    const place = (event) => [(event.offsetX / canvas.clientWidth) * SIDE, (event.offsetY / canvas.clientHeight) * SIDE];
    let from = null;
    canvas.addEventListener("pointerdown", (event) => {
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
    canvas.addEventListener("dragover", (event) => event.preventDefault());
    canvas.addEventListener("drop", async (event) => {
      event.preventDefault();
      const picture = await createImageBitmap(event.dataTransfer.files[0]).catch(() => null);
      if (!picture) {
        this.words.textContent = "This file is no image that the browser can read.";
        return;
      }
      this.clear();
      const scale = SIDE / Math.max(picture.width, picture.height);
      const [w, h] = [picture.width * scale, picture.height * scale];
      c.drawImage(picture, (SIDE - w) / 2, (SIDE - h) / 2, w, h);
      this.#whiteOnBlack((SIDE - w) / 2, (SIDE - h) / 2, w, h);
      this.#show(event.timeStamp);
      this.listener.done();
    });
  }

  /** A photo of ink on paper is turned round: the data are white on black. */
  #whiteOnBlack(x, y, w, h) {
    const image = this.c.getImageData(x, y, w, h);
    const { data } = image;
    const grey = (k) => 0.299 * data[k] + 0.587 * data[k + 1] + 0.114 * data[k + 2];
    let sum = 0;
    for (let k = 0; k < data.length; k += 4) sum += grey(k);
    const paper = sum / (data.length / 4) > 127;
    for (let k = 0; k < data.length; k += 4) {
      const value = paper ? 255 - grey(k) : grey(k);
      data.set([value, value, value, 255], k);
    }
    this.c.putImageData(image, x, y);
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
    const pixels = this.#prepare();
    if (!pixels) return;
    showPixels(this.prepared, pixels, this.shape);
    this.listener.image(pixels, since);
  }

  /** The ink scaled to the box, its centre of mass in the middle, as rows of h x w x c bytes. */
  #prepare() {
    const [channels, height, width] = this.shape;
    const { data } = this.c.getImageData(0, 0, SIDE, SIDE);
    let [left, right, top, bottom] = [SIDE, -1, SIDE, -1];
    let [mass, sumX, sumY] = [0, 0, 0];
    for (let y = 0; y < SIDE; y++) {
      for (let x = 0; x < SIDE; x++) {
        const ink = data[4 * (y * SIDE + x)];
        if (ink < 32) continue;
        [left, right] = [Math.min(left, x), Math.max(right, x)];
        [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
        mass += ink;
        sumX += ink * (x + 0.5);
        sumY += ink * (y + 0.5);
      }
    }
    if (!mass) return null;
    const scale = (BOX * Math.min(width, height)) / Math.max(right - left + 1, bottom - top + 1);
    const small = Object.assign(document.createElement("canvas"), { width, height });
    const c = small.getContext("2d", { willReadFrequently: true });
    c.fillRect(0, 0, width, height);
    c.imageSmoothingQuality = "high";
    const [x, y] = [width / 2 - (sumX / mass) * scale, height / 2 - (sumY / mass) * scale];
    c.drawImage(this.canvas, x, y, SIDE * scale, SIDE * scale);
    const rgba = c.getImageData(0, 0, width, height).data;
    return Uint8Array.from(
      { length: width * height * channels },
      (_, k) => rgba[4 * Math.floor(k / channels) + (k % channels)],
    );
  }
}
