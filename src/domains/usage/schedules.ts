/** When the ledger looks after its months: daily, at an hour when few write. */
import type { Schedule } from "#jobs/job.ts";

export function listSchedules(): Schedule[] {
  return [{ name: "usage:keep", cron: "20 4 * * *", job: "usage.keep", data: {} }];
}
