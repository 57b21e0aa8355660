/** Background work of backups: drills, and backups that somebody asked for over HTTP. */
import { z } from "zod";

import { job } from "#jobs/job.ts";

import { findSet } from "./sets.ts";

const halfDayMs = 12 * 60 * 60 * 1000;

/** Of one set, or of all. A bad backup is an answer and not tried again; done again, it drills what is left. */
const drill = job({
  name: "backups.drill",
  data: z.object({ set: z.string().optional() }),
  timeoutMs: halfDayMs,
  run: async (app, data, { jobId, actor, signal, progress }) => {
    const { drillSet } = await import("./set-drill.ts");
    const sets = data.set === undefined ? app.config.backups : [findSet(app.config, data.set)];
    const drills = [];
    for (const set of sets) {
      drills.push(await drillSet(app, set, { requestedBy: actor, workId: jobId, signal, progress }));
    }
    return { drills };
  },
});

/** Made once: a second try would leave a second file. */
const create = job({
  name: "backups.create",
  data: z.object({ set: z.string() }),
  timeoutMs: halfDayMs,
  retryLimit: 0,
  run: async (app, data, { actor, signal, progress }) => {
    const { createSetBackup } = await import("./set-backup.ts");
    const set = findSet(app.config, data.set);
    const { file, manifest } = await createSetBackup(app, set, { requestedBy: actor, signal, progress });
    return { file, sizeBytes: manifest.file.sizeBytes, takenAt: manifest.takenAt };
  },
});

export const backupJobs = [drill, create];
