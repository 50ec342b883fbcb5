const WHOLE = "A whole number is expected here, without comma or point.";
const ONE = "One comma or point is expected, before the decimals.";
const THREE = "Three digits are expected after each thousands sign.";
const POINT = /[.,·٫]/g;
const THOUSANDS = /['’٬ ]/g;
const GROUPED = /^[-+]?\d{1,3}(['’٬ ]\d{3})+([.,·٫]\d*)?$/;

/** @typedef {{word: string, before: string, last: string, groups: boolean}} Doubt */
/** @type {WeakMap<HTMLInputElement, Doubt>} What was typed after a sign that the field left out. */
const doubts = new WeakMap();
/** @type {WeakMap<HTMLInputElement, string>} What each field held before it was typed in. */
const held = new WeakMap();

const isNumber = (field) => field.matches?.("input[type=number]");

/** Whole numbers have whole steps; where others have them too, `decimals` in Python says so. */
function isWhole(field) {
  return Number.isInteger(Number(field.step)) && !field.closest("[class*=st-key-decimals-]");
}

/** A digit of any script as one of 0 to 9: each script has its ten in a row. */
function digit(character) {
  const code = character.codePointAt(0);
  let value = 0;
  while (value < 9 && /\p{Nd}/u.test(String.fromCodePoint(code - value - 1))) value++;
  return String(value);
}

function plain(text) {
  const narrow = text.normalize("NFKC").replaceAll("−", "-");
  return narrow.replace(/\p{Nd}/gu, digit);
}

function isRight(field, { before, groups }) {
  const rest = field.value.slice(before.length);
  return groups && !before.includes(".") && /^(\d{3}(\.\d*)?)?$/.test(rest);
}

function say(field, word) {
  field.setCustomValidity(word);
  if (word) setTimeout(() => field.reportValidity()); // it focuses: React would undo what is typed
}

function doubt(field, word, groups = false) {
  const known = doubts.get(field);
  if (!known || isRight(field, known)) {
    doubts.set(field, { word, before: field.value, last: field.value, groups });
  }
  if (!groups) say(field, doubts.get(field).word);
}

/** Signs and digits of all scripts become those that the field takes; of others it is spoken. */
function read(event) {
  const { target: field, data } = event;
  if (!isNumber(field) || !data) return;
  const typed = data.length > 1 ? plain(data).trim() : plain(data);
  const grouped = GROUPED.test(typed);
  const text = grouped ? typed.replace(THOUSANDS, "") : typed;
  const points = text.match(POINT)?.length ?? 0;
  if (text === data && !points && text.search(THOUSANDS) < 0) return;
  event.preventDefault();
  if (text.search(THOUSANDS) >= 0) return doubt(field, THREE, text.length === 1);
  if (points && isWhole(field)) return doubt(field, WHOLE);
  let taken = false;
  const take = () => (taken = true);
  field.addEventListener("input", take);
  if (points < 2) {
    document.execCommand("insertText", false, text.replace(POINT, ".")); // unlike a value set, Undo knows it
  }
  field.removeEventListener("input", take);
  if (!taken) doubt(field, ONE);
}

/** A doubt lasts while what is typed goes on from it: until it is deleted or replaced. */
function follow({ target: field, data }) {
  if (!isNumber(field)) return;
  const known = doubts.get(field);
  const { length } = field.value;
  const goesOn =
    known &&
    (data ? length === known.last.length + data.length : length > known.before.length);
  if (goesOn) known.last = field.value;
  else doubts.delete(field);
  say(field, goesOn && !isRight(field, known) ? known.word : "");
}

const isWrong = (field) => doubts.has(field) && !isRight(field, doubts.get(field));

/** No key hands on a number that is in doubt. */
function press(event) {
  const { target: field, key } = event;
  if (!isNumber(field) || !["Enter", "ArrowUp", "ArrowDown"].includes(key)) return;
  if (!isWrong(field)) return void (key === "Enter" && held.set(field, field.value));
  event.preventDefault();
  event.stopImmediatePropagation();
  field.reportValidity();
}

/** A field left in doubt holds again what it held; the page hears of leaving it only then. */
function leave(event) {
  const { target: field } = event;
  if (!isNumber(field)) return;
  const wrong = isWrong(field);
  const { word } = doubts.get(field) ?? {};
  doubts.delete(field);
  if (!wrong) return;
  event.stopImmediatePropagation();
  const { set } = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value");
  set.call(field, held.get(field) ?? field.defaultValue);
  field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  field.setCustomValidity(word);
  setTimeout(() => field.dispatchEvent(new FocusEvent("focusout", { bubbles: true })));
}

export default function () {
  const end = new AbortController();
  const options = { capture: true, signal: end.signal };
  addEventListener("beforeinput", read, options);
  addEventListener("input", follow, options);
  addEventListener("keydown", press, options);
  addEventListener("focusin", ({ target }) => isNumber(target) && held.set(target, target.value), options);
  addEventListener("focusout", leave, options);
  return () => end.abort();
}
