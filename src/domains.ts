/** The one list of domains: what the command line, the health check and the hardening run are made of. */
import type { Domain } from "#domain.ts";
import { backups } from "#domains/backups/domain.ts";
import { credentials } from "#domains/credentials/domain.ts";
import { databases } from "#domains/databases/domain.ts";
import { hardeningDomain } from "#domains/hardening/domain.ts";
import { identity } from "#domains/identity/domain.ts";
import { keysDomain } from "#domains/keys/domain.ts";
import { notifications } from "#domains/notifications/domain.ts";
import { ingest } from "#domains/ingest/domain.ts";
import { insight } from "#domains/insight/domain.ts";
import { jobsDomain } from "#domains/jobs/domain.ts";
import { knowledge } from "#domains/knowledge/domain.ts";
import { usage } from "#domains/usage/domain.ts";

/** What rotates a key knows no credential; what knows them seals their data keys anew. */
const keys = keysDomain(async (app, environment, options) => {
  const { rewrapCredentials } = await import("#domains/credentials/rewrap.ts");
  return rewrapCredentials(app, environment, options);
});

/** Those that a hardening run goes over: their sections, their health, and what they make of its events. */
export const hardened: readonly Domain[] = [
  databases,
  backups,
  credentials,
  keys,
  identity,
  notifications,
  knowledge,
  usage,
  ingest,
  insight,
];

const working: readonly Domain[] = [hardeningDomain(hardened), ...hardened];

export const domains: readonly Domain[] = [...working, jobsDomain(working)];
