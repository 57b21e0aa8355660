/** The ledger of calls to language models: what it offers, and nothing else. */
import type { Domain } from "#domain.ts";

import { ledgerCommands } from "./commands.ts";
import { listSchedules } from "./schedules.ts";

export const usage: Domain = {
  name: "usage",
  commands: ledgerCommands,
  checks: async (app) => (await import("./checks.ts")).checkUsage(app),
  jobs: async () => (await import("./jobs.ts")).usageJobs,
  schedules: listSchedules,
};
