/** Keeps the values that were used last. */
export class Cache<T> {
  /** In the order of their use, the last one at the end. */
  readonly #entries = new Map<string, T>();
  readonly #most: number;

  constructor(most = 128) {
    this.#most = most;
  }

  get(key: string): T | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.set(key, value);
    return value;
  }

  set(key: string, value: T): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#most) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      break;
    }
  }
}
