/** What Python and the visitor say of the same values, and whose word is news. */

const KEPT = 8;

export class Talk {
  constructor() {
    /** @type {Map<string, string>} what Python sent last, by name */
    this.heard = new Map();
    /** @type {Map<string, string[]>} what Python was told, so that its echo is known */
    this.told = new Map();
  }

  /**
   * Whether Python's value is news: neither what it sent before nor an echo of what it was told.
   * @param {string} name @param {unknown} value
   */
  news(name, value) {
    const text = JSON.stringify(value ?? null);
    const same = this.heard.get(name) === text;
    this.heard.set(name, text);
    if (same) return false;
    if (this.told.get(name)?.includes(text)) return false;
    this.told.delete(name);
    return true;
  }

  /** Remember what Python is told. @param {string} name @param {unknown} value */
  tell(name, value) {
    this.told.set(name, [...(this.told.get(name) ?? []), JSON.stringify(value)].slice(-KEPT));
  }
}
