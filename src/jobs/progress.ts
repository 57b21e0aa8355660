/** What a running job says of itself, stored at most once a second. */
import type { Db } from "#store/database.ts";

import { updateJobProgress } from "./queries.ts";
import type { JobProgress } from "./schema.ts";

const pauseMs = 1000;

export type ProgressKeeper = {
  report(text: string, done?: number, total?: number): void;
  /** Nothing is written after it resolves. */
  end(): Promise<void>;
};

/** A store that does not answer costs the progress, not the job. */
export function keepProgress(db: Db, name: string, jobId: string): ProgressKeeper {
  let latest: JobProgress | undefined;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<unknown> = Promise.resolve();
  const write = (): void => {
    timer = undefined;
    if (latest === undefined) return;
    writing = updateJobProgress(db, name, jobId, latest).catch(() => 0);
    latest = undefined;
    timer = setTimeout(write, pauseMs).unref();
  };
  return {
    report(text, done, total) {
      latest = { text, done: done ?? null, total: total ?? null };
      if (timer === undefined) write();
    },
    async end() {
      clearTimeout(timer);
      latest = undefined;
      await writing;
    },
  };
}
