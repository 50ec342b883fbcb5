/** A large frame that plays the tiles back and forth; nothing of it needs the server. */

const FRAME_SIDE = 280;
const ICONS = {
  play: '<path d="M8 5v14l11-7z"/>',
  pause: '<path d="M6 5h4v14H6zM14 5h4v14h-4z"/>',
};

export class Player {
  /** @param {HTMLElement} root @param {{onFrame: (i: number) => void, onRest: (i: number) => void}} listener */
  constructor(root, listener) {
    this.listener = listener;
    this.frame = 0;
    this.step = 1;
    this.playing = false;
    this.element = document.createElement("div");
    this.element.className = "player";
    this.element.innerHTML = `
      <canvas class="frame" role="img"></canvas>
      <div class="controls">
        <button type="button"><svg viewBox="0 0 24 24" aria-hidden="true"></svg></button>
        <input type="range" min="0" step="1" aria-label="Frame">
        <output></output>
      </div>`;
    root.prepend(this.element);
    [this.canvas, this.button, this.icon, this.range, this.output] = [
      "canvas", "button", "svg", "input", "output",
    ].map((name) => this.element.querySelector(name));
    this.button.onclick = () => this.toggle();
    this.range.oninput = () => {
      this.pause();
      this.go(Number(this.range.value));
    };
    this.canvas.onclick = () => this.toggle();
    this.range.onchange = () => listener.onRest(this.frame);
    this.range.onkeydown = (event) => {
      if (event.key !== " ") return;
      event.preventDefault();
      this.toggle();
    };
    this.label();
  }

  /** @param {import("./tiles.js").Tiles} tiles @param {any} data what Python sent */
  update(tiles, data) {
    this.tiles = tiles;
    this.captions = data.captions;
    this.frameMs = data.frameMs;
    this.canvas.dataset.testid = `${data.testid}-frame`;
    this.range.max = String(tiles.count - 1);
    this.go(Math.min(this.frame, tiles.count - 1));
  }

  /** @param {number} frame */
  go(frame) {
    this.frame = frame;
    this.tiles.show(this.canvas, frame, FRAME_SIDE, devicePixelRatio);
    const text = this.captions?.[frame] ?? "";
    this.canvas.setAttribute("aria-label", text || `Frame ${frame + 1}`);
    this.range.value = String(frame);
    this.range.setAttribute("aria-valuetext", `${frame + 1} of ${this.tiles.count}. ${text}`);
    this.output.textContent = `${frame + 1} / ${this.tiles.count}`;
    this.listener.onFrame(frame);
  }

  toggle() {
    if (this.playing) {
      this.pause();
      this.listener.onRest(this.frame);
    } else {
      this.play();
    }
  }

  play() {
    if (this.playing) return;
    this.playing = true;
    this.label();
    let due = performance.now() + this.frameMs;
    const tick = (now) => {
      if (!this.playing || !this.element.isConnected) return;
      if (now >= due) {
        due = Math.max(due + this.frameMs, now);
        this.advance();
      }
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  pause() {
    this.playing = false;
    this.label();
  }

  advance() {
    const last = this.tiles.count - 1;
    if (this.frame + this.step > last) this.step = -1;
    if (this.frame + this.step < 0) this.step = 1;
    this.go(Math.min(Math.max(this.frame + this.step, 0), last));
  }

  label() {
    this.icon.innerHTML = this.playing ? ICONS.pause : ICONS.play;
    this.button.setAttribute("aria-label", this.playing ? "Pause" : "Play");
    this.button.title = this.playing ? "Pause (space)" : "Play (space)";
  }
}
