/**
 * How much may be asked of one host: so many requests at a time, so many a second,
 * and none for a while after a row of failures. A request waits for its turn in the
 * order in which it came.
 */
import { setTimeout as wait } from "node:timers/promises";

import { AppError } from "#errors.ts";

export type Slots = {
  /**
   * Runs the work when the host's turn comes; `upstream_failed` without running it while
   * the host rests. No answer is a fault, and so is what `isFault` says of an answer.
   */
  take<T>(host: string, signal: AbortSignal, work: () => Promise<T>, isFault?: (result: T) => boolean): Promise<T>;
};

export type SlotOptions = {
  now: () => Date;
  /** Default 8. */
  atOnce?: number;
  /** Default 100. */
  perSecond?: number;
};

type Host = {
  busy: number;
  waiting: (() => void)[];
  /** When the next request may begin by the rate, ms. */
  nextAt: number;
  failures: number;
  restsUntil: number;
  restMs: number;
};

const failuresToRest = 5;
const firstRestMs = 30_000;
const longestRestMs = 600_000;

/** Kept in memory, for one process. */
export function createSlots({ now, atOnce = 8, perSecond = 100 }: SlotOptions): Slots {
  const hosts = new Map<string, Host>();
  const clock = (): number => now().getTime();
  return {
    take: async (name, signal, work, isFault) => {
      const host = hosts.get(name) ?? {
        busy: 0,
        waiting: [],
        nextAt: 0,
        failures: 0,
        restsUntil: 0,
        restMs: firstRestMs,
      };
      hosts.set(name, host);
      await enter(host, atOnce, signal);
      try {
        refuseResting(host, clock());
        await keepRate(host, clock(), perSecond, signal);
        const answer = await work();
        if (isFault?.(answer) === true) noteFailure(host, clock());
        else Object.assign(host, { failures: 0, restMs: firstRestMs });
        return answer;
      } catch (error) {
        if (isSilence(error) && !signal.aborted) noteFailure(host, clock());
        throw error;
      } finally {
        leave(host);
      }
    },
  };
}

async function enter(host: Host, atOnce: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (host.busy < atOnce) {
    host.busy += 1;
    return;
  }
  await new Promise<void>((resolve, reject) => {
    const go = (): void => {
      signal.removeEventListener("abort", stop);
      resolve();
    };
    const stop = (): void => {
      host.waiting.splice(host.waiting.indexOf(go), 1);
      reject(new AppError("upstream_timeout", "the host was too busy to be asked in time"));
    };
    host.waiting.push(go);
    signal.addEventListener("abort", stop, { once: true });
  });
}

/** Its place goes to who waits longest. */
function leave(host: Host): void {
  const next = host.waiting.shift();
  if (next === undefined) host.busy -= 1;
  else next();
}

async function keepRate(host: Host, nowMs: number, perSecond: number, signal: AbortSignal): Promise<void> {
  const at = Math.max(nowMs, host.nextAt);
  host.nextAt = at + 1000 / perSecond;
  // A timer is not finer than a millisecond.
  if (at - nowMs >= 1) await wait(at - nowMs, undefined, { signal });
}

function refuseResting(host: Host, nowMs: number): void {
  if (nowMs >= host.restsUntil) return;
  const seconds = Math.ceil((host.restsUntil - nowMs) / 1000);
  throw new AppError(
    "upstream_failed",
    `not asked: the host failed ${host.failures} times in a row and rests for ${seconds} s`,
  );
}

/** After the rest one failure is enough for a longer one. */
function noteFailure(host: Host, nowMs: number): void {
  host.failures += 1;
  if (host.failures < failuresToRest || nowMs < host.restsUntil) return;
  host.restsUntil = nowMs + host.restMs;
  host.restMs = Math.min(host.restMs * 2, longestRestMs);
}

function isSilence(error: unknown): boolean {
  return error instanceof AppError && (error.code === "upstream_failed" || error.code === "upstream_timeout");
}
