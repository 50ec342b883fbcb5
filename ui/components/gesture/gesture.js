const REST_MS = 350; // keys that rest for longer have ended what they did, as on the latent plane

let lastKey = -Infinity;

/**
 * Tell Python when the hand takes a slider anew. A key that is held is one gesture, and so are
 * quick presses of keys.
 * @param {{setStateValue: (name: string, value: number) => void}} component
 */
export default function ({ setStateValue }) {
  const end = new AbortController();
  const listen = (kind, act) => addEventListener(kind, act, { capture: true, signal: end.signal });
  const onSlider = ({ target }) => target.closest("[data-testid=stSlider]");
  const begin = () => setStateValue("began", Date.now());
  // Before the slider itself hears of it: Python must know of the gesture when it hears of a step.
  listen("pointerdown", (event) => onSlider(event) && begin());
  listen("keydown", (event) => {
    if (!onSlider(event)) return;
    if (!event.repeat && event.timeStamp - lastKey > REST_MS) begin();
    lastKey = event.timeStamp; // of the press itself, however late a busy page hears of it
  });
  listen("keyup", ({ timeStamp }) => (lastKey = timeStamp));
  return () => end.abort();
}
