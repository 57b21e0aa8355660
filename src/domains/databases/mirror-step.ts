/** Section 1, dev: prod's schema, and dev's own migrations on top of it. */
import type { App } from "#app.ts";
import type { LooseEnd, StepApplied, StepContext, StepPlan, StepVerdict } from "#domain.ts";
import { AppError } from "#errors.ts";

import { configuredMigrations } from "./configured.ts";
import { configuredTarget } from "#postgres/configured-target.ts";
import { currentUser } from "#system/user.ts";
import { applyMirror, type MirrorSpec, planMirror, verifyMirror } from "./mirror.ts";
import { describeDrift, describeRefusal, describeStatement, shorten } from "./mirror-report.ts";
import type { Difference, MirrorReport, MirrorVerdict, PendingMigration } from "./schema.ts";
import type { StepBody } from "./section.ts";

const shownDifferences = 50;

export const mirrorSchema = { plan: planStep, apply: applyStep, verify: verifyStep } satisfies StepBody;

/** What the configuration asks of the mirror. */
export async function configuredMirror(app: App): Promise<MirrorSpec> {
  const { mirror } = app.config;
  return {
    from: await configuredTarget(app, "prod"),
    to: await configuredTarget(app, "dev"),
    allow: mirror?.allow ?? [],
    devOnly: mirror?.dev_only ?? "keep",
    migrations: configuredMigrations(app.config),
    markDev: false,
    appliedBy: currentUser(),
  };
}

async function planStep(app: App, context: StepContext): Promise<StepPlan> {
  const report: MirrorReport = await planMirror(app, await configuredMirror(app), context);
  const changes = report.statements.map(describeStatement);
  if (report.state !== "ready") {
    const needs = [...report.needs, ...report.refusals.map(describeRefusal)];
    return {
      state: "blocked",
      summary: `dev stays as it is: ${report.state}`,
      needs,
      changes,
      looseEnds: report.findings,
    };
  }
  return {
    state: "ready",
    summary:
      changes.length === 0
        ? `dev equals ${report.desired}`
        : `${changes.length} statements make dev equal ${report.desired}`,
    changes,
    fingerprint: report.fingerprint,
    looseEnds: [],
  };
}

/** Plans once more, because the stored plan has no statements to run, and applies that. */
async function applyStep(app: App, _plan: unknown, context: StepContext): Promise<StepApplied> {
  const spec = await configuredMirror(app);
  const plan = await planMirror(app, spec, context);
  const outcome = await applyMirror(app, spec, plan, context);
  switch (outcome.state) {
    case "refused":
    case "blocked":
      return { state: "blocked", needs: [...outcome.needs, ...outcome.refusals.map(describeRefusal)] };
    case "failed": {
      const { message, hint, sql } = outcome.failure ?? { message: "no reason was given", hint: "", sql: "" };
      throw new AppError(
        "upstream_failed",
        `dev could not be made equal: ${message}${sql === "" ? "" : `\n  statement: ${shorten(sql)}`}`,
        {
          ...(hint === "" ? {} : { hint }),
        },
      );
    }
    case "equal":
    case "different":
      return {
        state: "applied",
        notes: [
          ...describeDrift(plan.drift),
          `${outcome.statements} statements, recorded as ${outcome.recordedAs ?? "nothing: there was nothing to do"}`,
        ],
      };
  }
}

async function verifyStep(app: App, context: StepContext): Promise<StepVerdict> {
  const verdict = await verifyMirror(app, await configuredMirror(app), context);
  return {
    verified: verdict.equal,
    summary: summarize(verdict),
    evidence: {
      objects: verdict.objects,
      desiredDigest: verdict.desiredDigest,
      actualDigest: verdict.actualDigest,
      differences: verdict.differences.slice(0, shownDifferences).map(describeDifference),
      differenceCount: verdict.differences.length,
      kept: verdict.kept,
      pending: verdict.pending,
    },
    looseEnds: [...verdict.findings, ...keptObjects(verdict), ...verdict.pending.map(waitingMigration)],
  };
}

function summarize(verdict: MirrorVerdict): string {
  if (verdict.needs.length > 0) return `cannot be told: ${verdict.needs.join("; ")}`;
  const short = verdict.actualDigest.slice(0, 12);
  if (verdict.equal)
    return `dev equals what prod and dev's migrations ask for: ${verdict.objects} objects, digest ${short}`;
  const [first] = verdict.differences;
  const example = first === undefined ? "" : `, first: ${describeDifference(first)}`;
  return `${verdict.differences.length} of ${verdict.objects} objects differ${example}`;
}

function describeDifference(difference: Difference): string {
  return `${difference.class}: ${difference.identity}`;
}

function keptObjects({ kept }: MirrorVerdict): LooseEnd[] {
  if (kept.length === 0) return [];
  return [
    {
      id: "mirror:dev-only",
      severity: "low",
      text: `dev has what prod has not, and keeps it: ${kept.join(", ")}`,
      remedy: "leveredge mirror apply --dev-only drop --allow data-loss",
    },
  ];
}

function waitingMigration({ name, unreplayable }: PendingMigration): LooseEnd {
  if (unreplayable === null) {
    return {
      id: `migration:waits:${name}`,
      severity: "low",
      text: `migration ${name} is on dev and waits for prod`,
      remedy: "leveredge migrate up --env prod",
    };
  }
  return {
    id: `migration:unreplayable:${name}`,
    severity: "medium",
    text: `migration ${name} is recorded on dev, and a mirror cannot keep it: ${unreplayable}`,
    remedy: "leveredge migrate status",
  };
}
