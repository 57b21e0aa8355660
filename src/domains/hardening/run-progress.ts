/**
 * A run as it goes on, for those who watch it from outside: the rows are read once
 * a second, once for all who watch the same run. An event holds the whole state,
 * and its id is the state's digest: who comes back with the id of the last one is
 * told nothing until something is different, and has missed nothing.
 */
import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";

import { z } from "zod";

import type { ServerSentEvent } from "#http/route.ts";
import type { Db } from "#store/database.ts";

import { findRun, listSteps } from "./queries.ts";
import { StepView, standingOf, viewStep } from "./run-view.ts";
import { Standing } from "./schema.ts";

export const RunProgressEvent = z.object({ runId: z.uuid(), state: Standing, steps: z.array(StepView) });
export type RunProgressEvent = z.output<typeof RunProgressEvent>;

export type RunWatch = {
  /** Ends with the run, at the signal, or when there is no such run. */
  follow(
    runId: string,
    options: { lastEventId: string | undefined; signal: AbortSignal },
  ): AsyncIterable<ServerSentEvent>;
};

const pauseMs = 1000;

/** One for each server. */
export function watchRuns(db: Db): RunWatch {
  const reads = new Map<string, Promise<RunProgressEvent | undefined>>();
  /** Those who ask within the same second get the same answer. */
  const readShared = (runId: string): Promise<RunProgressEvent | undefined> => {
    const known = reads.get(runId);
    if (known !== undefined) return known;
    const read = readProgress(db, runId);
    reads.set(runId, read);
    setTimeout(() => reads.delete(runId), pauseMs).unref();
    return read;
  };
  return {
    async *follow(runId, { lastEventId, signal }) {
      let told = lastEventId;
      while (!signal.aborted) {
        const progress = await readShared(runId);
        if (progress === undefined) return;
        const id = digest(progress);
        if (id !== told) yield { id, event: "run", data: progress };
        told = id;
        // An interrupted one may be gone on with.
        if (progress.state !== "running" && progress.state !== "interrupted") return;
        // The signal ends the waiting; the loop sees it.
        await delay(pauseMs, undefined, { signal }).catch(() => undefined);
      }
    },
  };
}

async function readProgress(db: Db, runId: string): Promise<RunProgressEvent | undefined> {
  const run = await findRun(db, runId);
  if (run === undefined) return undefined;
  return { runId, state: standingOf(run), steps: (await listSteps(db, runId)).map(viewStep) };
}

function digest(progress: RunProgressEvent): string {
  return createHash("sha256").update(JSON.stringify(progress)).digest("hex").slice(0, 16);
}
