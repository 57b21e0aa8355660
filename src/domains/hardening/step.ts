/**
 * One step: plan, store the plan, apply, verify, store the proof with its event.
 *
 * The process may be killed between any two of these. A step that is found
 * without an outcome is planned again, which observes what is there; what is
 * left is applied; the proof is an independent read in any case. The stored plan
 * stays the one that the step set out with as long as only its rest is left, so
 * that the rows of a resumed run equal those of one that was never interrupted.
 * For the same reason nothing that `apply` says is stored.
 */
import type { App } from "#app.ts";
import type { Step, StepApplied, StepContext, StepPlan, StepVerdict } from "#domain.ts";
import { AppError, type ErrorCode } from "#errors.ts";
import { appendEvent } from "#events/events.ts";
import { redact } from "#secrets/redact.ts";
import { transaction } from "#store/database.ts";

import type { Lease } from "./lease.ts";
import { type ReportProgress, type StepName, formatStepName } from "./progress.ts";
import { type StepResult, finishStep, startStep, updateStepToApplied } from "./queries.ts";
import type { HardeningRun, HardeningStep, LooseEnd, Outcome } from "./schema.ts";

export type StepWork = {
  run: Pick<HardeningRun, "id" | "requestedBy">;
  lease: Lease;
  row: HardeningStep;
  definition: Step;
  report: ReportProgress;
};

/** These say that something outside is missing or in the way. While planning nothing has been done yet: the step is blocked. */
const missingOutside: ReadonlySet<ErrorCode> = new Set([
  "unavailable",
  "upstream_timeout",
  "precondition_failed",
  "conflict",
  "unauthenticated",
  "forbidden",
  "not_found",
  "sealed",
]);

/** Brings a step to its outcome. Throws only when interrupted, fenced off, or the store fails: then it is resumed. */
export async function carryOutStep(app: App, work: StepWork): Promise<void> {
  const { lease, row, definition, report } = work;
  const step: StepName = row;
  const context: StepContext = {
    stepId: row.id,
    signal: lease.signal,
    progress: (text, done, total) => report({ kind: "step-progress", step, text, done, total }),
  };

  report({ kind: "step", step, phase: "plan" });
  const plan = await askPlan(lease.signal, () => definition.plan(app, context));
  if (plan.state === "failed") return finish(app, work, describeFailure(plan), undefined);
  const kept = keepPlan(row, storable(plan), report);
  lease.confirm(await startStep(app.db, lease.claim, row.id, kept));
  if (plan.state === "blocked") return finish(app, work, describeBlocked(plan.needs, plan.summary), kept);

  if (plan.changes.length > 0) {
    report({ kind: "step", step, phase: "apply" });
    const applied = await settle<StepApplied>(lease.signal, () => definition.apply(app, plan, context));
    if (applied.state === "failed") return finish(app, work, describeFailure(applied), kept);
    if (applied.state === "blocked") return finish(app, work, describeBlocked(applied.needs, plan.summary), kept);
    for (const note of applied.notes) report({ kind: "note", text: `${formatStepName(step)}: ${note}` });
  }
  lease.confirm(await updateStepToApplied(app.db, lease.claim, row.id));

  report({ kind: "step", step, phase: "verify" });
  const verdict = await settle(lease.signal, () => definition.verify(app, context));
  return finish(app, work, "state" in verdict ? describeFailure(verdict) : describeVerdict(verdict), kept);
}

/** Ends a step that may not begin before others are verified. It is no finding of its own: they are. */
export async function blockStep(app: App, work: StepWork, waitsFor: string[]): Promise<void> {
  const result: StepResult = {
    state: "blocked",
    needs: waitsFor.map((step) => `${step} first`),
    evidence: { waitsFor },
    looseEnds: [],
  };
  await finish(app, work, result, undefined);
}

/** What a step threw, as text that may be stored and shown. */
export type Failure = { state: "failed"; summary: string; hint: string | undefined };

/** The step's plan. What it threw is a block where something outside is missing, else a failure. */
export async function askPlan(signal: AbortSignal, ask: () => Promise<StepPlan>): Promise<StepPlan | Failure> {
  return settle<StepPlan | Failure>(signal, async () => {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof AppError) || !missingOutside.has(error.code)) throw error;
      const { summary, hint } = describeError(error);
      const need = hint === undefined ? summary : `${summary} (${hint})`;
      return { state: "blocked", summary, needs: [need], changes: [], looseEnds: [] };
    }
  });
}

/** The answer, or what was thrown. An interrupted act has neither. */
async function settle<T>(signal: AbortSignal, act: () => Promise<T>): Promise<T | Failure> {
  signal.throwIfAborted();
  let answer: T | Failure;
  try {
    answer = await act();
  } catch (error) {
    answer = describeError(error);
  }
  signal.throwIfAborted();
  return answer;
}

/** The row and its event, together or not at all: the row takes one outcome, so there is one event. */
async function finish(app: App, work: StepWork, answer: StepResult, plan: StepPlan | undefined): Promise<void> {
  const { run, lease, row } = work;
  const looseEnds = mergeLooseEnds(plan?.looseEnds ?? [], answer.looseEnds);
  const result = storable({ ...answer, looseEnds });
  await transaction(app.db, async (tx) => {
    lease.confirm(await finishStep(tx, lease.claim, row.id, result));
    await appendEvent(tx, app.keys, {
      actor: run.requestedBy,
      action: "hardening.step",
      target: formatStepName(row),
      environment: row.environment,
      outcome: result.state,
      details: {
        runId: run.id,
        stepId: row.id,
        summary: summarize(result),
        needs: result.needs,
        planFingerprint: plan?.state === "ready" ? plan.fingerprint : null,
      },
    });
  });
  work.report({ kind: "step-ended", step: row, outcome: result.state, summary: summarize(result) });
}

/** A failure outweighs a block, and both outweigh success. */
export function decideOutcome(steps: readonly Pick<HardeningStep, "state">[]): Outcome {
  if (steps.some((step) => step.state === "failed")) return "failed";
  return steps.some((step) => step.state !== "verified") ? "blocked" : "verified";
}

/** What a row says in one line. */
export function summarize(step: Pick<StepResult, "needs" | "evidence">): string {
  if (step.needs.length > 0) return `needs ${step.needs.join("; ")}`;
  const { error, summary } = step.evidence;
  return typeof error === "string" ? error : typeof summary === "string" ? summary : "";
}

/** The plan to store: the first one while nothing but its rest is left. Tells what is different. */
function keepPlan(row: HardeningStep, fresh: StepPlan, report: ReportProgress): StepPlan {
  const stored = row.plan;
  if (stored === null) return fresh;
  const isRest =
    stored.state === "ready" &&
    fresh.state === "ready" &&
    fresh.changes.every((change) => stored.changes.includes(change));
  const began = row.attempt > 0;
  if (began && isRest) {
    report({ kind: "note", text: `${formatStepName(row)}: begun before, ${fresh.changes.length} changes left` });
    return stored;
  }
  for (const text of describeDifference(stored, fresh)) {
    report({ kind: "note", text: `${formatStepName(row)}: ${text}` });
  }
  return fresh;
}

function describeDifference(stored: StepPlan, fresh: StepPlan): string[] {
  if (fingerprintOf(stored) === fingerprintOf(fresh)) return [];
  const removed = stored.changes.filter((change) => !fresh.changes.includes(change));
  const added = fresh.changes.filter((change) => !stored.changes.includes(change));
  return [
    `the plan is another one: it was "${stored.summary}", it is "${fresh.summary}"`,
    ...removed.map((change) => `- ${change}`),
    ...added.map((change) => `+ ${change}`),
  ];
}

function fingerprintOf(plan: StepPlan): string {
  return plan.state === "ready" ? plan.fingerprint : `blocked ${plan.needs.join("; ")}`;
}

function describeVerdict(verdict: StepVerdict): StepResult {
  return {
    state: verdict.verified ? "verified" : "failed",
    needs: [],
    evidence: { ...verdict.evidence, summary: verdict.summary },
    looseEnds: verdict.looseEnds,
  };
}

function describeBlocked(needs: string[], summary: string): StepResult {
  return { state: "blocked", needs, evidence: { summary }, looseEnds: [] };
}

function describeFailure({ summary, hint }: Failure): StepResult {
  return {
    state: "failed",
    needs: [],
    evidence: { error: summary, ...(hint === undefined ? {} : { hint }) },
    looseEnds: [],
  };
}

function describeError(error: unknown): Failure {
  return storable({
    state: "failed",
    summary: error instanceof Error ? error.message : String(error),
    hint: error instanceof AppError ? error.hint : undefined,
  });
}

/** The same without secrets, and without what PostgreSQL does not take in text: NUL and halves of characters. */
function storable<T>(value: T): T {
  const text = JSON.stringify(value, (_key, part: unknown) =>
    typeof part === "string" ? redact(part).replaceAll("\0", "").toWellFormed() : part,
  );
  // What a step answers is JSON, and strings are replaced by strings.
  return JSON.parse(text) as T;
}

/** One per id: the later list knows better. */
function mergeLooseEnds(before: readonly LooseEnd[], after: readonly LooseEnd[]): LooseEnd[] {
  const byId = new Map([...before, ...after].map((end) => [end.id, end]));
  return [...byId.values()];
}
