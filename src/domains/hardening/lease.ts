/**
 * Who works on a run. The owner keeps its lease alive while it works; another
 * program takes over when the owner's process is gone from this host, or the
 * lease is over. Whoever was taken over from is fenced off by the attempt.
 */
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

import { AppError } from "#errors.ts";
import type { Db } from "#store/database.ts";

import { type Claim, extendLease, releaseLease } from "./queries.ts";

const beatMs = 15_000;
const leaseMs = 60_000;

/** Stands for a start time that this user may not see. */
const unseen = "unseen";

/** This process, distinguishable from every other one before and after it: `host/boot/pid-space:pid:start`. */
export function describeOwner(): string {
  return `${hostname()}/${bootId()}/${pidSpace()}:${process.pid}:${startOf(process.pid) ?? unseen}`;
}

/** True only when it is certain: the owner ran on this host and its process is no more. */
export function isOwnerGone(owner: string): boolean {
  const parts = ownerPattern.exec(owner)?.groups;
  if (parts === undefined || parts["host"] !== hostname()) return false;
  if (parts["boot"] !== bootId()) return true;
  // In another container of this host numbers mean other processes.
  if (parts["space"] !== pidSpace()) return false;
  const start = startOf(Number(parts["pid"]));
  return start === undefined || (start !== unseen && parts["start"] !== unseen && start !== parts["start"]);
}

/** For people: `process 4711 on atlas`. */
export function nameOwner(owner: string): string {
  const parts = ownerPattern.exec(owner)?.groups;
  return parts === undefined ? owner : `process ${parts["pid"]} on ${parts["host"]}`;
}

const ownerPattern = /^(?<host>.*)\/(?<boot>\w+)\/(?<space>\w+):(?<pid>\d+):(?<start>\w+)$/;

export type Lease = {
  claim: Claim;
  /** Aborted by the caller's signal, or when the lease is lost. */
  signal: AbortSignal;
  /** Throws `conflict` when the claim was fenced off: pass it the rows a write changed. */
  confirm(changedRows: number): void;
  /** Stops the heartbeat and lets the next claim in at once. Never throws. */
  release(): Promise<void>;
};

/** Keeps the claim alive until `release`. */
export function holdLease(db: Db, claim: Claim, signal: AbortSignal): Lease {
  const lost = new AbortController();
  let heardAt = performance.now();
  let beating = Promise.resolve();
  const beat = async (): Promise<void> => {
    try {
      if ((await extendLease(db, claim)) === 0) lost.abort(takenOver(claim));
      heardAt = performance.now();
    } catch (cause) {
      // The store may come back; but once the lease is over somebody else may work.
      if (performance.now() - heardAt > leaseMs - beatMs) {
        lost.abort(new AppError("unavailable", "the store did not answer until the lease was over", { cause }));
      }
    }
  };
  const timer = setInterval(() => {
    beating = beat();
  }, beatMs);
  timer.unref();
  return {
    claim,
    signal: AbortSignal.any([signal, lost.signal]),
    confirm(changedRows) {
      if (changedRows === 0) throw takenOver(claim);
    },
    async release() {
      clearInterval(timer);
      await beating;
      // A lease that cannot be given back ends by itself.
      await releaseLease(db, claim).catch(() => 0);
    },
  };
}

function takenOver(claim: Claim): AppError {
  return new AppError("conflict", `run ${claim.runId} was taken over by another program`, {
    hint: "Look at the program that works on it; this one has stopped.",
  });
}

/** Which numbering of processes this one is in: a container has its own. */
function pidSpace(): string {
  return readlinkSync("/proc/self/ns/pid").replace(/\D/g, "");
}

function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").slice(0, 8);
}

/** Start time of a living process in ticks since boot; undefined when there is none. */
function startOf(pid: number): string | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    const [state, start] = [fields[0], fields[19]];
    return state === "Z" || state === "X" ? undefined : start;
  } catch {
    return isSignalable(pid) ? unseen : undefined;
  }
}

/** Asks the kernel: /proc may hide the processes of others. */
function isSignalable(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
