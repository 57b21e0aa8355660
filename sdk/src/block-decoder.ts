/**
 * UTF-8 that comes in pieces, decoded a block at a time: streams come in hundreds of small
 * pieces, and decoding each would cost more than all else that is done with them. The
 * bytes are copied, because whoever reads them may change them or give them away.
 */
const blockBytes = 16 * 1024;
const smallBytes = 2 * 1024;

/** Blocks of streams that have ended: new ones for each would give the garbage collector most of the work. */
const free: Uint8Array[] = [];
const mostFree = 16;

export class BlockDecoder {
  readonly #decoder = new TextDecoder();
  #block: Uint8Array | undefined;
  #size = 0;

  /** Text whose time has come: none for most small pieces. */
  push(bytes: Uint8Array): string {
    // Other implementations of fetch give other things: the decoder says which it cannot read.
    if (bytes.length > smallBytes || !(bytes instanceof Uint8Array)) {
      return this.end() + this.#decoder.decode(bytes, { stream: true });
    }
    const text = this.#size + bytes.length > blockBytes ? this.end() : "";
    this.#block ??= free.pop() ?? new Uint8Array(blockBytes);
    this.#block.set(bytes, this.#size);
    this.#size += bytes.length;
    return text;
  }

  /** What is left, without half a character. */
  end(): string {
    if (this.#block === undefined) return "";
    const text = this.#decoder.decode(this.#block.subarray(0, this.#size), { stream: true });
    if (free.length < mostFree) free.push(this.#block);
    this.#block = undefined;
    this.#size = 0;
    return text;
  }
}
