/**
 * The sessions of a mirror: opened together, closed together, closed at once when the
 * operator stops the work. A session that broke midway is explained by asking again:
 * the database was dropped, its server is gone, or it was only the connection.
 */
import { setTimeout as sleep } from "node:timers/promises";

import type pg from "pg";

import { AppError, readErrorCode } from "#errors.ts";

import { connect, type DatabaseTarget } from "#postgres/connection.ts";
import { findBackendPid } from "#postgres/connection-queries.ts";
import type { Ends } from "./desired.ts";
import { cancelStatement } from "./executor-queries.ts";

type Targets = { from: DatabaseTarget; to: DatabaseTarget };

/** Both databases, read only. */
export async function withEnds<T>(
  { from, to }: Targets,
  signal: AbortSignal,
  work: (ends: Ends) => Promise<T>,
): Promise<T> {
  const opened: pg.Client[] = [];
  const open = async (target: DatabaseTarget): Promise<pg.Client> => {
    const client = await connect(target, { readOnly: true });
    opened.push(client);
    return client;
  };
  const stop = (): void => {
    for (const client of opened) void client.end();
  };
  signal.addEventListener("abort", stop, { once: true });
  try {
    const [prod, dev] = [await open(from), await open(to)];
    signal.throwIfAborted();
    return await work({ prod, dev });
  } catch (cause) {
    if (signal.aborted) throw new AppError("unavailable", "reading the two databases was stopped", { cause });
    throw await explainLoss(cause, [from, to]);
  } finally {
    signal.removeEventListener("abort", stop);
    await Promise.all(opened.map((client) => client.end()));
  }
}

/** The target, to be written. When it is stopped, the statement that runs is cancelled, so that it is taken back. */
export async function withWriter<T>(
  { from, to }: Targets,
  options: { signal: AbortSignal; lockTimeoutMs: number },
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const { signal, lockTimeoutMs } = options;
  const client = await connect(to, { readOnly: false, lockTimeoutMs });
  const ended = new AbortController();
  let cancelled = Promise.resolve();
  const stop = (pid: number | undefined): void => {
    cancelled = cancelUntil(ended.signal, to, pid);
  };
  try {
    const pid = await findBackendPid(client);
    const onAbort = (): void => stop(pid);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await work(client);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  } catch (cause) {
    throw signal.aborted ? cause : await explainLoss(cause, [from, to]);
  } finally {
    ended.abort();
    await cancelled;
    await client.end();
  }
}

const cancelAgainMs = 250;

/**
 * More than once: what is cancelled between two statements is not cancelled at all.
 * Where it cannot be cancelled, the statement is waited for.
 */
async function cancelUntil(ended: AbortSignal, target: DatabaseTarget, pid: number | undefined): Promise<void> {
  try {
    const client = await connect(target, { readOnly: true });
    try {
      while (!ended.aborted) {
        await cancelStatement(client, pid);
        await sleep(cancelAgainMs, undefined, { signal: ended }).catch(() => undefined);
      }
    } finally {
      await client.end();
    }
  } catch {
    return;
  }
}

const lostCodes = new Set(["57P01", "57P02", "57P03", "ECONNRESET", "EPIPE"]);
const lostWords = /terminating connection|Connection terminated|not queryable/;

function isLoss(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false;
  return lostCodes.has(readErrorCode(cause) ?? "") || lostWords.test(cause.message) || isLoss(cause.cause);
}

async function explainLoss(cause: unknown, targets: readonly DatabaseTarget[]): Promise<unknown> {
  if (!isLoss(cause)) return cause;
  for (const target of targets) {
    try {
      await (await connect(target, { readOnly: true })).end();
    } catch (reason) {
      return reason;
    }
  }
  return new AppError("unavailable", `the connection to ${targets.map(({ label }) => label).join(" or ")} was lost`, {
    hint: "Run the command again; what was not finished was taken back.",
    cause,
  });
}
