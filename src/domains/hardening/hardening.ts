/**
 * Hardening: the resumable run over every section.
 *
 * A run and its steps are rows. Starting, stopping, crashing and resuming are
 * one path: read the rows, carry out the next step that has no outcome, commit
 * the section's files, and at the end check the platform's health and write
 * LOOSE-ENDS.md. Nothing is remembered outside the rows.
 *
 * - A platform has at most one unfinished run; one program works on it at a time.
 * - A section's prod steps begin only when all its dev steps are verified.
 * - What a section lacks blocks its steps with the exact need; the other
 *   sections go on.
 * - A run that was interrupted under another configuration or by another program
 *   version is planned again from the start, and says what is different.
 *
 * The domains are given as a value: this one knows none of them.
 */
import type { App } from "#app.ts";
import type { Domain, Section } from "#domain.ts";
import { AppError } from "#errors.ts";
import { appendEvent } from "#events/events.ts";
import { relayEvents } from "#events/feed.ts";
import { type Db, transaction } from "#store/database.ts";
import { describeProcess, nameProcess } from "#system/process-identity.ts";
import { currentUser } from "#system/user.ts";

import { type Completion, completeRun } from "./completion.ts";
import { type Lease, awaitedWorker, holdLease, isLeft, letsIn } from "./lease.ts";
import { describeBeginning, describeSectionEnd } from "./notices.ts";
import { insertOutline, orderSteps, replaceOutline, selectSections, selectSomeSections } from "./outline.ts";
import { type ReportProgress, formatStepName } from "./progress.ts";
import {
  claimRun,
  findRun,
  findUnfinishedRun,
  finishSectionCommit,
  insertRun,
  listSections,
  listSteps,
} from "./queries.ts";
import type { RunRows } from "./report.ts";
import type { HardeningRun, HardeningStep } from "./schema.ts";
import { commitToPlatform } from "./section-commit.ts";
import { blockStep, carryOutStep, decideOutcome } from "./step.ts";

/** Longer than a channel takes that answers, short enough for one that does not. */
const deliverWithinMs = 10_000;

export type RunResult = { rows: RunRows; checks: Completion["checks"] };

/** Begins a run and carries it to its end. `conflict` shows the unfinished one when there is one. */
export async function startRun(
  app: App,
  domains: readonly Domain[],
  options: { onlySection: number | undefined },
  report: ReportProgress,
): Promise<RunResult> {
  const request = { onlySection: options.onlySection, requestedBy: `cli:${currentUser()}` };
  const run = await beginRun(app, domains, request);
  return carryOut(app, domains, run, { resumed: false }, report);
}

/**
 * Writes the rows of a run and nothing else; the caller's lease begins. `conflict`
 * shows the unfinished run when there is one. What `follow` does commits with it.
 */
export async function beginRun(
  app: App,
  domains: readonly Domain[],
  request: { onlySection: number | undefined; requestedBy: string },
  follow: (tx: Db, run: HardeningRun) => Promise<void> = () => Promise.resolve(),
): Promise<HardeningRun> {
  const sections = selectSomeSections(app, domains, request.onlySection);
  const run = await transaction(app.db, async (tx) => {
    const inserted = await insertRun(tx, {
      platform: app.config.platform.name,
      onlySection: request.onlySection,
      configSha256: app.configSha256,
      programVersion: app.programVersion,
      requestedBy: request.requestedBy,
      leaseOwner: describeProcess(),
    });
    if (inserted === undefined) return undefined;
    await insertOutline(tx, app, inserted.id, sections);
    await appendRunEvent(tx, app, inserted, "started", {});
    await follow(tx, inserted);
    return inserted;
  });
  if (run === undefined) throw await describeUnfinished(app);
  return run;
}

/** Takes the unfinished run over from a program that is gone and carries it to its end. */
export async function resumeRun(app: App, domains: readonly Domain[], report: ReportProgress): Promise<RunResult> {
  const seen = await findUnfinishedRun(app.db, app.config.platform.name);
  if (seen === undefined) {
    throw new AppError("not_found", `platform ${app.config.platform.name} has no unfinished run`, {
      hint: "Start one: leveredge harden",
    });
  }
  const { run, differences } = await takeOver(app, domains, seen);
  for (const text of differences) report({ kind: "note", text });
  return carryOut(app, domains, run, { resumed: true }, report);
}

async function takeOver(
  app: App,
  domains: readonly Domain[],
  seen: HardeningRun,
): Promise<{ run: HardeningRun; differences: string[] }> {
  const isChanged = seen.configSha256 !== app.configSha256 || seen.programVersion !== app.programVersion;
  const sections = selectSections(app, domains, seen.onlySection);
  const taken = await transaction(app.db, async (tx) => {
    const run = await claimRun(
      tx,
      { runId: seen.id, attempt: seen.attempt },
      {
        owner: describeProcess(),
        ownerLetsIn: letsIn(seen),
        configSha256: app.configSha256,
        programVersion: app.programVersion,
      },
    );
    if (run === undefined) return undefined;
    const differences = isChanged ? await replaceOutline(tx, app, seen, sections) : [];
    await appendRunEvent(tx, app, run, "resumed", { attempt: run.attempt, takenFrom: seen.leaseOwner, differences });
    return { run, differences };
  });
  if (taken === undefined) throw await describeUnfinished(app);
  return taken;
}

async function carryOut(
  app: App,
  domains: readonly Domain[],
  run: HardeningRun,
  { resumed }: { resumed: boolean },
  report: ReportProgress,
): Promise<RunResult> {
  const sections = selectSections(app, domains, run.onlySection);
  const lease = holdLease(app.db, { runId: run.id, attempt: run.attempt }, app.signal);
  try {
    await reportOutline(app, run, { resumed }, report);
    for (const section of sections) {
      await carryOutSection(app, { run, lease, section, report });
      await relay(app, domains, report);
    }
    const completion = await completeRun(app, { domains, run, lease, report });
    await relay(app, domains, report);
    return { rows: await readRows(app.db, run.id), checks: completion.checks };
  } finally {
    await lease.release();
  }
}

/** People hear of a section while the next is worked on. What cannot be passed on now the next relay passes on. */
async function relay(app: App, domains: readonly Domain[], report: ReportProgress): Promise<void> {
  const failures = await relayEvents(app, domains, { deliverWithinMs, signal: app.signal });
  for (const { relay: name, why } of failures) report({ kind: "note", text: `not passed on (${name}): ${why}` });
}

type SectionWork = { run: HardeningRun; lease: Lease; section: Section; report: ReportProgress };

async function carryOutSection(app: App, work: SectionWork): Promise<void> {
  const { run, lease, section, report } = work;
  const readSteps = async (): Promise<HardeningStep[]> =>
    (await listSteps(app.db, run.id)).filter((step) => step.section === section.number);

  const definitions = orderSteps(app, section);
  for (const { id } of await readSteps()) {
    const rows = await readSteps();
    const row = rows.find((step) => step.id === id);
    if (row === undefined || isFinished(row)) continue;
    const definition = definitions.find((step) => step.environment === row.environment && step.action === row.action);
    if (definition === undefined) throw new AppError("internal", `${formatStepName(row)} is not in this program`);
    const stepWork = { run, lease, row, definition, report };
    const unproven = rows.filter((step) => step.environment === "dev" && step.state !== "verified");
    if (row.environment !== "prod" || unproven.length === 0) await carryOutStep(app, stepWork);
    else
      await blockStep(
        app,
        stepWork,
        unproven.map((step) => `dev ${step.action}`),
      );
  }
  await commitSection(app, work, await readSteps());
}

/** Files in the checkout are written by shared steps: they are committed when all of these are proven. */
async function commitSection(app: App, work: SectionWork, steps: HardeningStep[]): Promise<void> {
  const { run, lease, section, report } = work;
  const row = (await listSections(app.db, run.id)).find(({ number }) => number === section.number);
  if (row === undefined) throw new AppError("conflict", `section ${section.number} left the run`);
  let hash = row.commitHash;
  if (row.commitState === "pending") {
    lease.signal.throwIfAborted();
    const isProven = steps.every((step) => step.environment !== "shared" || step.state === "verified");
    const commit = await commitToPlatform(app, {
      runId: run.id,
      subject: `GSD: [Section ${section.number}] - ${section.title}`,
      files: isProven ? section.files(app.config) : [],
    });
    await transaction(app.db, async (tx) => {
      lease.confirm(await finishSectionCommit(tx, lease.claim, section.number, commit));
      await appendEvent(tx, app.keys, {
        actor: run.requestedBy,
        action: "hardening.section",
        target: `section ${section.number}`,
        outcome: decideOutcome(steps),
        details: { runId: run.id, title: section.title, commit: commit.state },
        notice: describeSectionEnd(section, steps),
      });
    });
    hash = commit.hash ?? null;
  }
  report({ kind: "section-ended", section: section.number, outcome: decideOutcome(steps), commit: hash ?? undefined });
}

async function reportOutline(
  app: App,
  run: HardeningRun,
  { resumed }: { resumed: boolean },
  report: ReportProgress,
): Promise<void> {
  const steps = await listSteps(app.db, run.id);
  const sections = (await listSections(app.db, run.id)).map(({ number, title }) => ({
    number,
    title,
    steps: steps
      .filter((step) => step.section === number)
      .map((step) => ({ step, title: step.title, outcome: isFinished(step) ? step.state : undefined })),
  }));
  report({ kind: "run", runId: run.id, resumed, sections });
}

function isFinished(step: HardeningStep): step is HardeningStep & { state: "verified" | "blocked" | "failed" } {
  return step.state === "verified" || step.state === "blocked" || step.state === "failed";
}

async function readRows(db: Db, runId: string): Promise<RunRows> {
  const run = await findRun(db, runId);
  if (run === undefined) throw new AppError("internal", `run ${runId} is gone`);
  return {
    run,
    sections: await listSections(db, runId),
    steps: await listSteps(db, runId),
    looseEnds: run.looseEnds,
  };
}

/** Who works on the unfinished run, where it stands and what to do. */
export async function describeUnfinished(app: Pick<App, "db" | "config">): Promise<AppError> {
  const platform = app.config.platform.name;
  const run = await findUnfinishedRun(app.db, platform);
  if (run === undefined) {
    return new AppError("conflict", `another run of platform ${platform} has just ended`, { hint: "Call it again." });
  }
  const steps = await listSteps(app.db, run.id);
  const next = steps.find((step) => !isFinished(step));
  const place = next === undefined ? "at its completion" : `at ${formatStepName(next)} (${next.state})`;
  const count = `${steps.filter(isFinished).length} of ${steps.length} steps have their outcome`;
  const { owner, hint } = describeLease(run);
  return new AppError(
    "conflict",
    `run ${run.id} of platform ${platform}, begun ${run.startedAt}, is unfinished ${place}; ${count}; ${owner}`,
    { hint },
  );
}

function describeLease(run: HardeningRun): { owner: string; hint: string } {
  if (isLeft(run)) return { owner: "nobody works on it", hint: "Go on with it: leveredge harden --resume" };
  if (run.leaseOwner === awaitedWorker) {
    return {
      owner: `it waits for ${awaitedWorker}`,
      hint: "Wait for it, or go on yourself: leveredge harden --resume",
    };
  }
  const name = nameProcess(run.leaseOwner);
  return { owner: `${name} works on it`, hint: `Wait for it, or stop ${name}.` };
}

function appendRunEvent(
  tx: Db,
  app: App,
  run: HardeningRun,
  outcome: "started" | "resumed",
  details: Record<string, unknown>,
): Promise<void> {
  return appendEvent(tx, app.keys, {
    actor: run.requestedBy,
    action: "hardening.run",
    target: `platform ${run.platform}`,
    outcome,
    details: { runId: run.id, configSha256: app.configSha256, programVersion: app.programVersion, ...details },
    notice: describeBeginning(run, outcome),
  });
}
