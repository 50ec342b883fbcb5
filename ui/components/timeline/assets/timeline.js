/** A slider and a player that turn a film: every component with frames of its name follows. */

const WHOLE_MS = 10_000; // playing it all takes about that long …
const FRAME_MS = { least: 160, most: 700 }; // … but a frame stays long enough to be seen
const ICONS = {
  play: '<path d="M8 5v14l11-7z"/>',
  pause: '<path d="M6 5h4v14H6zM14 5h4v14h-4z"/>',
};

/** @type {WeakMap<Node, Timeline>} */
const standing = new WeakMap();

/** @param {any} component as Streamlit calls it */
export function mount(component) {
  const place = component.parentElement;
  const timeline = standing.get(place) ?? new Timeline(place.querySelector(".root"));
  standing.set(place, timeline);
  timeline.update(component);
  return () => {
    if (place.isConnected) return; // no farewell: an update takes over
    standing.delete(place);
    timeline.leave();
  };
}

class Timeline {
  /** @param {HTMLElement} root */
  constructor(root) {
    root.innerHTML = `
      <button class="play" type="button"><svg viewBox="0 0 24 24" aria-hidden="true"></svg></button>
      <input type="range" min="0" step="1" aria-label="Epoch">
      <output></output>
      <button class="back" type="button"></button>`;
    [this.button, this.icon, this.range, this.output, this.back] = [
      ".play", "svg", "input", "output", ".back",
    ].map((part) => root.querySelector(part));
    this.playing = false;
    /** @type {number | null} the frame in view; null shows the components' own data */
    this.frame = null;
    this.button.onclick = () => (this.playing ? this.rest() : this.play());
    this.back.onclick = () => this.rest(null);
    this.range.oninput = () => {
      this.pause();
      this.turn(this.at(Number(this.range.value)));
    };
    this.range.onchange = () => this.rest();
    this.turned = ({ detail }) => { // by who leads the room that this visitor follows
      const frame = window.zscapeFilms.get(detail) ?? null;
      if (detail === this.data?.name && frame !== this.frame) this.turn(frame);
    };
    window.addEventListener("zscape:film", this.turned);
    this.range.onkeydown = (event) => {
      if (event.key !== " ") return;
      event.preventDefault();
      this.button.click();
    };
  }

  update(component) {
    const begins = !this.data;
    const { data } = (this.component = component);
    this.data = data;
    this.range.dataset.testid = data.testid;
    this.range.max = String(this.last);
    const kept = window.zscapeFilms.get(data.name) ?? null; // stood here before, on this very page
    if (begins) this.frame = kept ?? data.first;
    if (this.frame !== null && this.frame >= data.epochs.length) this.frame = null;
    this.turn(this.frame);
    this.label();
  }

  leave() {
    this.pause();
    window.removeEventListener("zscape:film", this.turned);
    window.zscapeFilms.delete(this.data.name);
  }

  /** The slider's last place: the present, or the last frame where there is no other. */
  get last() {
    return Math.max(this.data.epochs.length - (this.data.present ? 0 : 1), 0);
  }

  /** The frame at a place of the slider. @param {number} place */
  at(place) {
    return place < this.data.epochs.length ? place : null;
  }

  /** Show a frame wherever this film is shown. @param {number | null} frame */
  turn(frame) {
    const { data } = this;
    this.frame = frame;
    const before = window.zscapeFilms.get(data.name) ?? null;
    if (frame === null) window.zscapeFilms.delete(data.name);
    else window.zscapeFilms.set(data.name, frame);
    if (frame !== before) window.dispatchEvent(new CustomEvent("zscape:film", { detail: data.name }));
    this.range.value = String(frame ?? this.last);
    const epoch = data.epochs[frame ?? this.last]; // behind the last one there is none
    const text = epoch === undefined ? data.present : `epoch ${epoch} of ${data.of}`;
    this.output.textContent = text;
    this.range.setAttribute("aria-valuetext", text);
    this.back.textContent = `Back to ${data.present}`;
    this.back.hidden = !data.present || frame === null;
  }

  play() {
    if (!this.data.epochs.length) return;
    if (Number(this.range.value) >= this.last) this.turn(0);
    this.playing = true;
    this.label();
    const frames = this.data.epochs.length;
    const stay = Math.min(Math.max(WHOLE_MS / frames, FRAME_MS.least), FRAME_MS.most);
    this.timer = setInterval(() => {
      const place = Number(this.range.value) + 1;
      if (place <= this.last) this.turn(this.at(place));
      if (place >= this.last) this.rest();
    }, stay);
  }

  pause() {
    clearInterval(this.timer);
    this.playing = false;
    this.label();
  }

  /** Stay here, and tell Python. @param {number | null} [frame] */
  rest(frame = this.frame) {
    this.pause();
    this.turn(frame);
    this.component.setStateValue("frame", frame ?? -1);
  }

  label() {
    this.button.disabled = !this.data.epochs.length;
    this.icon.innerHTML = this.playing ? ICONS.pause : ICONS.play;
    this.button.setAttribute("aria-label", this.playing ? "Pause" : "Play the training back");
    this.button.title = this.playing ? "Pause (space)" : "Play the training back (space)";
  }
}
