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

  /** Shows a chunk before the reader gets it, who is answered with what `read` answered: nothing waits for the eyes. */
  see(read: () => Promise<Chunked<Chunk>>): Promise<Chunked<Chunk>> {
    this.#isSeen ??= this.#eyes.claim();
    const chunk = read();
    // Who asks first is told first.
    if (this.#isSeen) void chunk.then(this.#show, this.#break);
    return chunk;
  }

  /** The reader has gone; one that has read nothing takes nothing with it. */
  leave(): void {
    if (this.#isSeen !== undefined) this.#finish("cut");
  }

  readonly #show = (result: Chunked<Chunk>): void => {
    if (result.done) this.#finish("end");
    else this.#eyes.chunk(result.value);
  };

  readonly #break = (): void => this.#finish("cut");

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
