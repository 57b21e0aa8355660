/**
 * Mirror: make one database's schema equal to another's, and prove it.
 *
 * Dev should be prod's schema plus the migrations that dev has taken and prod has
 * not; work that goes dev first is never reverted. `planMirror` says what differs and
 * what the change may cost, and writes nothing that lasts. `applyMirror` runs exactly
 * that plan, or nothing: hazards must be allowed by name, and a dev that changed since
 * is refused. `verifyMirror` reads both catalogues again and compares them without the
 * library that planned; only its answer makes a mirror equal.
 *
 * Rows are never read here, prod is opened read only, whole objects that only dev has
 * are kept unless asked otherwise, and what is bound to its environment (foreign
 * servers, user mappings, subscriptions, schedules) is never copied.
 */
import type pg from "pg";

import type { App } from "#app.ts";
import type { Hazard } from "#config/schema.ts";
import { AppError } from "#errors.ts";
import { redact } from "#secrets/redact.ts";
import { Secret } from "#secrets/secret.ts";
import { ensureMigrationTable, type MigrationTable, recordMirror, updateMirrorStatus } from "#store/migrator.ts";

import { connect, type DatabaseTarget, refuseTransactionPooler } from "./connection.ts";
import {
  type Desired,
  dumpScope,
  type Ends,
  listDumpNeeds,
  listMissingExtensions,
  mirrorScope,
  openDesired,
} from "./desired.ts";
import { compareSchemas } from "./delta-process.ts";
import type { DeltaPlan } from "./delta-protocol.ts";
import { dumpSchema } from "./dump.ts";
import { describeEntries } from "./bootstrap.ts";
import { type Execution, runSegments, type Segment } from "./executor.ts";
import { adviseFailure } from "./failures.ts";
import { guardDirection } from "./mirror-guard.ts";
import { composePlan, findPlanFindings, fingerprint, refuseUnplannable, words } from "./mirror-plan.ts";
import {
  hasForeignServers,
  isEmptyDatabase,
  listReferencedRoles,
  listRoles,
  readCatalogStamp,
  tryMirrorLock,
} from "./mirror-queries.ts";
import { supplementActions } from "./supplement.ts";
import { verifyEnds } from "./mirror-verdict.ts";
import type { MirrorOutcome, MirrorReport, MirrorVerdict, Refusal } from "./schema.ts";

export type MirrorSpec = {
  from: DatabaseTarget;
  to: DatabaseTarget;
  /** Hazards that may happen. */
  allow: Hazard[];
  devOnly: "keep" | "drop";
  /** Where migrations are recorded in both databases, and where their files lie; no directory, no replay. */
  migrations: { table: MigrationTable; directory: string | undefined };
  /** Says that the target is dev: without it, a target that is neither empty nor marked is refused. */
  markDev: boolean;
  /** Recorded as `applied_by`. */
  appliedBy: string;
};

export type MirrorWork = {
  signal: AbortSignal;
  progress(text: string, done?: number, total?: number): void;
};

/** A report, and what only applying it needs. */
export type MirrorPlan = MirrorReport & {
  /** The segments as they are run, as JSON; never shown. */
  script: Secret;
  /** Dev's catalogue when it was planned. */
  stamp: string;
};

const maxPasses = 4;
const lockTimeoutMs = 10_000;
const statementTimeoutMs = 30 * 60 * 1000;

/** What would make the target equal, and what stands against it. Reads only. */
export async function planMirror(app: Pick<App, "run">, spec: MirrorSpec, work: MirrorWork): Promise<MirrorPlan> {
  await refuseTransactionPooler(spec.to);
  return withEnds(spec, async (ends) => {
    const stamp = await readCatalogStamp(ends.dev);
    const refusals = await guardDirection(spec, ends);
    const empty = emptyPlan(spec, stamp);
    if (refusals.length > 0) return { ...empty, state: "refused", refusals };
    const desired = await openDesired(app, spec, ends, work);
    try {
      return await planDesired(app, spec, ends, desired, empty, work);
    } finally {
      await desired.close();
    }
  });
}

/** Runs the plan and proves the result; plans again, at most four times, while the proof finds what one more pass can mend. */
export async function applyMirror(
  app: Pick<App, "run" | "now">,
  spec: MirrorSpec,
  plan: MirrorPlan,
  work: MirrorWork,
): Promise<MirrorOutcome> {
  if (plan.state !== "ready") return { ...noOutcome, state: plan.state, refusals: plan.refusals, needs: plan.needs };
  const client = await connect(spec.to, { readOnly: false, lockTimeoutMs });
  try {
    if (!(await tryMirrorLock(client))) {
      throw new AppError("conflict", `another mirror is writing ${spec.to.label}`, {
        hint: "Wait until it ends, then plan again.",
      });
    }
    const refusals = await checkUnchanged(app, spec, plan, work);
    if (refusals.length > 0) return { ...noOutcome, state: "refused", refusals };
    return await applyPasses(app, spec, client, plan, work);
  } finally {
    await client.end();
  }
}

/** Whether the target is what it should be now, told by the independent verifier. Reads only. */
export function verifyMirror(app: Pick<App, "run">, spec: MirrorSpec, work: MirrorWork): Promise<MirrorVerdict> {
  return withEnds(spec, async (ends) => {
    const desired = await openDesired(app, spec, ends, work);
    try {
      return await verifyEnds(spec, ends, desired, work);
    } finally {
      await desired.close();
    }
  });
}

async function withEnds<T>(spec: MirrorSpec, work: (ends: Ends) => Promise<T>): Promise<T> {
  const prod = await connect(spec.from, { readOnly: true });
  try {
    const dev = await connect(spec.to, { readOnly: true });
    try {
      return await work({ prod, dev });
    } finally {
      await dev.end();
    }
  } finally {
    await prod.end();
  }
}

function emptyPlan(spec: MirrorSpec, stamp: string): MirrorPlan {
  return {
    from: spec.from.label,
    to: spec.to.label,
    state: "ready",
    desired: spec.from.label,
    pending: [],
    statements: [],
    counts: {},
    kept: [],
    missingRoles: [],
    findings: [],
    refusals: [],
    needs: [],
    fingerprint: fingerprint([]),
    script: new Secret("[]"),
    stamp,
  };
}

async function planDesired(
  app: Pick<App, "run">,
  spec: MirrorSpec,
  ends: Ends,
  desired: Desired,
  empty: MirrorPlan,
  work: MirrorWork,
): Promise<MirrorPlan> {
  const plan: MirrorPlan = { ...empty, desired: desired.words, pending: desired.pending };
  const missing = await listMissingExtensions(spec, ends);
  const needs = [...new Set([...desired.needs, ...missing])];
  if (needs.length > 0) return { ...plan, state: "blocked", needs };
  if (desired.refusals.length > 0) return { ...plan, state: "refused", refusals: desired.refusals };
  const scope = mirrorScope(spec);
  if (desired.kind === "live" && (await isEmptyDatabase(ends.dev, scope)) && !(await hasForeignServers(ends.prod))) {
    return planBootstrap(app, spec, ends, plan, work);
  }
  work.progress(`comparing ${spec.to.label} with ${desired.words}`);
  const compared = await compareSchemas(
    app,
    {
      desired: desired.target,
      actual: spec.to,
      devOnly: spec.devOnly,
      excludedSchemas: scope.schemas,
      excludedTables: scope.tables,
    },
    work.signal,
  );
  if (compared.state === "refused") return { ...plan, state: "refused", refusals: [refuseChange(compared.message)] };
  const more = await supplementActions(desired.client, ends.dev, {
    schemas: [...scope.schemas, ...compared.platformSchemas],
    tables: scope.tables,
  });
  return finishPlan(spec, ends, plan, { ...compared, actions: [...compared.actions, ...more] });
}

function refuseChange(message: string): Refusal {
  return {
    hazard: null,
    text: "this change cannot be made in place",
    subjects: [redact(message)],
    remedy: "change the object on dev by a migration, or drop it there, then plan again",
  };
}

async function finishPlan(spec: MirrorSpec, ends: Ends, plan: MirrorPlan, compared: DeltaPlan): Promise<MirrorPlan> {
  const roles = await listRoles(ends.dev);
  const named = await listReferencedRoles(ends.prod);
  // A role that was made for the throw-away database is gone with it.
  const missingRoles = [
    ...new Set([...compared.missingRoles, ...named.filter((role) => !roles.includes(role))]),
  ].toSorted();
  const needed = compared.actions.length === 0 ? [] : missingRoles;
  const { segments, ...composed } = await composePlan(spec, ends, {
    source: "comparison",
    actions: compared.actions,
    missingRoles: needed,
    fingerprints: [compared.desiredFingerprint, compared.actualFingerprint],
  });
  const refusals = [...refuseUnplannable(spec, compared), ...composed.refusals];
  return {
    ...plan,
    ...composed,
    state: refusals.length > 0 ? "refused" : "ready",
    refusals,
    missingRoles: needed,
    kept: compared.kept.map(words),
    findings: findPlanFindings(spec, compared),
    script: new Secret(JSON.stringify(segments)),
  };
}

/** An empty dev takes prod's dump as it is: planning object by object takes time by the square of their number. */
async function planBootstrap(
  app: Pick<App, "run">,
  spec: MirrorSpec,
  ends: Ends,
  plan: MirrorPlan,
  work: MirrorWork,
): Promise<MirrorPlan> {
  const needs = await listDumpNeeds(app, spec, ends, work);
  if (needs.length > 0) return { ...plan, state: "blocked", needs };
  work.progress(`${spec.to.label} is empty: reading the whole schema of ${spec.from.label}`);
  const actions = describeEntries(await dumpSchema(app, spec.from, await dumpScope(spec, ends.prod), work.signal));
  const roles = await listRoles(ends.dev);
  const missingRoles = (await listReferencedRoles(ends.prod)).filter((role) => !roles.includes(role));
  const { segments, ...composed } = await composePlan(spec, ends, {
    source: "dump",
    actions,
    missingRoles,
    fingerprints: ["empty"],
  });
  return {
    ...plan,
    ...composed,
    state: composed.refusals.length > 0 ? "refused" : "ready",
    missingRoles,
    script: new Secret(JSON.stringify(segments)),
  };
}

/** An unchanged catalogue needs no second comparison; a changed one must still give the same plan. */
async function checkUnchanged(
  app: Pick<App, "run">,
  spec: MirrorSpec,
  plan: MirrorPlan,
  work: MirrorWork,
): Promise<Refusal[]> {
  const now = await withEnds(spec, async (ends) => {
    return { refusals: await guardDirection(spec, ends), stamp: await readCatalogStamp(ends.dev) };
  });
  if (now.refusals.length > 0 || now.stamp === plan.stamp) return now.refusals;
  const again = await planMirror(app, spec, work);
  if (again.fingerprint === plan.fingerprint) return [];
  return [
    {
      hazard: null,
      text: `${spec.to.label} or ${spec.from.label} changed after this plan was made`,
      subjects: [],
      remedy: "plan again and look at what is planned now",
    },
  ];
}

const noOutcome: MirrorOutcome = {
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

async function applyPasses(
  app: Pick<App, "run" | "now">,
  spec: MirrorSpec,
  client: pg.Client,
  first: MirrorPlan,
  work: MirrorWork,
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
    const verdict = await verifyMirror(app, spec, work);
    if (verdict.equal) return { ...outcome, state: "equal", verdict };
    const different: MirrorOutcome = { ...outcome, state: "different", verdict };
    if (pass === maxPasses) return different;
    const next = await planMirror(app, spec, work);
    if (next.state !== "ready") return { ...different, refusals: next.refusals, needs: next.needs };
    // The same statements again: an expression that PostgreSQL words anew each time it is stored.
    if (next.statements.length === 0 || next.script.reveal() === plan.script.reveal()) return different;
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

function describeFailure(failure: NonNullable<Execution["failure"]>): NonNullable<MirrorOutcome["failure"]> {
  return { sql: redact(failure.sql), message: redact(failure.message), hint: adviseFailure(failure) };
}
