import type { Domain } from "#domain.ts";

import { hardenCommand } from "./commands.ts";
import { runsCommands } from "./runs-commands.ts";

/** The run over the sections of the given domains; it has none of its own. */
export function hardeningDomain(domains: readonly Domain[]): Domain {
  return {
    name: "hardening",
    commands: [hardenCommand(domains), ...runsCommands],
    routes: async (app) => {
      const { hardeningRoutes } = await import("./routes.ts");
      return hardeningRoutes(app, domains);
    },
    jobs: async () => {
      const { hardeningJobs } = await import("./jobs.ts");
      return hardeningJobs(domains);
    },
    schedules: ({ harden }) =>
      harden?.schedule === undefined
        ? []
        : [{ name: "harden", cron: harden.schedule, job: "hardening.plan", data: {} }],
  };
}
