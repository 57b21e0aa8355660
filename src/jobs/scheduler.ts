/**
 * Keeps the schedules while the server runs: whatever is due and not taken is
 * enqueued in the transaction that takes it.
 */
import { hostname } from "node:os";

import type { App } from "#app.ts";
import { transaction } from "#store/database.ts";

import type { Jobs, Schedule } from "./job.ts";
import { updateTickJob } from "./tick-queries.ts";
import { claimTick, lastDue } from "./ticks.ts";

export type Scheduler = { stop(): Promise<void> };

const lookMs = 5_000;

/** Looks at once and then every few seconds; the store is asked only when a due time has come that was not seen yet. */
export function keepSchedules(
  app: App,
  schedules: readonly Schedule[],
  jobs: Jobs,
  onError: (error: Error) => void,
): Scheduler {
  const seen = new Map<string, number>();
  let looking: Promise<void> | undefined;
  const lookAt = async (schedule: Schedule): Promise<void> => {
    const due = lastDue(schedule, app.config.platform.timezone, app.now())?.getTime() ?? 0;
    if (seen.get(schedule.name) === due) return;
    await beginDue(app, schedule, jobs);
    seen.set(schedule.name, due);
  };
  const lookAtAll = async (): Promise<void> => {
    for (const schedule of schedules) {
      // One that fails is tried at the next look and keeps no other from its turn.
      await lookAt(schedule).catch((error: unknown) => onError(toError(error)));
    }
    looking = undefined;
  };
  const look = (): void => {
    looking ??= lookAtAll();
  };
  look();
  const timer = setInterval(look, lookMs).unref();
  return {
    async stop() {
      clearInterval(timer);
      await looking;
    },
  };
}

/** Takes the schedule's latest tick, when it is free, and enqueues its job. Answers whether it did. */
export async function beginDue(
  app: Pick<App, "db" | "config" | "now">,
  schedule: Schedule,
  jobs: Jobs,
): Promise<boolean> {
  const claim = { timezone: app.config.platform.timezone, now: app.now(), claimedBy: `serve on ${hostname()}` };
  return transaction(app.db, async (tx) => {
    const claimed = await claimTick(tx, schedule, claim);
    if (claimed.state !== "claimed") return false;
    const actor = `schedule:${schedule.name}`;
    const { jobId } = await jobs.enqueue(schedule.job, schedule.data, { actor, key: actor, tx });
    await updateTickJob(tx, { ...claimed.tick, jobId });
    return true;
  });
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
