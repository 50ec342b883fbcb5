import { element } from "../../components/latent_plane/assets/furniture.js";

/**
 * Buttons of which one is pressed, the first to begin with.
 * @param {string} label of all of them @param {string[]} texts
 * @param {(k: number) => void} choose called when the visitor presses one
 */
export function choice(label, texts, choose) {
  const buttons = texts.map((text, k) => {
    const button = element("button", { type: "button", "aria-pressed": k === 0 }, [text]);
    button.addEventListener("click", () => {
      press(group, k);
      choose(k);
    });
    return button;
  });
  const group = element("div", { class: "choice", role: "group", "aria-label": label }, buttons);
  return group;
}

/** @param {HTMLElement} group of buttons @param {number} k the one that is pressed now */
export function press(group, k) {
  [...group.children].forEach((button, i) => button.setAttribute("aria-pressed", String(i === k)));
}
