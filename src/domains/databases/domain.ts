/** The databases domain: what it offers, and nothing else. */
import type { Domain } from "#domain.ts";

import { migrateCommands } from "./migrate-commands.ts";
import { mirrorCommands } from "./mirror-commands.ts";
import { listMirrorSchedules } from "./schedules.ts";
import { databaseMirroring } from "./section.ts";

export const databases: Domain = {
  name: "databases",
  sections: [databaseMirroring],
  commands: [...mirrorCommands, ...migrateCommands],
  checks: async (app) => {
    const { checkDatabases } = await import("./checks.ts");
    return checkDatabases(app);
  },
  routes: async (app) => {
    const { databaseRoutes } = await import("./routes.ts");
    return databaseRoutes(app);
  },
  jobs: async () => {
    const { databaseJobs } = await import("./jobs.ts");
    return databaseJobs;
  },
  schedules: listMirrorSchedules,
};
