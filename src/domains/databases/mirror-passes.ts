/** How a plan is applied: run, recorded on dev, proven, and planned again where one pass is not enough. */
import type pg from "pg";

import type { App } from "#app.ts";
import { redact } from "#secrets/redact.ts";
import { ensureMigrationTable, recordMirror, updateMirrorStatus } from "#store/migrator.ts";

import { type Execution, runSegments, type Segment } from "./executor.ts";
import { adviseFailure } from "./failures.ts";
import type { MirrorPlan, MirrorSpec, MirrorWork } from "./mirror.ts";
import type { MirrorFinding, MirrorOutcome, MirrorVerdict } from "./schema.ts";

/** A fresh plan, and the proof. */
export type Again = { plan(): Promise<MirrorPlan>; verify(): Promise<MirrorVerdict> };

const maxPasses = 4;
const lockTimeoutMs = 10_000;
const statementTimeoutMs = 30 * 60 * 1000;

/** Nothing was done. */
export const noOutcome: MirrorOutcome = {
  state: "equal",
  passes: 0,
  statements: 0,
  recordedAs: null,
  segments: [],
  failure: null,
  refusals: [],
  needs: [],
  verdict: null,
};

/**
 * Applies the plan and asks for the proof; plans again while the proof finds what one
 * more pass can mend.
 */
export async function applyPasses(
  app: Pick<App, "now">,
  spec: MirrorSpec,
  client: pg.Client,
  first: MirrorPlan,
  work: MirrorWork,
  again: Again,
): Promise<MirrorOutcome> {
  let outcome = noOutcome;
  let plan = first;
  for (let pass = 1; ; pass += 1) {
    if (plan.statements.length > 0) {
      const execution = await execute(app, spec, client, plan, work);
      outcome = {
        ...outcome,
        passes: pass,
        statements: outcome.statements + plan.statements.length,
        recordedAs: execution.recordedAs ?? outcome.recordedAs,
        segments: [...outcome.segments, ...execution.segments],
      };
      if (execution.failure !== null)
        return { ...outcome, state: "failed", failure: describeFailure(execution.failure) };
    }
    const verdict = await again.verify();
    if (verdict.equal) return { ...outcome, state: "equal", verdict };
    const different: MirrorOutcome = { ...outcome, state: "different", verdict };
    if (pass === maxPasses) return different;
    const next = await again.plan();
    if (next.state !== "ready") return { ...different, refusals: next.refusals, needs: next.needs };
    if (next.statements.length === 0) return different;
    if (next.script.reveal() === plan.script.reveal()) {
      return { ...different, verdict: { ...verdict, findings: [...verdict.findings, describeStuck(next)] } };
    }
    plan = next;
  }
}

async function execute(
  app: Pick<App, "now">,
  spec: MirrorSpec,
  client: pg.Client,
  plan: MirrorPlan,
  work: MirrorWork,
): Promise<Execution> {
  const { table } = spec.migrations;
  await ensureMigrationTable(client, table, { environment: "dev" });
  // The script was written by composePlan of this process, or of one that stored it for us.
  const segments = JSON.parse(plan.script.reveal()) as Segment[];
  const sql = plan.statements.map((statement) => statement.sql).join(";\n");
  const status = (statuses: Execution["segments"]): unknown => ({
    from: plan.from,
    desired: plan.desired,
    segments: statuses,
  });
  return runSegments(
    client,
    segments,
    {
      insert: (statuses) =>
        recordMirror(client, table, {
          at: app.now(),
          appliedBy: spec.appliedBy,
          checksum: plan.fingerprint,
          sql,
          status: status(statuses),
        }),
      update: (name, statuses) => updateMirrorStatus(client, table, name, status(statuses)),
    },
    {
      lockTimeoutMs,
      statementTimeoutMs,
      signal: work.signal,
      onStatement: (done) => work.progress(`applying to ${spec.to.label}`, done, plan.statements.length),
    },
  );
}

/** The same statements again: PostgreSQL words an expression anew each time it stores it. */
function describeStuck({ statements }: MirrorPlan): MirrorFinding {
  const objects = [...new Set(statements.map(({ kind, object }) => `${kind} ${object}`))];
  return {
    id: "mirror.never-equal",
    severity: "medium",
    text: `what was done would be done again each time: PostgreSQL stores ${objects.join(", ")} in other words than it shows`,
    remedy: "write the expression on prod as dev shows it, by a migration",
  };
}

function describeFailure(failure: NonNullable<Execution["failure"]>): NonNullable<MirrorOutcome["failure"]> {
  return { sql: redact(failure.sql), message: redact(failure.message), hint: adviseFailure(failure) };
}
