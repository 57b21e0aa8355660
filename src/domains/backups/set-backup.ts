/** A backup of a set: its environment's database into its directory, under a name that its pattern finds. */
import { join } from "node:path";

import type { App } from "#app.ts";
import { AppError } from "#errors.ts";
import { appendEvent } from "#events/events.ts";
import { configuredTarget, splitVia } from "#postgres/configured-target.ts";
import type { DatabaseTarget } from "#postgres/connection.ts";
import { redact } from "#secrets/redact.ts";
import { transaction } from "#store/database.ts";

import { createBackup, type CreatedBackup, type CreateWork, nameBackup } from "./create.ts";
import type { BackupSet } from "./sets.ts";

/** Makes one more backup of the set; what came of it is an event, also when it failed. */
export async function createSetBackup(
  app: Pick<App, "run" | "now" | "programVersion" | "config" | "openReference" | "db" | "keys">,
  set: BackupSet,
  work: CreateWork & { requestedBy: string },
): Promise<CreatedBackup> {
  const event = {
    actor: work.requestedBy,
    action: "backups.create",
    target: `backup set ${set.name}`,
    environment: set.environment,
  };
  try {
    const file = join(set.directory, nameBackup(set, app.now()));
    const created = await createBackup(app, { target: await findTarget(app, set), file }, work);
    const { sizeBytes, sha256 } = created.manifest.file;
    const details = { file, sizeBytes, sha256, takenAt: created.manifest.takenAt };
    const notice = {
      severity: "low" as const,
      title: `backup of ${set.environment} made for set ${set.name}`,
      text: `${file}. Restore it for real: leveredge backups verify ${set.name}`,
    };
    await transaction(app.db, (tx) => appendEvent(tx, app.keys, { ...event, outcome: "created", details, notice }));
    return created;
  } catch (error) {
    if (work.signal.aborted) throw error;
    const message = error instanceof AppError ? redact(error.message) : "an internal fault";
    const notice = {
      severity: "high" as const,
      title: `no backup for set ${set.name}`,
      text: `${message}. Try again: leveredge backups create ${set.name}`,
    };
    const details = { error: message };
    await transaction(app.db, (tx) => appendEvent(tx, app.keys, { ...event, outcome: "failed", details, notice }));
    throw error;
  }
}

async function findTarget(app: Pick<App, "config" | "openReference">, set: BackupSet): Promise<DatabaseTarget> {
  if (set.environment === "shared") {
    throw new AppError(
      "precondition_failed",
      `backup set ${set.name} is of environment shared, which has no database`,
      {
        hint: `Write environment: dev or prod for it in leveredge.yaml, or use leveredge backups create --from-url.`,
      },
    );
  }
  const target = await configuredTarget(app, set.environment);
  const via = splitVia(set.via);
  return via.length === 0 ? target : { ...target, via };
}
