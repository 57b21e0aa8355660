/** The identity domain: what it offers, and nothing else. */
import type { Domain } from "#domain.ts";

import { identityCommands } from "./commands.ts";

export const identity: Domain = {
  name: "identity",
  commands: identityCommands,
  checks: async (app) => {
    const { checkIdentity } = await import("./checks.ts");
    return checkIdentity(app);
  },
  routes: async (app) => {
    const { identityRoutes } = await import("./routes.ts");
    return identityRoutes(app);
  },
};
