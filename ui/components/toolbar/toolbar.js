const SAID_MS = 2000; // how long "Copied" stays

const page = document.documentElement;
/** @type {AbortController | undefined} ends what the toolbar of the page before listens to */
let before;

/** What the address says at first holds in this tab until it is changed. */
function isPresented() {
  page.dataset.present ??= String(new URLSearchParams(location.search).get("present") === "true");
  return page.dataset.present === "true";
}

/** @param {boolean} on */
function present(on) {
  page.dataset.present = String(on);
  dispatchEvent(new CustomEvent("zscape:say", { detail: { present: on ? "true" : null } }));
  dispatchEvent(new Event("resize")); // for figures that lay themselves out by the window's size
}

/** Keys that are typed into something are none of the page's. @param {KeyboardEvent} event */
function isTyped(event) {
  const [target] = event.composedPath();
  return target.isContentEditable || /^(input|textarea|select)$/i.test(target.localName ?? "");
}

/** @param {string} text */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copyOldWay(text); // over plain HTTP browsers have no clipboard but this
  }
}

function copyOldWay(text) {
  const area = Object.assign(document.createElement("textarea"), { value: text });
  area.style.cssText = "position:fixed;opacity:0";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("The browser copies nothing for a page.");
}

/** @param {{parentElement: ShadowRoot}} component */
export default function ({ parentElement }) {
  const end = new AbortController();
  before?.abort(); // a turned page is an update, which takes no leave
  before = end;
  const ground = getComputedStyle(parentElement.host).getPropertyValue("--st-background-color");
  page.style.setProperty("--page-background", ground); // what sticks to the page's top needs one
  const [share, switchOn] = parentElement.querySelectorAll("button");
  const said = share.querySelector("span");
  let timer;
  const say = (text) => {
    said.textContent = text;
    share.classList.toggle("says", text !== "Share");
  };
  const show = () => {
    const on = isPresented();
    switchOn.setAttribute("aria-pressed", String(on));
    switchOn.title = on ? "Back from presentation (P)" : "Presentation mode: larger, without the sidebar (P)";
  };
  const turn = () => {
    present(!isPresented());
    show();
  };
  share.onclick = async () => {
    say(await copy(location.href).then(() => "Copied", () => "Not copied"));
    clearTimeout(timer);
    timer = setTimeout(say, SAID_MS, "Share");
  };
  switchOn.onclick = turn;
  const press = (event) => {
    const { key, ctrlKey, metaKey, altKey, repeat, defaultPrevented } = event;
    if (key?.toLowerCase() !== "p" || ctrlKey || metaKey || altKey || repeat || defaultPrevented) return;
    if (!isTyped(event)) turn();
  };
  addEventListener("keydown", press, { signal: end.signal });
  if (isPresented()) present(true); // a page that was turned to has an address of its own
  show();
  return () => {
    end.abort();
    clearTimeout(timer);
  };
}
