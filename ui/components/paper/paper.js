const PAPER_PX = 690; // across A4 and Letter between their margins

/** A page is printed as wide as it is on the screen, made smaller: what CSS alone cannot know. */
export default function () {
  const end = new AbortController();
  const { style } = document.documentElement;
  const listen = (kind, act) => addEventListener(kind, act, { signal: end.signal });
  listen("beforeprint", () => {
    const main = document.querySelector("[data-testid=stMainBlockContainer]");
    const { paddingLeft, paddingRight } = getComputedStyle(main);
    const width = main.clientWidth - Number.parseFloat(paddingLeft) - Number.parseFloat(paddingRight);
    style.setProperty("--printed-width", `${width}px`);
    style.setProperty("--printed-zoom", Math.min(PAPER_PX / width, 1));
  });
  listen("afterprint", () => {
    style.removeProperty("--printed-width");
    style.removeProperty("--printed-zoom");
  });
  return () => end.abort();
}
