/** The thin bar at the foot of the page: which room this is, and what one can do. */

import { Leader } from "./leader.js";

const SURE_MS = 4000; // within which a second press ends the room

export class Bar {
  /** @param {HTMLElement} host */
  constructor(host) {
    this.host = host;
    /** @type {[string, () => void][] | null} the buttons, as they stand */
    this.verbs = null;
    this.shows = true; // the answers, once there are some
    const said = make("span", { className: "said", role: "status" });
    const verbs = make("span", { className: "verbs" });
    const bar = make("div", { className: "bar", role: "region" }, [said, verbs]);
    const answers = make("section", { className: "answers", ariaLabel: "Answers", hidden: true });
    bar.dataset.testid = "room";
    answers.dataset.testid = "room-answers";
    host.replaceChildren(answers, bar);
    // What else stands at the foot of the page stands above it; gone from the page, it is 0 high.
    new ResizeObserver(() => document.documentElement.style.setProperty("--room-bar", `${bar.offsetHeight}px`)).observe(bar);
    this.root = { said, verbs, bar, answers };
  }

  /** @param {Leader | import("./follower.js").Follower} part @param {() => void} over what there is to do when it is */
  show(part, over) {
    if (this.part !== part) {
      if (this.part) this.part.change = () => {};
      this.verbs = null;
    }
    Object.assign(this, { part, over });
    part.change = () => this.draw();
    this.draw();
  }

  draw() {
    const { part, root } = this;
    const leads = part instanceof Leader;
    const { says, verbs } = leads ? this.#leading() : this.#following();
    root.bar.ariaLabel = `Room ${part.code}`;
    root.bar.classList.toggle("leads", leads);
    root.said.replaceChildren(...says);
    // A button under a press stays where it is while the count beside it changes.
    if (verbs.map(([text]) => text).join() !== this.verbs?.map(([text]) => text).join()) {
      const names = verbs.map(([text, act]) => make("button", { type: "button", onclick: act }, [text]));
      const focused = [...root.verbs.children].indexOf(this.host.getRootNode().activeElement);
      root.verbs.replaceChildren(...names);
      if (focused >= 0) names[Math.min(focused, names.length - 1)]?.focus();
    }
    this.verbs = verbs;
    root.answers.hidden = !(leads && this.shows && part.answers.size);
    if (!root.answers.hidden) root.answers.replaceChildren(...this.#answers());
  }

  #following() {
    const { part, room } = this;
    const { state, reason } = part.line;
    if (state === "over") return { says: ["Room ", room, " has ended."], verbs: [["Close", () => this.over()]] };
    if (state !== "open") return { says: reason ? [reason] : ["Looking for room ", room, "…"], verbs: [] };
    return part.follows
      ? { says: ["Following room ", room], verbs: [["Look around", () => part.lookAround()]] }
      : { says: ["Looking around. Room ", room, " goes on."], verbs: [["Follow", () => part.follow()]] };
  }

  #leading() {
    const { part, room } = this;
    const state = part.line?.state ?? "moved";
    if (state === "over" || state === "refused")
      return { says: ["Room ", room, " has ended."], verbs: [["Close", () => this.over()]] };
    if (state === "moved")
      return { says: ["Room ", room, " is not led from this tab."], verbs: [["Lead from here", () => part.lead()]] };
    if (state !== "open") return { says: ["Room ", room, ": connecting…"], verbs: [] };
    const { followers, around, answers } = part;
    const count = (n, verb) => `${n} ${verb}${n === 1 ? "s" : ""}`;
    const away = around ? `, ${count(around, "look")} around` : "";
    const follow = followers || around ? count(followers, "follow") + away : "nobody follows yet";
    const end = this.sure ? ["End for all?", () => this.#end()] : ["End", () => this.#ask()];
    const show = [this.shows ? "Hide answers" : "Answers", () => this.#toggle()];
    return { says: ["Leading room ", room, ` · ${follow}`], verbs: answers.size ? [show, end] : [end] };
  }

  get room() {
    return make("b", {}, [this.part.code]);
  }

  #toggle() {
    this.shows = !this.shows;
    this.draw();
  }

  #ask() {
    this.sure = true;
    setTimeout(() => {
      this.sure = false;
      this.draw();
    }, SURE_MS);
    this.draw();
  }

  #end() {
    this.sure = false;
    if (!this.part.finish()) this.over();
  }

  /** Bars of what was chosen at the step that was answered last. */
  #answers() {
    const last = [...this.part.answers.values()].at(-1);
    const counts = Object.entries(last.counts);
    const all = counts.reduce((sum, [, n]) => sum + n, 0);
    const rows = counts.flatMap(([choice, n]) => [
      make("dt", {}, [choice]),
      make("dd", {}, [make("i", { style: `width: ${(80 * n) / all}%` }), String(n)]),
    ]);
    return [make("h2", {}, [`Step ${last.step}: ${all} answer${all === 1 ? "" : "s"}`]), make("dl", {}, rows)];
  }
}

/** @param {string} tag @param {Object} properties @param {(Node | string)[]} [children] */
function make(tag, properties, children = []) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}
