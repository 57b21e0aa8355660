/** A comparison turned into a plan: mended statements with hazards, in segments, and what stands against applying them. */
import { createHash } from "node:crypto";

import type { Hazard } from "#config/schema.ts";
import { redact } from "#secrets/redact.ts";

import type { Ends } from "./desired.ts";
import type { DeltaAction, DeltaObject, DeltaPlan } from "./delta-protocol.ts";
import type { Segment } from "./executor.ts";
import { findHazards, relationKey } from "./hazards.ts";
import type { MirrorSpec } from "./mirror.ts";
import { findAbility, listLastValues, listPopulated } from "./mirror-queries.ts";
import { listRaisedSequences, mendActions } from "./repairs.ts";
import type { MirrorFinding, MirrorReport, MirrorStatement, Refusal } from "./schema.ts";

export type Composed = Pick<MirrorReport, "statements" | "counts" | "refusals" | "fingerprint"> & {
  segments: Segment[];
};

/** Mends and weighs the actions; asks dev which tables hold rows and where sequences stand. */
export async function composePlan(
  spec: MirrorSpec,
  ends: Pick<Ends, "dev">,
  compared: {
    /** Statements of a dump are right as they are. */
    source: "comparison" | "dump";
    actions: readonly DeltaAction[];
    missingRoles: readonly string[];
    fingerprints: readonly string[];
  },
): Promise<Composed> {
  const populated = await findPopulated(ends, compared.actions);
  const lastValues = await listLastValues(ends.dev, listRaisedSequences(compared.actions));
  const isFilled = (action: DeltaAction): boolean => action.relations.some((name) => populated.has(relationKey(name)));
  const found = [...compared.missingRoles.map(createRole), ...compared.actions];
  const actions =
    compared.source === "dump"
      ? found
      : mendActions(found, {
          lastValue: (sequence) => lastValues.get(sequence),
          buildsBesideWriters: (action) => !spec.allow.includes("lock") && isFilled(action),
        });
  const { role } = await findAbility(ends.dev);
  const hazards = findHazards(actions, { populated, currentRole: role });
  const segmentOf = numberSegments(actions);
  const statements = actions.map((action, index): MirrorStatement => {
    const weighed = hazards[index] ?? { hazards: [], notes: [] };
    const { kind, object } = action.subject;
    return { sql: redact(action.sql), verb: action.verb, kind, object, ...weighed, segment: segmentOf[index] ?? 0 };
  });
  return {
    statements,
    counts: countKinds(actions),
    refusals: refuseHazards(statements, spec.allow),
    fingerprint: fingerprint([...compared.fingerprints, ...actions.map(({ sql }) => sql)]),
    segments: gatherSegments(actions, segmentOf),
  };
}

/** SHA-256 over the parts, each with its length. */
export function fingerprint(parts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part);
  return hash.digest("hex");
}

async function findPopulated(ends: Pick<Ends, "dev">, actions: readonly DeltaAction[]): Promise<Set<string>> {
  const relations = new Map(
    actions.flatMap((action) => action.relations.map((name) => [relationKey(name), name] as const)),
  );
  return new Set((await listPopulated(ends.dev, [...relations.values()])).map(relationKey));
}

/** A grant or an owner needs its role to exist; it may do nothing until somebody lets it log in. */
function createRole(name: string): DeltaAction {
  const identifier = `"${name.replaceAll('"', '""')}"`;
  return {
    sql: `CREATE ROLE ${identifier} NOLOGIN`,
    verb: "create",
    subject: { kind: "role", object: identifier },
    destroys: [],
    relations: [],
    transaction: "inside",
    lock: "none",
    losesData: false,
    mayRewrite: false,
    retype: null,
    endpoints: [],
  };
}

/** One segment for all added labels, one for the transaction, one for each statement outside of it. */
function numberSegments(actions: readonly DeltaAction[]): number[] {
  let segment = -1;
  let before: DeltaAction["transaction"] | undefined;
  return actions.map(({ transaction }) => {
    if (transaction !== before || transaction === "outside") segment += 1;
    before = transaction;
    return segment;
  });
}

function gatherSegments(actions: readonly DeltaAction[], segmentOf: readonly number[]): Segment[] {
  const segments: Segment[] = [];
  for (const [index, { sql, transaction }] of actions.entries()) {
    const at = segmentOf[index] ?? 0;
    const segment = (segments[at] ??= { transactional: transaction !== "outside", statements: [] });
    segment.statements.push(sql);
  }
  return segments;
}

function countKinds(actions: readonly DeltaAction[]): MirrorReport["counts"] {
  const counts: MirrorReport["counts"] = {};
  for (const { subject, verb } of actions) {
    const count = (counts[subject.kind] ??= { create: 0, alter: 0, drop: 0 });
    count[verb] += 1;
  }
  return counts;
}

const hazardTexts: Record<Hazard, string> = {
  "data-loss": "rows or values of dev would be lost",
  lock: "tables that hold rows would be locked",
  rewrite: "tables that hold rows would be rewritten",
  "index-rebuild": "indexes of tables that hold rows would be built again",
  privilege: "privileges would change",
  "endpoint-copied": "dev would get prod's addresses or keys",
  ahead: "dev is ahead",
};

function refuseHazards(statements: readonly MirrorStatement[], allow: readonly Hazard[]): Refusal[] {
  const found = new Set(statements.flatMap(({ hazards }) => hazards).filter((hazard) => !allow.includes(hazard)));
  return [...found].toSorted().map((hazard) => {
    const subjects = statements.filter(({ hazards }) => hazards.includes(hazard)).map(describeSubject);
    return {
      hazard,
      text: hazardTexts[hazard],
      subjects: [...new Set(subjects)],
      remedy: `let it happen once with leveredge mirror apply --allow ${hazard}, or always by mirror.allow in leveredge.yaml`,
    };
  });
}

function describeSubject({ verb, kind, object, notes }: MirrorStatement): string {
  return `${verb} ${kind} ${object}${notes.length === 0 ? "" : ` (${notes.join("; ")})`}`;
}

/** What of a comparison no option passes: it has to be mended by hand first. */
export function refuseUnplannable(spec: MirrorSpec, plan: DeltaPlan): Refusal[] {
  const conflicts = plan.conflicts.map(({ kept, needs }) => `${words(kept)} needs ${words(needs)}`);
  const unreachable = plan.unreachable.map(({ object, needs }) => `${words(object)} needs ${words(needs)}`);
  const refusals: Refusal[] = [];
  if (conflicts.length > 0) {
    refusals.push({
      hazard: null,
      text: `objects that only ${spec.to.label} has stand on what ${spec.from.label} does not have`,
      subjects: conflicts,
      remedy: "drop or change them, or pass --dev-only drop",
    });
  }
  if (unreachable.length > 0) {
    refusals.push({
      hazard: null,
      text: `foreign servers are never copied from ${spec.from.label}, and these objects need one`,
      subjects: unreachable,
      remedy: `create the server on ${spec.to.label} with its own address and user mapping`,
    });
  }
  return refusals;
}

export function findPlanFindings(spec: MirrorSpec, plan: DeltaPlan): MirrorFinding[] {
  const bound = plan.environmentBound.map((object): MirrorFinding => ({
    id: `mirror.environment-bound.${words(object)}`,
    severity: "medium",
    text: `${words(object)} exists on ${spec.from.label} only: it is bound to its environment and never copied`,
    remedy: `create it on ${spec.to.label} with its own address and password if it is needed there`,
  }));
  const unmodelled = plan.unmodelled.map((message): MirrorFinding => ({
    id: `mirror.unmodelled.${message.split(":")[0] ?? ""}`,
    severity: "medium",
    text: `${spec.from.label} has objects that are compared but not mirrored: ${message}`,
    remedy: `create them on ${spec.to.label} by a migration`,
  }));
  return [...bound, ...unmodelled];
}

/** `table public.orders`. */
export function words({ kind, object }: DeltaObject): string {
  return `${kind} ${object}`;
}
