/** Who leads: says the address in view, where the pointer is on a plane, and the frame of a film. */

import { expectedOf, isPartOf, isRunning, pathOf, queryOf, viewOf, viewWith } from "./address.js";
import { Line } from "./line.js";

const LOOK_MS = 40; // how often the address is looked at
const WHOLE_MS = 100; // an address is said bit by bit, but is not waited for longer …
const PAGE_MS = 1000; // … and not longer than this while a page that was turned to begins …
const WRITES_MS = 4000; // … or its address lacks but what was said of it
const COMES_MS = 8000; // within which comes what was pressed
const PAGE_LINK = "a:is([data-testid^=stTopNav], [data-testid^=stSidebarNav], [data-testid^=stPageLink])";
const MODELS = ".st-key-model [aria-expanded=true]"; // the list of models, while it is open
const PASSING_MS = 30; // between two words on a pointer or a film
const MAX_VIEW = 30_000; // characters, as live/rooms/messages.py has it
const HERE = "zscape-leads"; // of the tab: the code of the room that it leads

export class Leader {
  /** @param {{code: string, secret: string, opened: boolean}} data opened: in this very session */
  constructor({ code, secret, opened }, root) {
    Object.assign(this, { code, secret, root });
    this.followers = 0;
    this.around = 0; // who look around for now
    /** @type {Map<string, {lesson: string, step: number, counts: Object<string, number>}>} the newest last */
    this.answers = new Map();
    this.change = () => {};
    /** @type {Line | null} none where another tab leads */
    this.line = null;
    this.end = new AbortController();
    const { signal } = this.end;
    /** @type {Map<string, string>} by path, the address that the page said last */
    this.pages = new Map();
    /** @type {((view: string) => boolean) | null} of what was pressed: whether this is the view before */
    this.awaits = null;
    /** @type {string[]} ids of models that are told by their names */
    this.models = [];
    /** @type {Map<string, Object>} what is about to be said in passing, the newest of each kind */
    this.passing = new Map();
    addEventListener("zscape:pointed", ({ detail }) => this.#pass("point", detail), { signal });
    addEventListener("zscape:film", ({ detail }) => this.#film(detail), { signal });
    // As soon as it is pressed: a page itself comes some 0.1 s later, a model or a lesson's step 0.2.
    addEventListener("click", (event) => this.#press(event), { signal, capture: true });
    addEventListener("zscape:turned", ({ detail }) => this.#turn("step", detail), { signal });
    addEventListener("zscape:selected", ({ detail }) => this.#select(detail), { signal });
    // As soon as a page is turned by other ways; a browser without it is looked at every 40 ms.
    window.navigation?.addEventListener("currententrychange", () => this.#turnPage(), { signal });
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
      this.awaits = null;
      this.looking = setInterval(() => this.#look(), LOOK_MS);
      this.#look();
      for (const name of window.zscapeFilms?.keys() ?? []) this.#film(name);
    }
    this.change();
  }

  #hear(name, value) {
    if (name === "followers") [this.followers, this.around] = value;
    else if (name === "answers") {
      const step = `${value.lesson} ${value.step}`;
      this.answers.delete(step);
      this.answers.set(step, value);
    }
    this.change();
  }

  /** @param {MouseEvent} event */
  #press(event) {
    const link = event.target.closest?.(PAGE_LINK);
    const elsewhere = event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
    if (link && !elsewhere && link.href.startsWith(this.root.href)) this.#pressLink(link);
    const option = document.querySelector(MODELS) && event.target.closest?.("[role=option]");
    if (option && this.models.includes(option.textContent)) this.#turn("model", option.textContent);
  }

  #pressLink(link) {
    const [from, to] = [location, link].map((address) => pathOf(viewOf(address, this.root)));
    if (this.#turnTo(viewOf(link, this.root))) this.awaits = to === from ? null : (view) => pathOf(view) === from;
  }

  /** Another model or step of a lesson, at once. @param {"model" | "step"} name @param {string | number} value */
  #turn(name, value) {
    const view = viewOf(location, this.root);
    const [path, query] = [pathOf(view), queryOf(view)];
    const before = query.get(name);
    query.set(name, value);
    if (this.said === null || path !== pathOf(this.said) || query.get(name) === before) return;
    if (name === "model") query.delete("z"); // where z lies in it is yet to come
    if (!this.#expect(viewWith(path, query))) return;
    this.awaits = (now) => pathOf(now) === path && queryOf(now).get(name) === before;
  }

  /** Whether what was pressed is yet to come. @param {string} view what the address says until it has */
  #waits(view) {
    if (!this.awaits) return false;
    if (this.awaits(view) && performance.now() - this.turned < COMES_MS) return true;
    this.awaits = null;
    this.turned = performance.now(); // by now it has come
    return false;
  }

  #turnPage() {
    const view = viewOf(location, this.root);
    if (!this.#waits(view)) this.#turnTo(view);
  }

  /** Of a page that is turned to, at once what its address will say: followers begin with it. */
  #turnTo(view) {
    if (this.said === null || pathOf(view) === pathOf(this.said)) return false;
    return this.#expect(expectedOf(view, this.said, this.pages.get(pathOf(view))));
  }

  /** Say what the address will say. @param {string} view */
  #expect(view) {
    if (view.length > MAX_VIEW || !this.line?.say({ view })) return false;
    this.said = view;
    this.turned = performance.now();
    return true;
  }

  /** Say the address once it rests, or has not rested for long enough. */
  #look() {
    this.#turnPage();
    const view = viewOf(location, this.root);
    if (this.awaits || view === this.said || view.length > MAX_VIEW) return;
    const now = performance.now();
    if (now - this.turned < PAGE_MS && isRunning()) return;
    if (this.said !== null && now - this.turned < WRITES_MS && isPartOf(view, this.said)) return;
    const rests = view === this.seen;
    if (!rests) this.since ??= now;
    this.seen = view;
    if (!rests && now - this.since < WHOLE_MS) return;
    this.since = undefined;
    if (!this.line.say({ view })) return;
    this.said = view;
    this.pages.set(pathOf(view), view);
  }

  #film(name) {
    this.#pass("film", { name, frame: window.zscapeFilms.get(name) ?? null });
  }

  /** What a plane's visitor selected; of more than fit, the address names the first. */
  #select(selected) {
    if (JSON.stringify(selected).length <= MAX_VIEW) this.line?.say({ selected });
  }

  /** Some thirty times a second at most, the last one always. */
  #pass(kind, value) {
    this.passing.set(kind, value);
    this.passes ??= setTimeout(() => {
      this.passes = undefined;
      this.passed = performance.now();
      for (const [name, newest] of this.passing) this.line?.say({ [name]: newest }, true);
      this.passing.clear();
    }, Math.max(0, (this.passed ?? 0) + PASSING_MS - performance.now()));
  }

  /** End the room for all. */
  finish() {
    return this.line?.say({ end: true }) ?? false;
  }

  leave() {
    this.end.abort();
    clearInterval(this.looking);
    clearTimeout(this.passes);
    this.line?.close();
  }
}
