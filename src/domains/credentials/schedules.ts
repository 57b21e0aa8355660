/** When credentials are checked by themselves: daily, at a minute of the platform's own, so that not all ask at once. */
import { createHash } from "node:crypto";

import type { Config } from "#config/schema.ts";
import type { Schedule } from "#jobs/job.ts";

export function listSchedules({ platform }: Pick<Config, "platform">): Schedule[] {
  const minute = createHash("sha256").update(platform.name).digest().readUInt16BE() % 60;
  return [
    { name: "credentials:sweep", cron: `${minute} 5 * * *`, job: "credentials.sweep", data: {} },
    { name: "credentials:confirm", cron: "*/5 * * * *", job: "credentials.confirm", data: {} },
  ];
}
