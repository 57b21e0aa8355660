/** The backups domain: what it offers, and nothing else. Its steps belong to section 1, which asks for them. */
import type { Domain } from "#domain.ts";

import { backupCommands } from "./backup-commands.ts";
import { listSchedules } from "./schedules.ts";

export const backups: Domain = {
  name: "backups",
  commands: backupCommands,
  checks: async (app) => (await import("./checks.ts")).checkBackups(app),
  routes: async (app) => (await import("./routes.ts")).listBackupRoutes(app),
  jobs: async () => (await import("./jobs.ts")).backupJobs,
  schedules: listSchedules,
};
