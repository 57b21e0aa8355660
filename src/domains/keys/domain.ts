/** The keys domain: what it offers, and nothing else. */
import type { Domain } from "#domain.ts";

import { keysCommands } from "./commands.ts";
import type { RewrapCredentials } from "./environment-rotation.ts";

/** The keys of the store; how data keys of credentials are sealed anew is handed in by the domain that has them. */
export function keysDomain(rewrap: RewrapCredentials): Domain {
  return {
    name: "keys",
    commands: keysCommands(rewrap),
    checks: async (app) => (await import("./checks.ts")).checkKeys(app),
  };
}
