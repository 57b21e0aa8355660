/** Section 1, shared: the newest backup of each set restored for real. A bad backup is a finding; the step is the looking. */
import { createHash } from "node:crypto";

import type { App } from "#app.ts";
import type { LooseEnd, ReadyPlan, Step, StepApplied, StepContext, StepVerdict } from "#domain.ts";
import { AppError, readErrorCode } from "#errors.ts";

import { describeFile } from "./manifest.ts";
import { listDrillsOfWork } from "./queries.ts";
import { drillSet, restoredAtOf } from "./set-drill.ts";
import type { SetDrill } from "./schema.ts";
import { inspectSet } from "./sets.ts";
import { countDrills, describeDrill, formatInstant, isManifestDamaged, remedyOf, setSubject, wordOf } from "./words.ts";

/** A run that follows another within the hour restores only what changed. */
const reuseWithinMs = 3_600_000;

export const verifyBackups = { plan, apply, verify } satisfies Pick<Step, "plan" | "apply" | "verify">;

async function plan(app: App): Promise<ReadyPlan> {
  const changes: string[] = [];
  for (const set of app.config.backups) {
    const found = await inspectSet(set);
    changes.push(
      found.state === "found"
        ? `restore ${found.newest.name} of ${set.name}, data of ${formatInstant(found.newest.dataAt)}`
        : `report ${set.name}: ${found.why}`,
    );
  }
  const names = app.config.backups.map(({ name }) => name);
  return {
    state: "ready",
    summary: `restore the newest backup of ${names.join(", ")}`,
    changes,
    fingerprint: createHash("sha256").update(changes.join("\n")).digest("hex"),
    looseEnds: [],
  };
}

async function apply(app: App, _plan: ReadyPlan, context: StepContext): Promise<StepApplied> {
  const drills: SetDrill[] = [];
  for (const set of app.config.backups) {
    const drill = await drillSet(app, set, {
      requestedBy: "harden",
      workId: context.stepId,
      reuseWithinMs,
      signal: context.signal,
      progress: (text, done, total) => context.progress(`${set.name}: ${text}`, done, total),
    });
    drills.push(drill);
  }
  return { state: "applied", notes: drills.flatMap(describeNote) };
}

function describeNote(drill: SetDrill): string[] {
  if (wordOf(drill) !== "verified") return [describeDrill(drill)];
  return isTakenOver(drill) ? [`${drill.setName}: ${drill.why}; not restored again`] : [];
}

function isTakenOver(drill: SetDrill): boolean {
  return restoredAtOf(drill) !== drill.finishedAt;
}

/** Reads the stored answers and each file again: what was restored must be what lies there. */
async function verify(app: App, { stepId, signal }: StepContext): Promise<StepVerdict> {
  const drills = stepId === undefined ? [] : await listDrillsOfWork(app.db, stepId);
  const problems: string[] = [];
  for (const { name } of app.config.backups) {
    const drill = drills.find(({ setName }) => setName === name);
    if (drill === undefined) problems.push(`set ${name} was not drilled`);
    else if (await isChanged(drill, signal)) problems.push(`${String(drill.file)} is not the file that was restored`);
  }
  const evidence = { sets: drills.map(describeEvidence) };
  const looseEnds = drills.flatMap(describeLooseEnd);
  if (problems.length > 0) return { verified: false, summary: problems.join("; "), evidence, looseEnds };
  return { verified: true, summary: countDrills(drills), evidence, looseEnds };
}

/** One that was removed meanwhile is nobody's fault. */
async function isChanged({ file, fileSha256 }: SetDrill, signal: AbortSignal): Promise<boolean> {
  if (file === null || fileSha256 === null) return false;
  try {
    return (await describeFile(file, signal)).sha256 !== fileSha256;
  } catch (error) {
    if (readErrorCode(error) === "ENOENT") return false;
    throw new AppError("forbidden", `cannot read ${file} again`, { cause: error });
  }
}

function describeEvidence(drill: SetDrill): Record<string, unknown> {
  const { setName, file, verdict, assurance, stale, why, fileSha256 } = drill;
  const restoredAt = isTakenOver(drill) ? { restoredAt: restoredAtOf(drill) } : {};
  return { set: setName, file, verdict, assurance, stale, why, fileSha256, ...restoredAt };
}

function describeLooseEnd(drill: SetDrill): LooseEnd[] {
  const word = wordOf(drill);
  if (word === "verified") return [];
  return [
    {
      // That of the health check: one finding, told once.
      id: `check:${setSubject(drill.setName)}`,
      severity: word === "unverifiable" && !isManifestDamaged(drill) ? "medium" : "high",
      text: `the newest backup of ${drill.setName} is ${word}: ${drill.why}`,
      remedy: remedyOf(drill).join("; "),
    },
  ];
}
