const NUMBERS = "[data-testid=stSlider] :is([data-testid=stSliderThumbValue], [data-testid=stSliderTickBar]) p";
const MENU = "[data-testid=stSidebarNav] :is(ul, li):not([role])";
const WIDE = ".katex-display, pre, .st-key-lesson table";

/** At once, so that no hyphen is seen: what is changed here is looked at again, and is right. */
function writeMinus() {
  for (const place of document.querySelectorAll(NUMBERS)) {
    const text = place.firstChild; // React keeps it, and sets its data
    if (/^-\d/.test(text?.data)) text.data = text.data.replace("-", "−");
  }
}

/** Streamlit puts a div for each section between the list and its items. */
function endList() {
  for (const part of document.querySelectorAll(MENU)) part.setAttribute("role", "none");
}

function reachWide() {
  for (const part of document.querySelectorAll(WIDE)) {
    if (part.scrollWidth > part.clientWidth) part.setAttribute("tabindex", "0");
    else part.removeAttribute("tabindex");
  }
}

export default function () {
  let waiting = 0;
  const measure = () => {
    waiting ||= requestAnimationFrame(() => {
      waiting = 0;
      reachWide();
    });
  };
  const amend = () => {
    writeMinus();
    endList();
    measure();
  };
  const changes = new MutationObserver(amend);
  changes.observe(document.body, { childList: true, characterData: true, subtree: true });
  const sizes = new ResizeObserver(measure); // a fold that opens, a window that narrows
  sizes.observe(document.querySelector("[data-testid=stMainBlockContainer]") ?? document.body);
  amend();
  return () => {
    changes.disconnect();
    sizes.disconnect();
    cancelAnimationFrame(waiting);
  };
}
