/** A stream that is watched while somebody reads it. */

export type Eyes<Chunk> = {
  /** Asked once, before the first chunk: false lets this reading pass unseen. */
  claim(): boolean;
  chunk(chunk: Chunk): void;
  end(): void;
  cut(): void;
};

/** What a reader and an iterator answer. */
type Chunked<Chunk> = { done?: boolean | undefined; value?: Chunk | undefined };

/** One reading of a stream, from its first chunk to where it ends or is left. */
export class Reading<Chunk> {
  readonly #eyes: Eyes<Chunk>;
  /** Undefined before the first chunk is asked for. */
  #isSeen: boolean | undefined;
  #isOver = false;

  constructor(eyes: Eyes<Chunk>) {
    this.#eyes = eyes;
  }

  /** Shows a chunk that was asked for before its reader gets it; nothing waits for the eyes. */
  see<Answer extends Chunked<Chunk>>(chunk: Promise<Answer>): Promise<Answer> {
    this.#isSeen ??= this.#eyes.claim();
    // Who asks first is told first.
    if (this.#isSeen) void chunk.then(this.#show, this.#break);
    return chunk;
  }

  /** The reader has gone; one that has read nothing takes nothing with it. */
  leave(): void {
    if (this.#isSeen !== undefined) this.#finish("cut");
  }

  /** Nobody will read what is left, or anything at all. */
  cancel(): void {
    this.#isSeen ??= this.#eyes.claim();
    this.#finish("cut");
  }

  readonly #show = ({ done, value }: Chunked<Chunk>): void => {
    if (done === true) this.#finish("end");
    else if (value !== undefined) this.#eyes.chunk(value);
  };

  readonly #break = (): void => this.#finish("cut");

  #finish(how: "end" | "cut"): void {
    if (this.#isSeen === true && !this.#isOver) this.#eyes[how]();
    this.#isOver = true;
  }
}

/** The same chunks with eyes on them; see `passStream`. */
export function observeStream<Chunk>(
  open: () => ReadableStreamDefaultReader<Chunk>,
  eyes: Eyes<Chunk>,
): ReadableStream<Chunk> {
  return passStream(open, new Reading(eyes));
}

/**
 * The same chunks, read only when they are asked for: nothing is kept, nothing is read
 * ahead, and cancelling reaches the source, which is opened with the first chunk.
 */
export function passStream<Chunk>(
  open: () => ReadableStreamDefaultReader<Chunk>,
  reading: Reading<Chunk>,
): ReadableStream<Chunk> {
  let reader: ReadableStreamDefaultReader<Chunk> | undefined;
  return new ReadableStream<Chunk>(
    {
      async pull(controller) {
        const opened = (reader ??= open());
        const { done, value } = await reading.see(opened.read());
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel(reason) {
        reader ??= open();
        reading.cancel();
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
