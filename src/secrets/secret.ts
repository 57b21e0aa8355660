import { inspect } from "node:util";

/**
 * A value that must not be seen. It prints as `[secret]` in strings, JSON and
 * `util.inspect`; only `reveal()` gives the text, and the caller keeps it no
 * longer than the call that needs it.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return "[secret]";
  }

  toJSON(): string {
    return "[secret]";
  }

  [inspect.custom](): string {
    return "[secret]";
  }
}
