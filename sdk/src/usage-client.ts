/**
 * Brings calls to the ledger of a LeverEdge server.
 *
 * `record` returns at once and never throws: calls go together, up to five hundred or a
 * second's worth, written to disk while they are gathered. What the server cannot take now
 * stays on disk and is sent later, by this process or another one that shares the
 * directory, always with the same keys, so that the ledger books it once. What the server
 * refuses for good goes to `rejected.jsonl` beside the others. Nothing here waits for the
 * measured call, and the measured call waits for nothing here.
 */
import { createHash, randomUUID } from "node:crypto";
import { homedir } from "node:os";
import { join } from "node:path";

import { type Call, type Problem, type Recorder } from "./call.ts";
import { deliver, type Destination } from "./deliver.ts";
import { Spool } from "./spool.ts";
import { type SpoolFile } from "./spool-file.ts";
import { type Fetch } from "./track.ts";

export type UsageClientOptions = {
  /** Of the server, such as `https://leveredge.example.com`. */
  url: string;
  /** Of an agent or a service: `leveredge tokens create`. */
  token: string;
  /** For calls that name none. */
  environment?: string | undefined;
  /** Where calls wait for the server; false keeps them in memory alone. */
  spoolDirectory?: string | false | undefined;
  /** Beyond it the newest calls are lost, with a problem reported. Default 64 MiB. */
  spoolMaxBytes?: number | undefined;
  /** Of one request to the server. Default 10 s. */
  timeoutMs?: number | undefined;
  /** How long calls are gathered. Default 1 s. */
  gatherMs?: number | undefined;
  /** The first pause after a failure; it doubles up to a minute. Default 1 s. */
  retryMs?: number | undefined;
  /** Told once of each kind of problem, and again after the server has taken calls. Default: a process warning. */
  onProblem?: ((problem: Problem) => void) | undefined;
  fetch?: Fetch | undefined;
};

type Batch = { lines: string[]; file: SpoolFile | undefined };

const batchCalls = 500;
const longestRetryMs = 60_000;
const longestRetryAfterMs = 15 * 60_000;
const maxCallsInMemory = 10_000;

export class UsageClient implements Recorder {
  readonly #destination: Destination;
  readonly #spool: Spool | undefined;
  readonly #options: UsageClientOptions;
  readonly #told = new Set<string>();
  /** With a number it is the key of a call. */
  readonly #name = randomUUID();
  #made = 0;
  #gathering: Batch | undefined;
  #gatherTimer: NodeJS.Timeout | undefined;
  #waiting: Batch[] = [];
  #sending: Promise<void> | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #failures = 0;
  #isClosed = false;

  /** Throws for an address or a token that cannot be one. Calls that were left on disk are sent soon after. */
  constructor(options: UsageClientOptions) {
    this.#options = options;
    const { url, token, timeoutMs = 10_000, fetch = (input, init) => globalThis.fetch(input, init) } = options;
    const address = new URL("usage", url.endsWith("/") ? url : `${url}/`).href;
    // A header that cannot be sent would be shown in the error of fetch.
    if (!/^[\x21-\x7e]+$/.test(token)) throw new TypeError("the token of the usage server is empty or not plain ASCII");
    this.#destination = { address, token, fetch, timeoutMs };
    if (options.spoolDirectory !== false) this.#spool = this.#openSpool(options);
    setTimeout(() => this.#sendLeft(), 0).unref();
    process.once("beforeExit", this.#beforeExit);
  }

  /** Takes a call for the ledger. A call without a key or a time gets them here. */
  record(call: Call): void {
    if (this.#isClosed) return this.report({ kind: "lost", message: "a call came after close(); it is lost" });
    let line: string;
    try {
      line = JSON.stringify({
        ...call,
        created_at: call.created_at ?? new Date().toISOString(),
        idempotency_key: call.idempotency_key ?? `${this.#name}-${(this.#made += 1)}`,
        environment: call.environment ?? this.#options.environment,
      });
    } catch (cause) {
      return this.report({ kind: "lost", message: "a call cannot be written as JSON; it is lost", cause });
    }
    this.#gathering ??= { lines: [], file: this.#spool?.begin() };
    this.#gathering.lines.push(line);
    this.#gathering.file?.append(line);
    if (this.#gathering.lines.length >= batchCalls) this.#closeBatch();
    // A longer wait for the server gathers too: one file for each attempt, not for each second.
    else this.#gatherTimer ??= setTimeout(() => this.#afterGathering(), this.#options.gatherMs ?? 1_000).unref();
  }

  /** Tries once to send everything that was recorded, then sees to it that the rest is durable on disk. */
  async flush(): Promise<void> {
    this.#stopRetry();
    this.#closeBatch();
    await this.#send();
    await this.#park();
  }

  /** Flushes and stops; what is on disk is sent by the next client. Later calls are lost, with a problem reported. */
  async close(): Promise<void> {
    this.#isClosed = true;
    process.removeListener("beforeExit", this.#beforeExit);
    await this.flush();
    this.#stopRetry();
  }

  /** Tells the owner of the program, once for each kind. */
  report(problem: Problem): void {
    if (this.#told.has(problem.kind)) return;
    this.#told.add(problem.kind);
    const { onProblem = warn } = this.#options;
    try {
      onProblem(problem);
    } catch (cause) {
      warn({ ...problem, cause });
    }
  }

  /** A program that ends by itself sends what it has; one attempt, since each would keep it alive. */
  readonly #beforeExit = (): void => {
    // Never throws: its failures are reported.
    void this.flush();
  };

  /** What is on disk and nobody sends; neither waits nor throws. */
  #sendLeft(): void {
    if (!this.#isClosed && this.#retryTimer === undefined) void this.#send();
  }

  #openSpool({ url, environment = "", spoolDirectory, spoolMaxBytes = 64 * 1024 * 1024 }: UsageClientOptions): Spool {
    // Another server's or environment's calls must not be sent to this one.
    const name = createHash("sha256").update(`${url} ${environment}`).digest("hex").slice(0, 12);
    const usual = join(homedir(), ".local", "state", "leveredge", "usage", name);
    const directory = typeof spoolDirectory === "string" ? spoolDirectory : usual;
    return new Spool({ directory, maxBytes: spoolMaxBytes, report: (problem) => this.report(problem) });
  }

  #afterGathering(): void {
    this.#gatherTimer = undefined;
    if (this.#retryTimer === undefined) this.#closeBatch();
  }

  #closeBatch(): void {
    clearTimeout(this.#gatherTimer);
    this.#gatherTimer = undefined;
    if (this.#gathering !== undefined) this.#waiting.push(this.#gathering);
    this.#gathering = undefined;
    // Neither throws.
    void (this.#retryTimer === undefined ? this.#send() : this.#park());
  }

  /** One at a time; resolves when there is nothing left to send, or the server did not take it. */
  #send(): Promise<void> {
    this.#sending ??= Promise.resolve().then(() => this.#sendAll());
    return this.#sending;
  }

  async #sendAll(): Promise<void> {
    for (;;) {
      const batch = this.#waiting.shift() ?? (await this.#spool?.take()) ?? this.#waiting.shift();
      if (batch === undefined) break;
      if (await this.#sendLines(batch.lines)) {
        await batch.file?.remove();
      } else {
        this.#waiting.unshift(batch);
        await this.#park();
        break;
      }
    }
    this.#sending = undefined;
  }

  /** False when the server takes nothing now. A part that was taken before is booked once all the same. */
  async #sendLines(lines: string[]): Promise<boolean> {
    const outcome = await deliver(lines, this.#destination);
    switch (outcome.kind) {
      case "answered":
        this.#failures = 0;
        this.#told.delete("unreachable");
        this.#told.delete("refused");
        for (const { index, reason } of outcome.rejected) await this.#reject(lines[index] ?? "null", reason);
        return true;
      case "refused_whole": {
        const half = Math.ceil(lines.length / 2);
        if (lines.length > 1)
          return (await this.#sendLines(lines.slice(0, half))) && this.#sendLines(lines.slice(half));
        await this.#reject(lines[0] ?? "null", outcome.reason);
        return true;
      }
      case "failed":
        this.report(outcome.problem);
        this.#retryLater(outcome.retryAfterMs);
        return false;
    }
  }

  async #reject(line: string, reason: string): Promise<void> {
    await this.#spool?.reject(line, reason);
    this.report({ kind: "rejected", message: `the ledger refused a call: ${reason}` });
  }

  #retryLater(retryAfterMs: number | undefined): void {
    const { retryMs = 1_000 } = this.#options;
    const pause = Math.min(longestRetryMs, retryMs * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 10);
    // Not all at the same moment after an outage.
    const spread = pause * (0.5 + Math.random() / 2);
    this.#stopRetry();
    if (this.#isClosed) return;
    this.#retryTimer = setTimeout(
      () => this.#retry(),
      Math.max(spread, Math.min(retryAfterMs ?? 0, longestRetryAfterMs)),
    ).unref();
  }

  #retry(): void {
    this.#stopRetry();
    this.#closeBatch();
  }

  #stopRetry(): void {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
  }

  /** Waiting batches go to disk; without one they stay in memory, up to a limit. */
  async #park(): Promise<void> {
    const kept: Batch[] = [];
    let hasReleased = false;
    for (let batch = this.#waiting.shift(); batch !== undefined; batch = this.#waiting.shift()) {
      if (batch.file !== undefined && (await batch.file.release())) hasReleased = true;
      else kept.push(batch);
    }
    const limit = maxCallsInMemory / batchCalls;
    if (kept.length > limit)
      this.report({ kind: "lost", message: "too many calls wait in memory; the oldest are lost" });
    this.#waiting.unshift(...kept.slice(-limit));
    // The time to try again may have come while they were on their way to the disk.
    if (hasReleased) this.#sendLeft();
  }
}

function warn({ kind, message }: Problem): void {
  process.emitWarning(message, { type: "LeverEdgeUsageWarning", code: `LEVEREDGE_USAGE_${kind.toUpperCase()}` });
}
