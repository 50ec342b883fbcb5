/**
 * Mouse, touch, pen and wheel as a few verbs. One finger or the left button presses, drags and
 * releases; two fingers, the middle button or Space move and zoom the view. A press upon a click is
 * `twice` and nothing else.
 *
 * The wheel zooms. But who scrolls the page until the plane comes under the pointer goes on
 * scrolling: the wheel is the plane's once the pointer has moved. Where `zoom` could not, and says
 * so, the page scrolls on.
 *
 * @typedef {{
 *   hover: (px: number, py: number, event: PointerEvent) => void,
 *   leave: () => void,
 *   press: (px: number, py: number, event: PointerEvent) => void,
 *   drag: (px: number, py: number, event: PointerEvent) => void,
 *   release: (px: number, py: number, event: PointerEvent) => void,
 *   cancel: () => void,
 *   pan: (dx: number, dy: number) => void,
 *   zoom: (factor: number, px: number, py: number) => boolean,
 *   twice: (px: number, py: number) => void,
 * }} Verbs
 */

export const TWICE_MS = 350; // between the two presses of a double click
const TWICE_PX = 12;
const MOVED_PX = 8;

/** @param {HTMLCanvasElement} canvas @param {Verbs} verbs @param {AbortSignal} signal */
export function listen(canvas, verbs, signal) {
  /** @type {Map<number, {x: number, y: number}>} */
  const down = new Map();
  /** @type {"none" | "drag" | "view"} */
  let doing = "none";
  let space = false;
  /** @type {{x: number, y: number, timeStamp: number} | null} the press of a click */
  let clicked = null;
  const on = (type, react, options = {}) =>
    canvas.addEventListener(type, react, { signal, ...options });
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  on("pointerdown", (event) => {
    if (event.button > 1) return;
    event.preventDefault();
    canvas.classList.add("pressed"); // no focus ring for a pointer
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    const at = place(event);
    const near = clicked && !down.size && apart(at, clicked) < TWICE_PX;
    if (near && event.timeStamp - clicked.timeStamp < TWICE_MS) {
      clicked = null;
      verbs.twice(at.x, at.y);
      return;
    }
    clicked = { ...at, timeStamp: event.timeStamp };
    down.set(event.pointerId, at);
    if (down.size > 1 || event.button === 1 || space) {
      if (doing === "drag") verbs.cancel();
      doing = "view";
      clicked = null;
    } else {
      doing = "drag";
      verbs.press(at.x, at.y, event);
    }
  });

  /** @type {PointerEvent | null} the movement that was followed ahead of this frame */
  let ahead = null;
  const follow = (event) => {
    const at = place(event);
    const before = down.get(event.pointerId);
    if (!before) {
      if (event.pointerType !== "touch" && doing === "none") verbs.hover(at.x, at.y, event);
      return;
    }
    if (clicked && apart(at, clicked) >= TWICE_PX) clicked = null;
    if (doing === "drag") verbs.drag(at.x, at.y, event);
    if (doing === "view") {
      const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
      if (other) {
        const [was, is] = [before, at].map((p) => apart(p, other));
        verbs.pan((at.x - before.x) / 2, (at.y - before.y) / 2);
        if (was > 0 && is > 0) verbs.zoom(is / was, (at.x + other.x) / 2, (at.y + other.y) / 2);
      } else {
        verbs.pan(at.x - before.x, at.y - before.y);
      }
    }
    down.set(event.pointerId, at);
  };
  on("pointermove", (event) => {
    const known = ahead?.pointerId === event.pointerId && ahead.timeStamp >= event.timeStamp;
    if (!known) follow(event);
  });
  // pointermove waits for the next frame; the first movement before it asks for its image already.
  on("pointerrawupdate", (event) => {
    if (ahead) return;
    ahead = event;
    follow(event);
    requestAnimationFrame(() => (ahead = null));
  });

  const lift = (event, finish) => {
    if (!down.delete(event.pointerId)) return;
    if (doing === "drag") finish(place(event));
    if (!down.size) doing = "none";
  };
  on("pointerup", (event) => lift(event, (at) => verbs.release(at.x, at.y, event)));
  on("pointercancel", (event) => lift(event, () => verbs.cancel()));
  // A finger that is lifted leaves what it pointed at in sight.
  on("pointerleave", (event) => event.pointerType !== "touch" && doing === "none" && verbs.leave());

  /** @type {{x: number, y: number} | null} where the pointer was while the page scrolled */
  let resting = null;
  const where = (event) => ({ x: event.clientX, y: event.clientY });
  const scrolls = (event) => {
    // What cannot be cancelled has scrolled the page already, before it arrived here.
    if (!event.cancelable || !event.composedPath().includes(canvas)) resting = where(event);
  };
  addEventListener("wheel", scrolls, { signal, capture: true, passive: true });
  on(
    "wheel",
    (event) => {
      if (resting && apart(where(event), resting) < MOVED_PX) return;
      resting = null;
      const at = place(event);
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
      // A trackpad's pinch arrives as small wheel steps with Ctrl.
      const speed = event.ctrlKey ? 0.01 : 0.0015;
      const zoomed = verbs.zoom(Math.exp(-event.deltaY * lines * speed), at.x, at.y);
      if (zoomed || event.ctrlKey) event.preventDefault();
    },
    { passive: false },
  );
  on("keydown", (event) => {
    canvas.classList.remove("pressed");
    if (event.key === " ") {
      space = true;
      event.preventDefault();
    }
    if (event.key === "Escape" && doing === "drag") {
      doing = "none";
      down.clear();
      verbs.cancel();
    }
  });
  on("keyup", (event) => {
    if (event.key === " ") space = false;
  });
  on("blur", () => {
    space = false;
    verbs.leave();
  });
}

function apart(p, q) {
  return Math.hypot(p.x - q.x, p.y - q.y);
}
