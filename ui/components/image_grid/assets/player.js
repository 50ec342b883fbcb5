/** Plays the tiles back and forth; nothing of it needs the server. */

const ICONS = {
  play: '<path d="M8 5v14l11-7z"/>',
  pause: '<path d="M6 5h4v14H6zM14 5h4v14h-4z"/>',
};

export class Player {
  /**
   * @param {HTMLElement} root
   * @param {{onFrame: (i: number, since: number) => void, onRest: (i: number) => void}} listener
   */
  constructor(root, listener) {
    this.listener = listener;
    this.frame = 0;
    this.step = 1;
    this.playing = false;
    this.element = document.createElement("div");
    this.element.className = "player";
    this.element.innerHTML = `
      <button type="button"><svg viewBox="0 0 24 24" aria-hidden="true"></svg></button>
      <input type="range" min="0" step="1" aria-label="Frame">
      <output></output>`;
    root.prepend(this.element);
    [this.button, this.icon, this.range, this.output] = [
      "button", "svg", "input", "output",
    ].map((name) => this.element.querySelector(name));
    this.button.onclick = () => this.toggle();
    this.range.oninput = (event) => {
      this.pause();
      this.go(Number(this.range.value), event.timeStamp);
    };
    this.range.onchange = () => listener.onRest(this.frame);
    this.range.onkeydown = (event) => {
      if (event.key !== " ") return;
      event.preventDefault();
      this.toggle();
    };
    this.label();
  }

  /**
   * Other tiles; it stays at its frame unless it is sent to another.
   * @param {number} count of tiles @param {string[] | null} captions @param {number} frameMs
   */
  update(count, captions, frameMs, frame = this.frame) {
    Object.assign(this, { count, captions, frameMs });
    this.range.max = String(count - 1);
    this.go(Math.min(frame, count - 1));
  }

  /** @param {number} frame @param {number} [since] the time of the event that asks for it */
  go(frame, since = performance.now()) {
    this.frame = frame;
    this.range.value = String(frame);
    this.range.setAttribute("aria-valuetext", this.captions?.[frame] ?? `${frame + 1} of ${this.count}`);
    this.output.textContent = `${frame + 1} / ${this.count}`;
    this.listener.onFrame(frame, since);
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
    const last = this.count - 1;
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
