/** What can be done on the plane, in words, behind a button in its corner. */

import { element } from "./furniture.js";
import { hint } from "./hints.js";
import { CELL } from "./pixels.js";

const DRAGS = {
  cursor: [["Drag or click", "move z; the image follows"]],
  select: [
    ["Click", "select a point, with Ctrl one more"],
    ["Drag", "a lasso, with Shift a box"],
  ],
  stops: [
    ["Drag", "move a stop"],
    ["Click", "add a stop: on the way between two, elsewhere at the end"],
    ["Double click a stop", "remove it"],
  ],
};
const VIEW = [
  ["Wheel or pinch", "zoom, unless the page is scrolling; close up, points are images"],
  ["Two fingers, or Space and drag", "move the view"],
  ["Double click", "the whole view again"],
];
const KEYS = {
  cursor: [["Arrow keys", "move z, with Shift farther"]],
  select: [
    ["Arrow keys", "move z, with Shift farther"],
    ["Enter", "select the point nearest to z"],
  ],
  stops: [
    ["Arrow keys", "move the chosen stop, with Shift farther"],
    ["Page up, page down", "choose a stop"],
    ["Enter, Delete", "add a stop, remove the chosen one"],
  ],
};
const VIEW_KEYS = ["+  −  0", "zoom in, out, the whole view"];
const CROWDED = [["Very many points", `each is drawn at rest; while the view moves, counts in cells of ${CELL} pixels, in the mean of their colours`]];

export class Help {
  /** @param {import("./plane.js").LatentPlane} plane */
  constructor(plane) {
    this.plane = plane;
    this.button = element("button", { class: "chip", type: "button", "aria-expanded": false, "aria-label": "Help" }, ["?"]);
    hint(this.button, "What can be done here");
    this.panel = element("div", { class: "help", role: "note", hidden: "" });
    const { stage, corner } = plane.parts;
    corner.append(this.button);
    stage.append(this.panel);
    this.button.addEventListener("click", () => this.toggle());
    stage.addEventListener("keydown", ({ key }) => key === "Escape" && !this.panel.hidden && this.toggle());
    this.panel.addEventListener("click", () => this.toggle());
  }

  /** The words for what the page lets the pointer do. */
  show() {
    const { mode, plane } = this.plane.data;
    const does = plane ? mode : "select";
    const { coding, place = "on the server" } = this.plane.channel ?? {};
    const crowd = this.plane.points?.crowd ? CROWDED : [];
    if (this.shown === does + coding + place + crowd) return;
    this.shown = does + coding + place + crowd;
    const keys = plane ? [...KEYS[does], VIEW_KEYS] : [VIEW_KEYS];
    const where = coding ? `in this browser, weights as ${coding}` : place;
    const lines = [...DRAGS[does], ...VIEW, ...keys, ...crowd, ["Images", `decoded ${where}`]];
    this.panel.replaceChildren(
      element("dl", {}, lines.flatMap(([how, what]) => [element("dt", {}, [how]), element("dd", {}, [what])])),
    );
  }

  toggle() {
    this.panel.hidden = !this.panel.hidden;
    this.button.setAttribute("aria-expanded", String(!this.panel.hidden));
  }
}
