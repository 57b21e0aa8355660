/**
 * Backups: sets of dump files, and the proof that the newest of each restores.
 *
 * A backup that was never restored counts as no backup. A drill restores the file
 * into a throw-away cluster and compares what is in it with the manifest that was
 * taken in the dump's own snapshot. Its verdict is `verified`, `damaged` or
 * `unverifiable`; doubt about the surroundings (a full disk, a missing extension, a
 * client program that is too old) is never `damaged`. That the newest data are too
 * old is told apart: `stale`.
 *
 * A drill writes nothing to any database of the operator's; making a backup only
 * reads. What this domain does not do: delete old backups, copy them elsewhere, or
 * read formats other than pg_dump's custom and plain ones.
 */
import type { Config } from "#config/schema.ts";
import type { Step } from "#domain.ts";

/** The script that the platform's cron line calls to verify, relative to the root. */
export const verifyBackupsPath = "shared/scripts/verify-backups.sh";

/** What section 1 does about backups; nothing when no set is configured. */
export function listBackupSteps(config: Pick<Config, "backups">): Step[] {
  if (config.backups.length === 0) return [];
  const load = async () => (await import("./set-step.ts")).verifyBackups;
  return [
    {
      environment: "shared",
      action: "verify-backups",
      title: "restore the newest backup of each set",
      plan: async (app) => (await load()).plan(app),
      apply: async (app, plan, context) => (await load()).apply(app, plan, context),
      verify: async (app, context) => (await load()).verify(app, context),
    },
  ];
}

/** The scripts that section 1 installs for backups, relative to the platform's root. */
export function backupFiles(config: Pick<Config, "backups">): string[] {
  return config.backups.length === 0 ? [] : [verifyBackupsPath];
}
