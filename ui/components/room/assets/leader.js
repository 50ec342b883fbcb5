/** Who leads: says the address in view, where the pointer is on a plane, and the frame of a film. */

import { viewOf } from "./address.js";
import { Line } from "./line.js";

const LOOK_MS = 40; // how often the address is looked at
const WHOLE_MS = 100; // a page says its address bit by bit, but is not waited for longer
const POINT_MS = 33;
const HERE = "zscape-leads"; // of the tab: the code of the room that it leads

export class Leader {
  /** @param {{code: string, secret: string, opened: boolean}} data opened: in this very session */
  constructor({ code, secret, opened }, root) {
    Object.assign(this, { code, secret, root });
    this.followers = 0;
    /** @type {Map<string, {lesson: string, step: number, counts: Object<string, number>}>} the newest last */
    this.answers = new Map();
    this.change = () => {};
    /** @type {Line | null} none where another tab leads */
    this.line = null;
    this.end = new AbortController();
    const { signal } = this.end;
    addEventListener("zscape:pointed", ({ detail }) => this.#point(detail), { signal });
    addEventListener("zscape:film", ({ detail }) => this.#film(detail), { signal });
    if (opened || sessionStorage.getItem(HERE) === code) this.lead();
  }

  /** From this tab, and from no other. */
  lead() {
    sessionStorage.setItem(HERE, this.code);
    this.line?.close();
    this.line = new Line(this.code, this.root, {
      hello: () => ({ lead: this.secret }),
      hear: (name, value) => this.#hear(name, value),
      change: () => this.#turned(),
    });
  }

  #turned() {
    const { state } = this.line;
    if (state === "moved") sessionStorage.removeItem(HERE);
    clearInterval(this.looking);
    if (state === "open") {
      this.said = null;
      this.looking = setInterval(() => this.#look(), LOOK_MS);
      this.#look();
      for (const name of window.zscapeFilms?.keys() ?? []) this.#film(name);
    }
    this.change();
  }

  #hear(name, value) {
    if (name === "followers") this.followers = value;
    else if (name === "answers") {
      const step = `${value.lesson} ${value.step}`;
      this.answers.delete(step);
      this.answers.set(step, value);
    }
    this.change();
  }

  /** Say the address once it rests, or has not rested for long enough. */
  #look() {
    const view = viewOf(location, this.root);
    if (view === this.said) return;
    const now = performance.now();
    const rests = view === this.seen;
    if (!rests) this.since ??= now;
    this.seen = view;
    if (!rests && now - this.since < WHOLE_MS) return;
    this.since = undefined;
    if (this.line.say({ view })) this.said = view;
  }

  /** Some thirty times a second at most, the last one always. */
  #point(point) {
    this.point = point;
    this.pointing ??= setTimeout(() => {
      this.pointing = undefined;
      this.line?.say({ point: this.point }, true);
    }, POINT_MS);
  }

  #film(name) {
    this.line?.say({ film: { name, frame: window.zscapeFilms.get(name) ?? null } }, true);
  }

  /** End the room for all. */
  finish() {
    return this.line?.say({ end: true }) ?? false;
  }

  leave() {
    this.end.abort();
    clearInterval(this.looking);
    clearTimeout(this.pointing);
    this.line?.close();
  }
}
