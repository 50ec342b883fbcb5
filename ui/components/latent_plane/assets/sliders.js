/**
 * Follow the page's sliders while they move: Streamlit itself tells of them when they are let go.
 * @param {() => string[]} labels of the sliders, one a latent dimension
 * @param {(dim: number, value: number) => void} moved
 * @param {AbortSignal} signal
 */
export function followSliders(labels, moved, signal) {
  const observer = new MutationObserver((records) => {
    for (const { target } of records) {
      const dim = labels().indexOf(target.getAttribute("aria-label"));
      // The one in use has the focus; others are only set to where Python says.
      if (dim >= 0 && target === document.activeElement) moved(dim, Number.parseFloat(target.getAttribute("aria-valuetext")));
    }
  });
  observer.observe(document.body, { subtree: true, attributes: true, attributeFilter: ["aria-valuetext"] });
  signal.addEventListener("abort", () => observer.disconnect());
}
