/** What the plane's chips are for, in words: under the chip at a hover or a focus, and to screen readers. */

/** @param {HTMLElement} chip @param {string | undefined} text */
export function hint(chip, text) {
  if (!text) return;
  chip.dataset.hint = text;
  chip.setAttribute("aria-description", text);
}

/** By layer. @param {{heat?: {name: string}, points?: {covariance?: boolean}}} data as Python sent it */
export function layerHints({ heat, points }) {
  return {
    heat: `Heat map: ${heat?.name}`,
    manifold: "What the decoder draws at each place, behind the points",
    rings: "The prior N(0, I) at 1 and 2 σ",
    density: points?.covariance
      ? "Where the encoded images have mass: the mean of q(z|x) of the points shown"
      : "Where the points shown are dense",
    posteriors: "Ellipses of q(z|x) at 1 and 2 σ, of points that are selected or under the pointer",
    fog: "Hides where no data lie, or where a decoded image is encoded far from its z",
    regions: "To which class a classifier, learned from the points, gives each place",
    entropy: "How unsure that classifier is at each place, in nats",
    "by-images": "Classes are told of the decoded images, not of the codes",
  };
}

export const CLASS_HINT = "Shows this class or hides it";
