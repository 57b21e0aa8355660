/** Health of the backup sets: is there a newest file, is it young enough, and did it restore? Reads only. */
import { access, constants } from "node:fs/promises";

import type { App } from "#app.ts";
import type { Check } from "#domain.ts";
import { AppError } from "#errors.ts";

import { listLatestDrills } from "./queries.ts";
import { type BackupSet, inspectSet, isStale, type SetFile } from "./sets.ts";
import type { SetDrill } from "./schema.ts";
import { describeAssurance, formatAge, formatInstant, remedyOf, setSubject, wordOf } from "./words.ts";

/** One answer for each set. */
export async function checkBackups(app: Pick<App, "config" | "db" | "now">): Promise<Check[]> {
  if (app.config.backups.length === 0) return [];
  const drills = await listDrillsIfPossible(app);
  return Promise.all(
    app.config.backups.map((set) =>
      checkSet(app, set, drills instanceof AppError ? drills : drills.find(({ setName }) => setName === set.name)),
    ),
  );
}

async function checkSet(app: Pick<App, "now">, set: BackupSet, drill: SetDrill | AppError | undefined): Promise<Check> {
  const subject = setSubject(set.name);
  const found = await inspectSet(set);
  if (found.state !== "found") {
    const state = found.state === "missing" ? "failed" : "unknown";
    return { subject, state, detail: found.why, remedy: found.remedy };
  }
  const { newest } = found;
  if (!(await isReadable(newest.path))) {
    const remedy = `Make ${newest.path} readable for this user.`;
    return { subject, state: "unknown", detail: `cannot read ${newest.name}`, remedy };
  }
  if (isStale(set, newest.dataAt, app.now())) {
    const detail = `${newest.name} is the newest, with data of ${formatInstant(newest.dataAt)}; max_age is ${set.max_age}`;
    return { subject, state: "failed", detail, remedy: `leveredge backups create ${set.name}` };
  }
  return { subject, ...judgeDrill(app, set, drill, newest) };
}

function judgeDrill(
  app: Pick<App, "now">,
  set: BackupSet,
  drill: SetDrill | AppError | undefined,
  newest: SetFile,
): Omit<Check, "subject"> {
  const remedy = `leveredge backups verify ${set.name}`;
  if (drill instanceof AppError) return { state: "unknown", detail: drill.message, remedy: drill.hint ?? remedy };
  if (drill === undefined) return { state: "loose", detail: `${newest.name} was never restored`, remedy };
  switch (wordOf(drill)) {
    case "verified":
      return { state: "ok", detail: describeGood(newest, drill, app.now().toISOString()) };
    case "unverifiable":
      return { state: "unknown", detail: `unverifiable: ${drill.why}`, remedy: remedyOf(drill).join("; ") };
    case "stale":
    case "damaged":
    case "missing":
      if (drill.file !== newest.path) return { state: "loose", detail: `${newest.name} was never restored`, remedy };
      return { state: "failed", detail: `${wordOf(drill)}: ${drill.why}`, remedy: remedyOf(drill).join("; ") };
  }
}

function describeGood(newest: SetFile, drill: SetDrill, now: string): string {
  const drilled = `verified (${describeAssurance(drill)}) ${formatAge(drill.finishedAt, now)} ago`;
  const age = `${newest.name} is ${formatAge(newest.dataAt, now)} old`;
  return drill.file === newest.path ? `${age}, ${drilled}` : `${age}; the one before was ${drilled}`;
}

function isReadable(path: string): Promise<boolean> {
  return access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
}

/** What lies in the directories can be told while the store is down. */
async function listDrillsIfPossible(app: Pick<App, "db">): Promise<SetDrill[] | AppError> {
  try {
    return await listLatestDrills(app.db);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}
