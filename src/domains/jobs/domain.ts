/** What the worker does and when: jobs and schedules as people and programs see them. */
import type { Config } from "#config/schema.ts";
import type { Domain } from "#domain.ts";
import type { Schedule } from "#jobs/job.ts";

import { jobsCommands } from "./commands.ts";

/** The jobs and schedules of the given domains; it has none of its own. */
export function jobsDomain(domains: readonly Domain[]): Domain {
  const listSchedules = (config: Config): Schedule[] => domains.flatMap((domain) => domain.schedules?.(config) ?? []);
  return {
    name: "jobs",
    commands: jobsCommands(listSchedules),
    checks: async (app) => {
      const { checkJobs } = await import("./checks.ts");
      return checkJobs(app, listSchedules(app.config));
    },
    routes: async (app) => {
      const { jobRoutes } = await import("./routes.ts");
      return jobRoutes(app, listSchedules);
    },
  };
}
