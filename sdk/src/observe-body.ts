/** The body of a response that is watched, whoever reads it and however. */
import { type AnswerWatch } from "./answer-watch.ts";
import { passStream, Reading } from "./observe-stream.ts";

type Body = ReadableStream<Uint8Array>;
type Reader = ReadableStreamDefaultReader<Uint8Array>;
type Iterator = Pick<Required<AsyncIterator<Uint8Array, undefined>>, "next" | "return">;

/** One for a body: who reads on where another let go is part of it. */
const readings = new WeakMap<Body, Reading<Uint8Array>>();
/** For each class of streams. */
const prototypes = new WeakMap<object, object>();

/**
 * The same stream, which shows its watch what is read from it. It stays the object that
 * it is: packages watch a body's life, and fetch itself reads it.
 */
export function observeBody(body: Body, watch: AnswerWatch): Body {
  if (readings.has(body)) return body;
  // What a stream inherits from has all that a stream has.
  const plain = Object.getPrototypeOf(body) as Body;
  let prototype = prototypes.get(plain);
  if (prototype === undefined) {
    prototype = createPrototype(plain);
    prototypes.set(plain, prototype);
  }
  readings.set(body, new Reading(watch));
  Object.setPrototypeOf(body, prototype);
  return body;
}

/** The class of a stream whose readers are watched. */
function createPrototype(plain: Body): object {
  const methods: Record<string | symbol, (this: Body, ...args: unknown[]) => unknown> = {
    getReader(options) {
      // The arguments are the caller's own.
      const reader: Reader = Reflect.apply(plain.getReader, this, [options]);
      observeReader(reader, this);
      return reader;
    },
    async cancel(reason) {
      if (!this.locked) readings.get(this)?.cancel();
      await plain.cancel.call(this, reason);
    },
  };
  for (const name of ["values", Symbol.asyncIterator] as const) {
    methods[name] = function (...args) {
      const iterator: Iterator = Reflect.apply(plain[name], this, args);
      observeIterator(iterator, this);
      return iterator;
    };
  }
  // These read without asking for a reader; a second stream between asks for one.
  for (const name of ["pipeTo", "pipeThrough", "tee"] as const) {
    methods[name] = function (...args) {
      const reading = readings.get(this);
      // Without a mode it is the default reader.
      const open = () => plain.getReader.call(this) as Reader;
      const stream = reading === undefined || this.locked ? undefined : passStream(open, reading);
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
function observeReader(reader: Reader, body: Body): void {
  const reading = readings.get(body);
  if (reading === undefined) return;
  const [read, cancel, release] = [reader.read, reader.cancel, reader.releaseLock];
  reader.read = (...args) => reading.see(Reflect.apply(read, reader, args));
  reader.cancel = (reason) => {
    reading.cancel();
    return cancel.call(reader, reason);
  };
  reader.releaseLock = () => {
    release.call(reader);
    leaveSoon(reading, body);
  };
}

/** The same for a loop over the body: a stream between would take several times as long for each chunk. */
function observeIterator(iterator: Iterator, body: Body): void {
  const reading = readings.get(body);
  if (reading === undefined) return;
  const [next, leave] = [iterator.next, iterator.return];
  iterator.next = () => reading.see(next.call(iterator));
  iterator.return = (...args) => {
    leaveSoon(reading, body);
    return Reflect.apply(leave, iterator, args);
  };
}

/**
 * Who lets go without cancelling (as Google's package does when its caller leaves the
 * loop) has left, unless the next reader follows at once.
 */
function leaveSoon(reading: Reading<Uint8Array>, body: Body): void {
  setImmediate(() => {
    if (!body.locked) reading.leave();
  });
}
