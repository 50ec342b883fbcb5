/** Who follows: shows what the leader says, unless looking around. */

import { addressOf, changed, isRunning } from "./address.js";
import { Line } from "./line.js";

const AROUND = "zscape-looks"; // of the tab: the code of the room that it does not follow for now
const BEGINS_MS = 150; // until a page that was turned to has begun to run …
const RESTS_MS = 1000; // … and how long it may say its address by itself, before it is run again
// Whether the leader's view is the one shown. Who asks anew while a class's pages begin doubles the work.
const LOOKS_AGAIN_MS = [1000, 1000, 2000, 4000, 6000];
const LOOKS = 3; // at what is shown
const TRIES = 3; // what cannot be shown here is not tried forever
const OF_PLANES = /^(layers|off|zoom)(-\w+)?$/; // what a page's script does not know

export class Follower {
  /** @param {{code: string}} data @param {URL} root */
  constructor({ code }, root) {
    Object.assign(this, { code, root, secret: "" });
    this.follows = sessionStorage.getItem(AROUND) !== code;
    this.change = () => {};
    /** @type {string | null} the leader's address */
    this.view = null;
    /** @type {Map<string, number | null>} the frames of films */
    this.films = new Map();
    this.end = new AbortController();
    addEventListener("zscape:answer", () => this.#tellAnswer(), { signal: this.end.signal });
    /** @type {string | null} the view that the page's script is to begin from, until it has */
    this.asked = null;
    this.begins = 0; // how often the script has begun from the leader's view
    this.looks = 0;
    /** @type {[number, string, string]} how often the script has begun so, and the last page and query */
    this.begun = [0, "", ""];
    this.line = new Line(code, root, {
      hello: () => ({ follow: this.follows }),
      hear: (name, value) => this.#hear(name, value),
      change: () => this.#turned(),
    });
  }

  #turned() {
    if (this.line?.state === "open") this.#tellAnswer();
    if (this.line?.state === "over") this.#point(null);
    this.change();
  }

  #hear(name, value) {
    if (name === "view") Object.assign(this, { view: value, begins: 0, looks: 0 });
    else if (name === "film") this.films.set(value.name, value.frame);
    else if (name === "point") this.point = value;
    if (!this.follows) return;
    if (name === "view") this.#go();
    else if (name === "selected") this.#select(value);
    else if (name === "film") this.#turn(value.name, value.frame);
    else if (name === "point") this.#point(value);
  }

  /** Leave what the leader shows. */
  lookAround() {
    this.follows = false;
    sessionStorage.setItem(AROUND, this.code);
    this.line.say({ follow: false });
    this.#point(null);
    this.change();
  }

  /** Come back to it. */
  follow() {
    this.follows = true;
    sessionStorage.removeItem(AROUND);
    this.line.say({ follow: true });
    this.looks = 0;
    if (this.view !== null) this.#go();
    for (const [name, frame] of this.films) this.#turn(name, frame);
    this.#point(this.point ?? null);
    this.change();
  }

  /**
   * Go to the leader's address. What planes alone know, and a plane's z, they take up themselves;
   * for all else Streamlit runs the page's script, as when the browser goes back to an address.
   */
  #go() {
    const address = addressOf(this.view, location, this.root);
    const samePage = address.pathname === location.pathname;
    clearTimeout(this.later);
    const passed = performance.now() - (this.turned ?? -Infinity);
    if (samePage && (passed < BEGINS_MS || (passed < RESTS_MS && isRunning()))) {
      this.later = setTimeout(() => this.follows && this.#go(), 50);
      return;
    }
    const names = changed(address.search, location.search);
    this.#lookLater();
    if (samePage && !names.length && this.asked === null) return;
    if (!samePage) this.turned = performance.now();
    history.replaceState(history.state, "", address);
    const detail = { samePage, z: names.includes("z") ? address.searchParams.get("z") : null };
    const told = new CustomEvent("zscape:follow", { detail, cancelable: true });
    dispatchEvent(told);
    const left = names.filter((name) => !OF_PLANES.test(name) && !(name === "z" && told.defaultPrevented));
    if (samePage && this.asked === null && (!left.length || this.#turnsStep(left, address))) return;
    this.#ask();
  }

  /** Whether a lesson turns by itself to the step, which is all that is left to show. */
  #turnsStep(left, address) {
    if (left.join() !== "step" || isRunning()) return false;
    const detail = Number(address.searchParams.get("step"));
    return !dispatchEvent(new CustomEvent("zscape:step", { detail, cancelable: true }));
  }

  /** A plane that takes up what the leader selected tells its script, which then says the address by itself. */
  #select(selected) {
    const event = new CustomEvent("zscape:select", { detail: selected, cancelable: true });
    if (!dispatchEvent(event)) this.turned = performance.now();
  }

  /** Streamlit is to run the script from the address as it is. */
  #ask() {
    this.asked = this.view;
    this.before = this.begun[0];
    dispatchEvent(new PopStateEvent("popstate", { state: history.state }));
  }

  /** The script says from which address it has begun last. @param {[number, string, string]} begun */
  hasBegun(begun) {
    this.begun = begun;
    const [run, page, query] = begun;
    if (this.asked === null || run === this.before) return;
    const address = addressOf(this.asked, location, this.root);
    const own = addressOf(`/${page}?${query}`, location, this.root);
    if (own.pathname !== address.pathname || changed(own.search, address.search).length) return;
    if (this.asked === this.view) this.begins += 1;
    this.asked = null;
  }

  /**
   * The leader's view is asked for until the script has begun from it: a busy server's run may end
   * before, a lost connection may swallow the word, a page on its way say an address of its own.
   */
  #lookAgain() {
    if (!this.follows || this.view === null) return;
    const address = addressOf(this.view, location, this.root);
    const names = changed(address.search, location.search).filter((name) => !OF_PLANES.test(name));
    const differs = names.length > 0 || address.pathname !== location.pathname;
    if (isRunning()) this.#lookLater();
    else if (this.asked !== null) this.#go();
    else if (differs && this.begins < TRIES) {
      this.asked = this.view; // not what planes alone can take up
      this.#go();
    } else if (this.looks < LOOKS) this.#lookLater();
  }

  #lookLater() {
    clearTimeout(this.looking);
    const wait = LOOKS_AGAIN_MS[Math.min(this.looks, LOOKS_AGAIN_MS.length - 1)];
    this.looking = setTimeout(() => this.#lookAgain(), wait);
    this.looks += 1;
  }

  #turn(name, frame) {
    const films = (window.zscapeFilms ??= new Map());
    if (frame === null) films.delete(name);
    else films.set(name, frame);
    dispatchEvent(new CustomEvent("zscape:film", { detail: name }));
  }

  /** Planes that are there hear of it, and those to come find it. */
  #point(point) {
    window.zscapeTaught = point;
    dispatchEvent(new CustomEvent("zscape:taught", { detail: point }));
  }

  /** What was chosen last, told again on a new line: who chooses twice counts once. */
  #tellAnswer() {
    if (window.zscapeAnswer) this.line?.say({ answer: window.zscapeAnswer });
  }

  leave() {
    this.end.abort();
    clearTimeout(this.later);
    clearTimeout(this.looking);
    this.#point(null);
    this.line.close();
  }
}
