/**
 * The server's log: one JSON document a line, made of the fields named here and
 * no others. Nothing of a request's URL, headers or body can get into it.
 */
import { redact } from "#secrets/redact.ts";

export type RequestEntry = {
  requestId: string;
  method: string;
  /** The route's pattern, `/runs/:id`: never the path that was asked for. */
  route: string;
  status: number;
  ms: number;
  /** `user:damon`; absent on public routes. */
  actor: string | undefined;
};

export type Log = {
  request(entry: RequestEntry): void;
  /** A fault that nobody expected, with its chain of causes. */
  fault(where: string, error: unknown, requestId?: string): void;
};

const longestChain = 5;
const longestMessage = 500;

/** Writes lines to the given stream. */
export function createLog(stream: { write(line: string): unknown }, now: () => Date = () => new Date()): Log {
  const write = (level: "info" | "warn" | "error", fields: Record<string, unknown>): void => {
    stream.write(`${JSON.stringify({ time: now().toISOString(), level, ...fields })}\n`);
  };
  return {
    request: ({ requestId, method, route, status, ms, actor }) =>
      write(status >= 500 ? "error" : "info", { requestId, method, route, status, ms, actor }),
    fault: (where, error, requestId) => write("error", { where, requestId, chain: describeChain(error) }),
  };
}

/** Names and messages without secrets, and where the first was thrown. */
export function describeChain(error: unknown): string[] {
  const chain: string[] = [];
  let current = error;
  while (current !== undefined && chain.length < longestChain) {
    if (!(current instanceof Error)) {
      chain.push("something that is no error");
      break;
    }
    const at = chain.length === 0 ? (/\n\s+at (.*)/.exec(current.stack ?? "")?.[1] ?? "") : "";
    const text = `${current.name}: ${current.message}`.slice(0, longestMessage);
    chain.push(redact(at === "" ? text : `${text} (${at})`));
    current = current.cause;
  }
  return chain;
}
