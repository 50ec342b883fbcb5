const WHOLE = "A whole number is expected here, without comma or point.";
const ONE = "One comma or point is expected, before the decimals.";

/** Whole numbers have whole steps; where others have them too, `decimals` in Python says so. */
function isWhole(field) {
  return Number.isInteger(Number(field.step)) && !field.closest("[class*=st-key-decimals-]");
}

/** A comma becomes the point that the field takes; what it would drop is spoken of. */
function read(event) {
  const { target: field, data } = event;
  if (!field.matches("input[type=number]") || !/[.,]/.test(data ?? "")) return;
  event.preventDefault();
  const whole = isWhole(field);
  let taken = false;
  const take = () => (taken = true);
  field.addEventListener("input", take);
  if (!whole && data.match(/[.,]/g).length === 1) {
    document.execCommand("insertText", false, data.replace(",", ".")); // unlike a value set, Undo knows it
  }
  field.removeEventListener("input", take);
  if (!taken) field.setCustomValidity(whole ? WHOLE : ONE);
  if (!taken) field.reportValidity();
}

export default function () {
  const end = new AbortController();
  const { signal } = end;
  addEventListener("beforeinput", read, { capture: true, signal });
  addEventListener("focusout", ({ target }) => target.setCustomValidity?.(""), { signal });
  return () => end.abort();
}
