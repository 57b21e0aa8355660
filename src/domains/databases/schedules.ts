import type { Config } from "#config/schema.ts";
import type { Schedule } from "#jobs/job.ts";

/** When the mirror is due by itself. */
export function listMirrorSchedules({ mirror }: Config): Schedule[] {
  if (mirror?.schedule === undefined) return [];
  return [{ name: "mirror", cron: mirror.schedule, job: "databases.mirror", data: { allow: [] } }];
}
