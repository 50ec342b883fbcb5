/** The thin bar at the foot of the page: which room this is, and what one can do. */

import { Leader } from "./leader.js";

const SURE_MS = 4000; // within which a second press ends the room

export class Bar {
  /** @param {HTMLElement} host */
  constructor(host) {
    this.host = host;
    this.shows = true; // the answers, once there are some
  }

  /** @param {Leader | import("./follower.js").Follower} part @param {() => void} over what there is to do when it is */
  show(part, over) {
    if (this.part && this.part !== part) this.part.change = () => {};
    Object.assign(this, { part, over });
    part.change = () => this.draw();
    this.draw();
  }

  draw() {
    const leads = this.part instanceof Leader;
    const parts = leads ? this.#leading() : this.#following();
    const focused = this.host.getRootNode().activeElement?.dataset.verb;
    const bar = make("div", { className: "bar", role: "region", ariaLabel: `Room ${this.part.code}` }, parts);
    bar.dataset.testid = "room";
    bar.classList.toggle("leads", leads);
    const answers = leads && this.shows ? this.#answers() : null;
    this.host.replaceChildren(...[answers, bar].filter(Boolean));
    if (focused) this.host.querySelector(`[data-verb="${focused}"]`)?.focus();
  }

  #following() {
    const { part } = this;
    const { state, reason } = part.line;
    const room = make("b", {}, [part.code]);
    if (state === "over") return [said("Room ", room, " has ended."), this.#verb("Close", this.over)];
    if (state !== "open") return [said(reason || "Looking for room ", ...(reason ? [] : [room, "…"]))];
    if (part.follows) return [said("Following room ", room), this.#verb("Look around", () => part.lookAround())];
    return [said("Looking around. Room ", room, " goes on."), this.#verb("Follow", () => part.follow())];
  }

  #leading() {
    const { part } = this;
    const room = make("b", {}, [part.code]);
    const state = part.line?.state ?? "moved";
    if (state === "over" || state === "refused") return [said("Room ", room, " has ended."), this.#verb("Close", this.over)];
    if (state === "moved")
      return [said("Room ", room, " is led from another tab."), this.#verb("Lead from here", () => part.lead())];
    if (state !== "open") return [said("Room ", room, ": connecting…")];
    const follow = part.followers ? `${part.followers} follow${part.followers === 1 ? "s" : ""}` : "nobody follows yet";
    return [
      said("Presenting in room ", room, ` · ${follow}`),
      part.answers.size ? this.#verb(this.shows ? "Hide answers" : "Answers", () => this.#toggle()) : "",
      this.sure ? this.#verb("End for all?", () => this.#end(), "End") : this.#verb("End", () => this.#ask()),
    ];
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
    if (!last) return null;
    const counts = Object.entries(last.counts);
    const all = counts.reduce((sum, [, n]) => sum + n, 0);
    const rows = counts.flatMap(([choice, n]) => [
      make("dt", {}, [choice]),
      make("dd", {}, [make("i", { style: `width: ${(100 * n) / all}%` }), String(n)]),
    ]);
    const panel = make("section", { className: "answers", ariaLabel: "Answers" }, [
      make("h3", {}, [`Step ${last.step}: ${all} answer${all === 1 ? "" : "s"}`]),
      make("dl", {}, rows),
    ]);
    panel.dataset.testid = "room-answers";
    return panel;
  }

  #verb(text, act, name = text) {
    const button = make("button", { type: "button", onclick: act }, [text]);
    button.dataset.verb = name;
    return button;
  }
}

function said(...parts) {
  return make("span", { className: "said", role: "status" }, parts);
}

/** @param {string} tag @param {Object} properties @param {(Node | string)[]} [children] */
function make(tag, properties, children = []) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}
