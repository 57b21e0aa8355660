/** The one list of domains: what the command line, the health check and the hardening run are made of. */
import type { Domain } from "#domain.ts";
import { databases } from "#domains/databases/domain.ts";
import { hardeningDomain } from "#domains/hardening/domain.ts";

/** Those that a hardening run goes over, in the order of their sections. */
export const hardened: readonly Domain[] = [databases];

export const domains: readonly Domain[] = [hardeningDomain(hardened), ...hardened];
