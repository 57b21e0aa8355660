/** What the worker does for messages by itself. */
import { z } from "zod";

import { type Job, job } from "#jobs/job.ts";

import { deleteNotificationsBefore } from "./queries.ts";

const keptMs = 90 * 24 * 60 * 60 * 1000;

/** Forgets messages of long ago; one that still waits or is dead stays. */
export const notificationJobs: readonly Job[] = [
  job({
    name: "notifications.forget",
    data: z.object({}),
    timeoutMs: 10 * 60_000,
    run: async (app) => {
      const before = new Date(app.now().getTime() - keptMs).toISOString();
      return { before, forgotten: await deleteNotificationsBefore(app.db, before) };
    },
  }),
];
