/** AEGIS: what it offers, and nothing else. */
import type { Domain } from "#domain.ts";

import { checkCommands } from "./check-commands.ts";
import { credentialCommands } from "./credential-commands.ts";
import { providerCommands } from "./provider-commands.ts";
import { listSchedules } from "./schedules.ts";
import { aegisProviders } from "./section.ts";

export const credentials: Domain = {
  name: "credentials",
  sections: [aegisProviders],
  commands: [...credentialCommands, ...checkCommands, ...providerCommands],
  checks: async (app) => {
    const { checkCredentials, checkRegistry } = await import("./checks.ts");
    return [...(await checkRegistry(app)), ...(await checkCredentials(app))];
  },
  routes: async (app) => (await import("./routes.ts")).listCredentialRoutes(app),
  jobs: async () => (await import("./jobs.ts")).credentialJobs,
  schedules: listSchedules,
};
