/** A response that is watched however it is read. */
import { type AnswerWatch } from "./answer-watch.ts";
import { observeBody } from "./observe-body.ts";

const watches = new WeakMap<Response, AnswerWatch>();
/** For each class of responses: Node's own, and those of other implementations of fetch. */
const prototypes = new WeakMap<object, object>();

/**
 * The same response: its readers are exchanged for ones that show the watch what they
 * read, in the turn in which the caller gets it. What nobody reads is not read.
 */
export function observeResponse(response: Response, watch: AnswerWatch): Response {
  // What a response inherits from has all that a response has.
  const plain = Object.getPrototypeOf(response) as Response;
  let prototype = prototypes.get(plain);
  if (prototype === undefined) {
    prototype = createPrototype(plain);
    prototypes.set(plain, prototype);
  }
  watches.set(response, watch);
  // One step for each response: own properties for every reader would take several times as long.
  Object.setPrototypeOf(response, prototype);
  return response;
}

/** The class of a response with readers that are watched; `instanceof` and everything else stay. */
function createPrototype(plain: Response): object {
  const readers: Record<string, (this: Response) => unknown> = {
    json() {
      return observeRead(this, () => plain.json.call(this));
    },
    text() {
      return observeRead(this, () => plain.text.call(this));
    },
    clone() {
      const clone = plain.clone.call(this);
      const watch = watches.get(this);
      return watch === undefined ? clone : observeResponse(clone, watch);
    },
  };
  // `bytes` came with Node 22.
  for (const name of ["arrayBuffer", "blob", "bytes"] as const) {
    if (!(name in plain)) continue;
    readers[name] = function () {
      return new Response(this.body, { headers: this.headers })[name]();
    };
  }
  const methods = Object.entries(readers).map(([name, value]) => [name, { value, configurable: true, writable: true }]);
  return Object.create(plain, {
    ...Object.fromEntries(methods),
    body: {
      get(this: Response) {
        return openBody(this, Reflect.get(plain, "body", this));
      },
      configurable: true,
    },
  });
}

/** The watch is told before the reader, who is answered with what `read` answered. */
function observeRead(response: Response, read: () => Promise<unknown>): Promise<unknown> {
  const watch = watches.get(response);
  const isSeen = watch?.claim() === true;
  const body = read();
  if (!isSeen) return body;
  const tell = (error: unknown): void => {
    // What is no JSON came whole all the same.
    if (error instanceof SyntaxError) watch.whole(undefined);
    else watch.cut();
  };
  void body.then((whole) => watch.whole(whole), tell);
  return body;
}

/** Bodies of some other implementations are no web streams; those are seen by `json` and `text` alone. */
function openBody(response: Response, body: ReadableStream<Uint8Array> | null): ReadableStream<Uint8Array> | null {
  const watch = watches.get(response);
  if (watch === undefined || body === null || typeof body.getReader !== "function") return body;
  return observeBody(body, watch);
}
