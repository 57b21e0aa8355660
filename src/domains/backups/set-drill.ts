/** The drill of a set: its newest file restored, and the answer kept with its event in one transaction. */
import { stat } from "node:fs/promises";

import type { App } from "#app.ts";
import { AppError } from "#errors.ts";
import { appendEvent } from "#events/events.ts";
import type { Notice } from "#events/schema.ts";
import { splitVia } from "#postgres/configured-target.ts";
import { transaction } from "#store/database.ts";

import { drillFile } from "./drill.ts";
import { describeFile } from "./manifest.ts";
import { insertDrill, listDrillsOfSet, listDrillsOfWork } from "./queries.ts";
import { type BackupSet, inspectSet, isStale, type SetFile } from "./sets.ts";
import type { DrillResult, NewSetDrill, SetDrill } from "./schema.ts";
import { describeDrill, formatInstant, isManifestDamaged, remedyOf, wordOf } from "./words.ts";

export type DrillWork = {
  requestedBy: string;
  /** The step of a run or the job that asks: a second call for the same one answers what the first found. */
  workId?: string | undefined;
  /** False leaves the file's SHA-256 out: the content is compared all the same. */
  useFileChecksum?: boolean;
  /** How old a restore of the same bytes may be to stand for a new one; without it every call restores. */
  reuseWithinMs?: number;
  signal: AbortSignal;
  progress: (text: string, done?: number, total?: number) => void;
};

export type DrillApp = Pick<App, "run" | "stateDir" | "now" | "db" | "keys">;

/** Restores the newest file of the set for real and records what became of it. A bad backup is an answer, not an error. */
export async function drillSet(app: DrillApp, set: BackupSet, work: DrillWork): Promise<SetDrill> {
  const known = await findDrillOfWork(app, set, work);
  if (known !== undefined) return known;
  const startedAt = app.now().toISOString();
  const found = (await findRestored(app, set, work)) ?? (await examine(app, set, work));
  const drill: NewSetDrill = {
    ...found,
    setName: set.name,
    environment: set.environment,
    workId: work.workId ?? null,
    requestedBy: work.requestedBy,
    startedAt,
  };
  const stored = await transaction(app.db, async (tx) => {
    const [previous] = await listDrillsOfSet(tx, set.name, 1);
    const row = await insertDrill(tx, drill);
    if (row !== undefined) await appendEvent(tx, app.keys, describeEvent(row, previous));
    return row;
  });
  if (stored !== undefined) return stored;
  // Another program was asked by the same and was first.
  const theirs = await findDrillOfWork(app, set, work);
  if (theirs === undefined) throw new AppError("internal", `the drill of set ${set.name} was not stored`);
  return theirs;
}

type Found = Omit<NewSetDrill, "setName" | "environment" | "workId" | "requestedBy" | "startedAt">;

/** What a recent drill found of the same file and manifest, its age judged anew. Only what was verified is taken over. */
async function findRestored(
  app: DrillApp,
  set: BackupSet,
  { reuseWithinMs = 0, signal }: DrillWork,
): Promise<Found | undefined> {
  if (reuseWithinMs === 0) return undefined;
  const [last] = await listDrillsOfSet(app.db, set.name, 1);
  const inventory = await inspectSet(set);
  if (last?.verdict !== "verified" || inventory.state !== "found") return undefined;
  const { newest } = inventory;
  const restoredAt = restoredAtOf(last);
  if (last.file !== newest.path || app.now().getTime() - Date.parse(restoredAt) > reuseWithinMs) return undefined;
  if ((await describeFile(newest.path, signal)).sha256 !== last.fileSha256) return undefined;
  if ((await hashManifest(newest, signal)) !== last.evidence["manifestSha256"]) return undefined;
  const { assurance, restoreMs, verifyMs, file, fileSha256 } = last;
  const dataAt = last.dataAt ?? newest.dataAt;
  const stale = isStale(set, dataAt, app.now());
  const why = stale ? describeAge(set, dataAt) : `the same file was restored at ${formatInstant(restoredAt)}`;
  const kept = { assurance, restoreMs, verifyMs, dataAt, file, fileSha256 };
  return { ...kept, verdict: "verified", stale, why, evidence: { ...last.evidence, restoredAt } };
}

/** When the file was really restored: an earlier drill's moment where that one's answer was taken over. */
export function restoredAtOf({ evidence, finishedAt }: SetDrill): string {
  const { restoredAt } = evidence;
  return typeof restoredAt === "string" ? restoredAt : finishedAt;
}

async function hashManifest({ manifestPath }: SetFile, signal: AbortSignal): Promise<string | null> {
  return manifestPath === undefined ? null : (await describeFile(manifestPath, signal)).sha256;
}

async function examine(app: DrillApp, set: BackupSet, work: DrillWork): Promise<Found> {
  const inventory = await inspectSet(set);
  if (inventory.state !== "found") {
    const { why, remedy, state } = inventory;
    // Nobody could look: the directory stands for the file that may be in it.
    return state === "missing"
      ? { ...nothingFound, verdict: "missing", file: null, why, evidence: { remedy } }
      : { ...nothingFound, verdict: "unverifiable", file: set.directory, why, evidence: { remedy } };
  }
  const { newest } = inventory;
  const before = await stat(newest.path);
  const via = splitVia(set.via);
  const result = await drillFile(app, {
    file: newest.path,
    ...(newest.manifestPath === undefined ? {} : { manifestPath: newest.manifestPath }),
    ...(via.length === 0 ? {} : { via }),
    ...(work.useFileChecksum === undefined ? {} : { useFileChecksum: work.useFileChecksum }),
    signal: work.signal,
    progress: work.progress,
  });
  const after = await stat(newest.path).catch(() => undefined);
  const isSettled = after?.size === before.size && after.mtimeMs === before.mtimeMs && after.ino === before.ino;
  return describeResult(app, set, newest, { result, isSettled, signal: work.signal });
}

const nothingFound = {
  assurance: null,
  stale: false,
  restoreMs: null,
  verifyMs: null,
  dataAt: null,
  fileSha256: null,
} as const;

async function describeResult(
  app: DrillApp,
  set: BackupSet,
  newest: SetFile,
  { result, isSettled, signal }: { result: DrillResult; isSettled: boolean; signal: AbortSignal },
): Promise<Found> {
  const { verdict, assurance, why, restoreMs, verifyMs, dataAt, ...evidence } = result;
  const newestDataAt = dataAt ?? newest.dataAt;
  const stale = isStale(set, newestDataAt, app.now());
  const found = {
    file: newest.path,
    stale,
    restoreMs,
    verifyMs,
    dataAt: newestDataAt,
    evidence: { ...evidence, fileDataAt: newest.dataAt, manifestSha256: await hashManifest(newest, signal) },
  };
  if (!isSettled) {
    const growing = `${newest.name} was written to while it was read`;
    return { ...found, verdict: "unverifiable", assurance: null, why: growing, fileSha256: null };
  }
  const { sha256 } = await describeFile(newest.path, signal);
  if (verdict !== "verified") return { ...found, verdict, assurance: null, why, fileSha256: sha256 };
  return { ...found, verdict, assurance, why: stale ? describeAge(set, newestDataAt) : why, fileSha256: sha256 };
}

function describeAge(set: BackupSet, dataAt: string): string {
  return `it restores, but its data are of ${formatInstant(dataAt)} and max_age is ${set.max_age}`;
}

async function findDrillOfWork(
  app: Pick<App, "db">,
  set: BackupSet,
  { workId }: DrillWork,
): Promise<SetDrill | undefined> {
  if (workId === undefined) return undefined;
  return (await listDrillsOfWork(app.db, workId)).find(({ setName }) => setName === set.name);
}

function describeEvent(drill: SetDrill, previous: SetDrill | undefined): Parameters<typeof appendEvent>[2] {
  return {
    key: `backups.drill:${drill.id}`,
    actor: drill.requestedBy,
    action: "backups.drill",
    target: `backup set ${drill.setName}`,
    environment: drill.environment,
    outcome: wordOf(drill),
    details: { file: drill.file, why: drill.why, assurance: drill.assurance, stale: drill.stale },
    notice: {
      severity: severityOf(drill, previous),
      title: `backup set ${drill.setName} is ${wordOf(drill)}`,
      text: [`${describeDrill(drill)}.`, ...remedyOf(drill).map((remedy) => `Remedy: ${remedy}`)].join("\n"),
      section: 1,
    },
  };
}

/** That a set is good again is worth reading; that it is still good is not. */
function severityOf(drill: SetDrill, previous: SetDrill | undefined): Notice["severity"] {
  switch (wordOf(drill)) {
    case "verified":
      return previous === undefined || wordOf(previous) === "verified" ? "low" : "normal";
    case "unverifiable":
      return isManifestDamaged(drill) ? "high" : "normal";
    case "stale":
    case "damaged":
    case "missing":
      return "high";
  }
}
