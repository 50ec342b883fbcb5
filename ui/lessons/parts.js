/**
 * The parts of a lesson that the browser makes: all texts are set as text, none as markup. What was
 * done is kept here, in this browser's storage, and nowhere else.
 *
 * @typedef {{seen: number[], right: number[]}} Done steps, the first is 1
 */

const STORE = "zscape-lessons";
const KEPT = ["hide", "room", "present", "embed", "embed_options"]; // of the address, wherever a link leads
const NARROW = 1200; // pixels: beside a lesson there is then no room for the sidebar

const script = document.querySelector('script[type="module"][src*="/static/js/"]');
const root = script ? new URL("../../", script.src) : new URL("/", location.href);

/** @returns {Object<string, Done>} by lesson; what is not as written here counts as nothing */
function allDone() {
  try {
    const read = JSON.parse(localStorage.getItem(STORE) ?? "{}");
    return Object.fromEntries(Object.entries(read).filter(([, done]) => isDone(done)));
  } catch {
    return {}; // torn, or a browser that keeps nothing
  }
}

const isDone = (done) =>
  [done?.seen, done?.right].every((steps) => Array.isArray(steps) && steps.every(Number.isInteger));

/** @param {string} name @returns {Done} */
const doneOf = (name) => allDone()[name] ?? { seen: [], right: [] };

/** @param {string} name @param {number} step @param {number[]} right */
function note(name, step, right) {
  const { seen, right: before } = doneOf(name);
  const union = (a, b) => [...new Set([...a, ...b])].sort((i, j) => i - j);
  const done = { seen: union(seen, [step]), right: union(before, right) };
  try {
    localStorage.setItem(STORE, JSON.stringify({ ...allDone(), [name]: done }));
  } catch {} // full, or forbidden: the lesson goes on without
  dispatchEvent(new Event("zscape:lessons"));
}

/** @param {Done} done @param {boolean[]} tasks of each step, whether it has one @returns {boolean[]} */
function stepsDone({ seen, right }, tasks) {
  return tasks.map((task, i) => (task ? right : seen).includes(i + 1));
}

/** @param {string} tag @param {Object} [set] @param {(Node | string)[]} [inside] */
function element(tag, set = {}, inside = []) {
  const { label, ...rest } = set;
  const made = Object.assign(document.createElement(tag), rest);
  if (label) made.setAttribute("aria-label", label);
  made.append(...inside);
  return made;
}

const icon = (name) => {
  const made = element("span", { className: "icon" }, [name]);
  made.ariaHidden = "true";
  return made;
};

/** An address below the app's root, with what stays of the present one. @param {string} address */
function whole(address) {
  const url = new URL(address, root);
  const now = new URLSearchParams(location.search);
  for (const name of KEPT) if (now.has(name)) url.searchParams.set(name, now.get(name));
  if (now.has("model") && !url.searchParams.has("model")) {
    url.searchParams.set("model", now.get("model"));
  }
  url.search = url.search.replace(/%(2C|3A|3B)/g, decodeURIComponent);
  return url.href;
}

/** A link that turns the page as the browser's way back does: nothing is loaded anew. */
function link(className, address, inside) {
  const made = element("a", { className, href: whole(address), target: "_self" }, inside);
  made.onclick = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return; // to another tab
    event.preventDefault();
    history.pushState(history.state, "", whole(address));
    dispatchEvent(new PopStateEvent("popstate", { state: history.state }));
    arrive(made.hash.slice(1));
  };
  return made;
}

/** Whether the lesson is a sheet that covers the lower part of the page, as column.css has it. */
const isSheet = () => matchMedia("(max-width: 640px)").matches;

/** What a page is about: below a sheet its plane would else be. @returns {Element | undefined} */
const plane = () =>
  [...document.querySelectorAll("[data-testid=stMain] [data-testid^=stBidiComponent]")].find((each) =>
    [each, ...each.querySelectorAll("*")].some((e) => e.shadowRoot?.querySelector("[data-testid=latent-plane]")),
  );

let arriving = new AbortController();

/**
 * Show the part of the page below this heading or of this key, or above a sheet its plane, as soon as
 * the page is there; until the visitor touches it, it stays in view while figures above it find their
 * height.
 * @param {string} anchor
 */
function arrive(anchor) {
  arriving.abort();
  if (!anchor) document.querySelector("[data-testid=stMain]")?.scrollTo(0, 0); // where a part was before
  if (!anchor && !isSheet()) return;
  let looks = 200;
  const touched = (arriving = new AbortController());
  const timer = setInterval(() => {
    const rests = document.querySelector("[data-testid=stApp][data-test-script-state=notRunning]");
    const name = CSS.escape(anchor);
    const named = rests && name ? [...document.querySelectorAll(`#${name}, .st-key-${name}`)] : [];
    const heading = named.find((each) => !each.closest(".st-key-lesson")); // nor a step's own
    const part = rests && !anchor ? plane() : heading;
    part?.scrollIntoView();
    if (part) looks = Math.min(looks, 50);
    if (--looks < 0) touched.abort();
  }, 100);
  touched.signal.addEventListener("abort", () => clearInterval(timer));
  for (const touch of ["wheel", "pointerdown", "keydown"]) {
    addEventListener(touch, () => touched.abort(), { capture: true, passive: true, signal: touched.signal });
  }
}

/**
 * With a lesson the address leads, there and back (`begin_where_led`): so it does for planes. They
 * hear of it before Streamlit, which else would run the page for them once more.
 */
if (!window.zscapeLessonLeads) {
  window.zscapeLessonLeads = true;
  let page = location.pathname;
  const follow = () => {
    const detail = { samePage: true, z: null };
    if (new URLSearchParams(location.search).has("lesson")) {
      dispatchEvent(new CustomEvent("zscape:follow", { detail }));
      if (location.pathname !== page && isSheet()) arrive(location.hash.slice(1));
    }
    page = location.pathname;
  };
  addEventListener("popstate", follow, { capture: true });
}

/** Whether the keyboard was last in a lesson's column. */
let inColumn = false;
addEventListener("focusin", ({ target }) => (inColumn = Boolean(target.closest?.(".st-key-lesson"))), true);

/** Where a step turned takes away the button that was pressed, the keyboard goes on at its heading. */
function keepFocus(column) {
  let looks = inColumn ? 20 : 0;
  const timer = setInterval(() => {
    if (--looks < 0) clearInterval(timer);
    else if (document.activeElement === document.body) {
      const heading = column.querySelector(".st-key-lesson-step h2");
      heading?.setAttribute("tabindex", "-1");
      heading?.focus({ preventScroll: true });
    }
  }, 100);
}

/** Of a sheet: whether it shows its title alone, whatever page it stands on; whether one was here. */
let isFolded = false;
let wasHere = false;

const SAID_MS = 10_000; // within which an answer is judged

/** What is said of an answer comes into view: the column may be full of what was asked. */
function showSaid() {
  const column = document.querySelector(".st-key-lesson");
  const show = () => {
    column.querySelector(".st-key-lesson-task [data-testid=stAlert]")?.scrollIntoView({ block: "nearest" });
  };
  const watch = new MutationObserver(show);
  watch.observe(column, { childList: true, subtree: true, characterData: true });
  setTimeout(() => watch.disconnect(), SAID_MS);
}
/** The step of the lesson in view. */
let stepShown = 1;
/** Listens to who leads the room that this visitor follows. */
let led = new AbortController();

/** Who leads a room (`ui/components/room`) says so before the step has come. @param {number} step */
const tellTurned = (step) => dispatchEvent(new CustomEvent("zscape:turned", { detail: step }));

const pressed = ({ target }) => {
  if (target.closest?.(".st-key-lesson-task button")) showSaid();
  if (target.closest?.(".st-key-lesson-back button")) tellTurned(stepShown - 1);
  if (target.closest?.(".st-key-lesson-next button")) tellTurned(stepShown + 1);
};
addEventListener("click", pressed, { capture: true });

const parts = {
  /** @param {HTMLElement} place */
  bar(place, { name, title, step, tasks, right }, tell) {
    note(name, step, right);
    const done = stepsDone(doneOf(name), tasks);
    const column = place.closest(".st-key-lesson");
    column?.setAttribute("role", "complementary");
    column?.setAttribute("aria-label", "Lesson");
    const ground = getComputedStyle(place).getPropertyValue("--st-background-color");
    column?.style.setProperty("--lesson-ground", ground);
    const fold = element("button", { className: "fold", label: "Fold the lesson" });
    const folded = (now) => {
      isFolded = now;
      column?.classList.toggle("folded", now);
      fold.ariaExpanded = String(!now);
      fold.replaceChildren(icon(now ? "expand_less" : "expand_more"));
    };
    folded(isFolded);
    fold.onclick = () => folded(!isFolded);
    const close = element("button", { label: "Close the lesson", title: "Close" }, [icon("close")]);
    close.onclick = () => tell("closed", Date.now());
    const turn = (value) => tell("step", { value, at: Date.now() });
    stepShown = step;
    led.abort();
    led = new AbortController();
    addEventListener(
      "zscape:step",
      (event) => {
        if (!place.isConnected || !(event.detail - 1 in tasks)) return;
        event.preventDefault();
        turn(event.detail);
      },
      { signal: led.signal },
    );
    const steps = tasks.map((_, i) => {
      const label = `Step ${i + 1}${done[i] ? ", done" : ""}`;
      const button = element("button", { label, title: label });
      button.className = done[i] ? "done" : "";
      if (i + 1 === step) button.ariaCurrent = "step";
      button.onclick = () => {
        tellTurned(i + 1);
        turn(i + 1);
      };
      return element("li", {}, [button]);
    });
    place.replaceChildren(
      element("header", {}, [element("strong", {}, [title]), fold, close]),
      element("div", { className: "steps" }, [
        element("span", {}, [`Step ${step} of ${tasks.length}`]),
        element("ol", {}, steps),
      ]),
    );
    makeRoom();
    if (!wasHere && (isSheet() || location.hash)) arrive(location.hash.slice(1));
    wasHere = true;
    if (place.dataset.shown === `${name} ${step}`) return;
    place.dataset.shown = `${name} ${step}`;
    keepFocus(column);
    const scroller = column?.querySelector(".st-key-lesson-step")?.parentElement;
    scroller?.scrollTo(0, 0); // another step begins at its beginning
  },

  /** @param {HTMLElement} place */
  look(place, { label, address }) {
    const inside = [icon("visibility"), element("span", {}, [label])];
    place.replaceChildren(link("look", address, inside));
  },

  /** @param {HTMLElement} place */
  list(place, { lessons }) {
    const rows = lessons.map(({ name, title, minutes, topics, needs, tasks, addresses }) => {
      const kept = doneOf(name);
      const done = stepsDone(kept, tasks);
      const count = done.filter(Boolean).length;
      const begun = kept.seen.length > 0;
      const all = count === tasks.length;
      const next = all ? 1 : Math.max(1, done.indexOf(false) + 1);
      const word = all ? "Read again" : begun ? "Go on" : "Begin";
      const go = link("go", addresses[next - 1], [word]);
      go.setAttribute("aria-label", `${word}: ${title}`);
      const about = [`${minutes} min`, `${tasks.length} steps`];
      if (topics.length) about.push(topics.join(", "));
      const text = [element("h2", {}, [title]), element("p", {}, [about.join(" · ")])];
      if (needs.length) text.push(element("p", { className: "needs" }, [`After: ${needs.join(", ")}`]));
      const bar = element("progress", { max: tasks.length, value: count });
      bar.setAttribute("aria-label", `Done: ${count} of ${tasks.length} steps`);
      const told = element("span", {}, [all ? "done" : `${count} of ${tasks.length} done`]);
      return element("li", {}, [
        element("div", { className: "text" }, text),
        element("div", { className: "way" }, [bar, told]),
        go,
      ]);
    });
    const forget = element("button", { className: "forget" }, ["Forget what I have done"]);
    forget.hidden = !Object.keys(allDone()).length;
    forget.onclick = () => {
      localStorage.removeItem(STORE);
      parts.list(place, { lessons });
    };
    place.replaceChildren(
      element("ul", { className: "lessons" }, rows),
      element("p", { className: "kept" }, ["What you have done is kept in this browser alone. ", forget]),
    );
  },
};

/**
 * Where the page is narrow the sidebar makes room, once: until it is folded projected.css hides it, so
 * that nobody sees it fold. Who opens it again has it.
 */
function makeRoom() {
  const { dataset } = document.documentElement;
  if ("room" in dataset) return;
  dataset.room = "";
  const fold = () => {
    const sidebar = document.querySelector("[data-testid=stSidebar]");
    const opened = sidebar?.dataset.collapsed === "false" && innerWidth < NARROW;
    if (opened) sidebar.querySelector("[data-testid=stSidebarCollapseButton] button")?.click();
    else if (sidebar) dataset.room = "made";
    return dataset.room;
  };
  if (fold()) return;
  const watch = new MutationObserver(() => fold() && watch.disconnect());
  watch.observe(document.body, { childList: true, subtree: true, attributeFilter: ["data-collapsed"] });
}

/** @param {{data: any[], parentElement: HTMLElement, setTriggerValue: (name: string, value: any) => void}} component */
export default function ({ data: [data], parentElement, setTriggerValue }) {
  const place = parentElement.querySelector(".lesson-part");
  const show = () => parts[data.part](place, data, setTriggerValue);
  show();
  if (data.part !== "list") return undefined;
  addEventListener("zscape:lessons", show); // a step beside the list
  return () => removeEventListener("zscape:lessons", show);
}
