/** When the sets are drilled by themselves. */
import type { Config } from "#config/schema.ts";
import type { Schedule } from "#jobs/job.ts";

/** One for each set that has a `schedule`. */
export function listSchedules(config: Pick<Config, "backups">): Schedule[] {
  return config.backups.flatMap(({ name, schedule }) =>
    schedule === undefined
      ? []
      : [{ name: `backups:${name}`, cron: schedule, job: "backups.drill", data: { set: name } }],
  );
}
