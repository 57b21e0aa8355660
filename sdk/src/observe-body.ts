/** The body of a response that is watched, whoever reads it and however. */
import { type AnswerWatch } from "./answer-watch.ts";
import { observeStream, Reading } from "./observe-stream.ts";

type Body = ReadableStream<Uint8Array>;

const watches = new WeakMap<Body, AnswerWatch>();
/** For each class of streams. */
const prototypes = new WeakMap<object, object>();

/**
 * The same stream, which shows its watch what is read from it. It stays the object that
 * it is: packages watch a body's life, and fetch itself reads it.
 */
export function observeBody(body: Body, watch: AnswerWatch): Body {
  if (watches.has(body)) return body;
  // What a stream inherits from has all that a stream has.
  const plain = Object.getPrototypeOf(body) as Body;
  let prototype = prototypes.get(plain);
  if (prototype === undefined) {
    prototype = createPrototype(plain);
    prototypes.set(plain, prototype);
  }
  watches.set(body, watch);
  Object.setPrototypeOf(body, prototype);
  return body;
}

/** The class of a stream whose readers are watched. */
function createPrototype(plain: Body): object {
  const methods: Record<string | symbol, (this: Body, ...args: unknown[]) => unknown> = {
    getReader(options) {
      // The arguments are the caller's own.
      const reader: ReadableStreamDefaultReader<Uint8Array> = Reflect.apply(plain.getReader, this, [options]);
      const watch = watches.get(this);
      if (watch !== undefined) observeReader(reader, this, watch);
      return reader;
    },
    async cancel(reason) {
      const watch = watches.get(this);
      if (!this.locked && watch?.claim() === true) watch.cut();
      await plain.cancel.call(this, reason);
    },
  };
  // These read without asking for a reader; a second stream between asks for one.
  for (const name of ["values", "pipeTo", "pipeThrough", "tee", Symbol.asyncIterator] as const) {
    methods[name] = function (...args) {
      const watch = watches.get(this);
      // Without a mode it is the default reader.
      const open = () => plain.getReader.call(this) as ReadableStreamDefaultReader<Uint8Array>;
      const stream = watch === undefined || this.locked ? undefined : observeStream(open, watch);
      return Reflect.apply(plain[name], stream ?? this, args);
    };
  }
  const names = Reflect.ownKeys(methods);
  return Object.create(
    plain,
    Object.fromEntries(names.map((name) => [name, { value: methods[name], configurable: true, writable: true }])),
  );
}

/** Exchanges the ways in which a reader reads and leaves. */
function observeReader(reader: ReadableStreamDefaultReader<Uint8Array>, body: Body, watch: AnswerWatch): void {
  const [read, cancel, release] = [reader.read, reader.cancel, reader.releaseLock];
  const reading = new Reading<Uint8Array>(watch);
  reader.read = (...args) => reading.see(() => Reflect.apply(read, reader, args));
  reader.cancel = (reason) => {
    reading.leave();
    return cancel.call(reader, reason);
  };
  reader.releaseLock = () => {
    release.call(reader);
    // Who lets go without cancelling (as Google's package does when its caller leaves the
    // loop) has left, unless the next reader follows at once.
    setImmediate(() => {
      if (!body.locked) reading.leave();
    });
  };
}
