/** The databases domain: what it offers, and nothing else. */
import type { Domain } from "#domain.ts";

import { migrateCommands } from "./migrate-commands.ts";
import { mirrorCommands } from "./mirror-commands.ts";
import { databaseMirroring } from "./section.ts";

export const databases: Domain = {
  name: "databases",
  sections: [databaseMirroring],
  commands: [...mirrorCommands, ...migrateCommands],
  checks: async (app) => {
    const { checkDatabases } = await import("./checks.ts");
    return checkDatabases(app);
  },
};
