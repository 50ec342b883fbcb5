/** What Python and the visitor say of the same values, and whose word is news. */

export class Talk {
  constructor() {
    /** @type {Map<string, {text: string, at?: number}>} the last word on each value, and when Python was told of it last */
    this.last = new Map();
  }

  /**
   * Whether Python's value is news: another than the last word, and said in knowledge of all that
   * Python was told. The visitor may be ahead of a rerun, and of some that are skipped.
   * @param {string} name @param {unknown} value
   * @param {number} [at] the moment of the latest word of the visitor's that Python knows
   */
  news(name, value, at) {
    const text = JSON.stringify(value ?? null);
    const last = this.last.get(name);
    if (last && ((last.at ?? at) !== at || last.text === text)) return false;
    this.last.set(name, { text, at });
    return true;
  }

  /** Remember what Python is told. @param {string} name @param {unknown} value @param {number} at */
  tell(name, value, at) {
    this.last.set(name, { text: JSON.stringify(value), at });
  }

  /** Remember what another part of the page moves, of which it tells Python itself. @param {string} name @param {unknown} value */
  moved(name, value) {
    this.last.set(name, { ...this.last.get(name), text: JSON.stringify(value) });
  }
}
