/** @param {{data: [Object]}} component what a follower chose, for `assets/follower.js` */
export default function ({ data: [detail] }) {
  window.zscapeAnswer = detail;
  window.dispatchEvent(new CustomEvent("zscape:answer", { detail }));
}
