/** A stream that is watched while somebody reads it. */

export type Eyes<Chunk> = {
  /** Asked once, before the first chunk: false lets this reading pass unseen. */
  claim(): boolean;
  chunk(chunk: Chunk): void;
  end(): void;
  cut(): void;
};

type Chunked<Chunk> = Awaited<ReturnType<ReadableStreamDefaultReader<Chunk>["read"]>>;

/** One reading of a stream, from its first chunk to where it ends or is left. */
export class Reading<Chunk> {
  readonly #eyes: Eyes<Chunk>;
  /** Undefined before the first chunk is asked for. */
  #isSeen: boolean | undefined;
  #isOver = false;

  constructor(eyes: Eyes<Chunk>) {
    this.#eyes = eyes;
  }

  /** Shows a chunk in the turn in which it is read; an error passes on as it is. */
  async see(read: () => Promise<Chunked<Chunk>>): Promise<Chunked<Chunk>> {
    this.#isSeen ??= this.#eyes.claim();
    try {
      const result = await read();
      if (result.done) this.#finish("end");
      else if (this.#isSeen) this.#eyes.chunk(result.value);
      return result;
    } catch (error) {
      this.#finish("cut");
      throw error;
    }
  }

  /** The reader has gone; one that has read nothing takes nothing with it. */
  leave(): void {
    if (this.#isSeen !== undefined) this.#finish("cut");
  }

  #finish(how: "end" | "cut"): void {
    if (this.#isSeen === true && !this.#isOver) this.#eyes[how]();
    this.#isOver = true;
  }
}

/**
 * The same chunks, read only when they are asked for: nothing is kept, nothing is read
 * ahead, and cancelling reaches the source, which is opened with the first chunk.
 */
export function observeStream<Chunk>(
  open: () => ReadableStreamDefaultReader<Chunk>,
  eyes: Eyes<Chunk>,
): ReadableStream<Chunk> {
  const reading = new Reading(eyes);
  let reader: ReadableStreamDefaultReader<Chunk> | undefined;
  return new ReadableStream<Chunk>(
    {
      async pull(controller) {
        const opened = (reader ??= open());
        const { done, value } = await reading.see(() => opened.read());
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel(reason) {
        reader ??= open();
        reading.leave();
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
