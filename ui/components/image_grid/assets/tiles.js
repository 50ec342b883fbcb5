/** One picture that holds all tiles, and its tiles drawn crisply at any size. */
export class Tiles {
  /**
   * @param {ImageBitmap | HTMLCanvasElement} picture @param {number} rows @param {number} columns
   * @param {boolean} [brief] soon to be replaced: hard edges are enough
   */
  constructor(picture, rows, columns, brief = false) {
    Object.assign(this, { picture, rows, columns, brief });
    this.count = rows * columns;
    this.width = picture.width / columns;
    this.height = picture.height / rows;
    this.times = 1;
    /** @type {ImageBitmap | HTMLCanvasElement} */
    this.source = picture;
  }

  /**
   * Enlarge by a whole factor with hard edges; what is drawn is then made smaller, softly. That
   * keeps pixels square and of one size at any scale. @param {number} scale
   */
  sharpenFor(scale) {
    const times = Math.max(1, Math.ceil(scale));
    if (times === this.times || this.brief) return;
    this.times = times;
    this.source = this.picture;
    if (times === 1) return;
    const canvas = document.createElement("canvas");
    canvas.width = this.picture.width * times;
    canvas.height = this.picture.height * times;
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(this.picture, 0, 0, canvas.width, canvas.height);
    this.source = canvas;
  }

  /** Draw tile i. @param {CanvasRenderingContext2D} context */
  draw(context, i, x, y, width, height) {
    const [w, h] = [this.width * this.times, this.height * this.times];
    const [left, top] = [(i % this.columns) * w, Math.floor(i / this.columns) * h];
    context.imageSmoothingEnabled = width % this.width !== 0 && !this.brief;
    context.imageSmoothingQuality = "high";
    context.drawImage(this.source, left, top, w, h, x, y, width, height);
  }

  /** Fill a canvas with tile i, at the largest whole multiple within `side` CSS pixels. */
  show(canvas, i, side, ratio) {
    const times = Math.max(1, Math.floor((side * ratio) / Math.max(this.width, this.height)));
    const [width, height] = [this.width * times, this.height * times];
    if (canvas.width !== width || canvas.height !== height) {
      Object.assign(canvas, { width, height });
      canvas.style.width = `${width / ratio}px`;
      canvas.style.height = `${height / ratio}px`;
    }
    this.draw(canvas.getContext("2d"), i, 0, 0, width, height);
  }
}
