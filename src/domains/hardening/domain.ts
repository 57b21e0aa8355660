import type { Domain } from "#domain.ts";

import { hardenCommand } from "./commands.ts";

/** The run over the sections of the given domains; it has none of its own. */
export function hardeningDomain(domains: readonly Domain[]): Domain {
  return { name: "hardening", commands: [hardenCommand(domains)] };
}
