/**
 * Who works on a run. The owner keeps its lease alive while it works; another
 * program takes over when the owner's process is gone from this host, or the
 * lease is over. Whoever was taken over from is fenced off by the attempt.
 */
import { AppError } from "#errors.ts";
import type { Db } from "#store/database.ts";
import { isProcessGone } from "#system/process-identity.ts";

import { type Claim, extendLease, releaseLease } from "./queries.ts";
import type { HardeningRun } from "./schema.ts";

const beatMs = 15_000;
const leaseMs = 60_000;

/** Whom a run belongs to that was handed to the worker of `leveredge serve` and not taken yet: whoever comes may take it. */
export const awaitedWorker = "the worker of leveredge serve";

/** Nobody works on the unfinished run: its lease is over, or its owner is certainly gone. */
export function isLeft(run: Pick<HardeningRun, "leaseOwner" | "leaseIsOver">): boolean {
  return run.leaseIsOver || isProcessGone(run.leaseOwner);
}

/** Whether its owner lets a claim in before the lease is over. */
export function letsIn({ leaseOwner }: Pick<HardeningRun, "leaseOwner">): boolean {
  return leaseOwner === awaitedWorker || isProcessGone(leaseOwner);
}

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
