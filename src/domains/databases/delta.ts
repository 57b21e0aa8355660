/**
 * Comparing two schemas with pg-delta: the only files that know it are this one and
 * `delta-facts.ts`. It runs in a process of its own (`delta-child.ts`), because it
 * holds both catalogs in memory and its planning blocks the event loop.
 *
 * Its verdict is never trusted: it calls a schema converged while an index is
 * invalid. It says what to do; `executor.ts` does it, `catalog.ts` proves it.
 */
import {
  encodeId,
  extract,
  plan,
  supabasePolicy,
  type Action,
  type Diagnostic,
  type FactBase,
  type Policy,
  type StableId,
} from "@supabase/pg-delta";
import type pg from "pg";

import { describeId, listMissingRoles, withDevOnly, withEnvironmentOf, withoutExcluded } from "./delta-facts.ts";
import { findEndpoints } from "./endpoints.ts";
import type { DeltaAction, DeltaAnswer, DeltaRequest, RelationName } from "./delta-protocol.ts";

/** What the platform owns stays its own, except policies on storage, which are the user's. */
const supabaseMirrorPolicy: Policy = {
  ...supabasePolicy,
  filter: [
    { match: { all: [{ kind: "policy" }, { schema: ["storage"] }] }, action: "include" },
    ...(supabasePolicy.filter ?? []),
  ],
};

const transactions = {
  transactional: "inside",
  commitBoundaryAfter: "own-commit",
  nonTransactional: "outside",
} as const;

/** Reads both databases and says how to make the actual one like the desired one. */
export async function planDifferences(
  request: Omit<DeltaRequest, "desired" | "actual">,
  sessions: { desired: pg.Client; actual: pg.Client },
): Promise<DeltaAnswer> {
  const [desiredRead, actualRead] = await Promise.all([
    readFacts(sessions.desired, request.statementTimeoutMs),
    readFacts(sessions.actual, request.statementTimeoutMs),
  ]);
  const excluded = { schemas: request.excludedSchemas, tables: request.excludedTables };
  const actual = withoutExcluded(actualRead.factBase, excluded);
  const prod = withoutExcluded(desiredRead.factBase, excluded);
  const bound = withEnvironmentOf(prod, actual);
  const union = withDevOnly(bound.desired, actual, request.devOnly);
  const missingRoles = listMissingRoles(union.desired, actual);
  const supabase = isSupabase(prod) && isSupabase(actual);
  let made: ReturnType<typeof plan>;
  try {
    made = plan(actual, union.desired, {
      scope: "database",
      renames: "off",
      assumedRoles: [...roleNames(actual), ...missingRoles],
      ...(supabase ? { policy: supabaseMirrorPolicy } : {}),
    });
  } catch (cause) {
    return { state: "refused", message: cause instanceof Error ? cause.message : String(cause) };
  }
  const retyped = new Map(
    made.deltas.flatMap((delta) =>
      delta.verb === "set" && delta.attr === "type" && typeof delta.from === "string" && typeof delta.to === "string"
        ? [[encodeId(delta.id), { from: delta.from, to: delta.to }] as const]
        : [],
    ),
  );
  return {
    state: "planned",
    actions: made.actions.map((action) => describeAction(action, actual, retyped)),
    desiredFingerprint: made.target.fingerprint,
    actualFingerprint: made.source.fingerprint,
    kept: union.kept.map(describeId),
    conflicts: union.conflicts.map(({ kept, needs }) => ({ kept: describeId(kept), needs: describeId(needs) })),
    environmentBound: bound.absent.map(describeId),
    unreachable: bound.unreachable.map(({ object, needs }) => ({
      object: describeId(object),
      needs: describeId(needs),
    })),
    missingRoles,
    unmodelled: listUnmodelled(desiredRead.diagnostics),
    platformSchemas: supabase ? [...(supabaseMirrorPolicy.assumedSchemas ?? [])] : [],
  };
}

function readFacts(session: pg.Client, statementTimeoutMs: number): ReturnType<typeof extract> {
  // pg-delta asks for a pool and takes exactly one session from it, which our session stands for.
  const pool = {
    connect: () => Promise.resolve(Object.assign(session, { release: () => undefined })),
  } as unknown as pg.Pool;
  return extract(pool, { statementTimeoutMs });
}

function isSupabase(base: FactBase): boolean {
  return (
    base.has({ kind: "schema", name: "auth" }) &&
    base.has({ kind: "schema", name: "storage" }) &&
    base.has({ kind: "role", name: "supabase_admin" })
  );
}

function roleNames(base: FactBase): string[] {
  return base.facts().flatMap(({ id }) => (id.kind === "role" ? [id.name] : []));
}

const dataHolders: ReadonlySet<StableId["kind"]> = new Set(["table", "column", "materializedView"]);
const derivedKind = "derived data";

type Retyped = ReadonlyMap<string, { from: string; to: string }>;

function describeAction(action: Action, actual: FactBase, retyped: Retyped): DeltaAction {
  const subject = action.produces[0] ?? action.destroys[0] ?? action.consumes[0];
  const before = subject === undefined ? undefined : actual.get(subject);
  const known = before === undefined ? [] : findEndpoints(JSON.stringify(before.payload));
  const retype = / ALTER COLUMN [\s\S]* TYPE /.test(action.sql)
    ? action.consumes.map((id) => retyped.get(encodeId(id))).find((change) => change !== undefined)
    : undefined;
  const touched = [...action.produces, ...action.destroys, ...action.consumes];
  return {
    sql: action.sql,
    verb: action.verb,
    subject: subject === undefined ? { kind: "statement", object: "" } : describeId(subject),
    destroys: action.destroys.map((id) =>
      isDerived(id, actual) ? { ...describeId(id), kind: derivedKind } : describeId(id),
    ),
    relations: listRelations(touched, actual),
    transaction: transactions[action.transactionality],
    lock: action.lockClass,
    losesData: action.dataLoss === "destructive" && !onlyDerived(action.destroys, actual),
    mayRewrite: action.rewriteRisk,
    retype: retype ?? null,
    endpoints: action.verb === "drop" ? [] : findEndpoints(action.sql).filter((endpoint) => !known.includes(endpoint)),
  };
}

/** What PostgreSQL computes from other columns and tables: dropped and made again, nothing is lost. */
function isDerived(id: StableId, actual: FactBase): boolean {
  if (id.kind === "materializedView") return true;
  if (id.kind !== "column") return false;
  const fact = actual.get(id);
  return fact?.parent?.kind === "materializedView" || fact?.payload["generatedExpr"] != null;
}

function onlyDerived(destroyed: readonly StableId[], actual: FactBase): boolean {
  const holders = destroyed.filter(({ kind }) => dataHolders.has(kind));
  return holders.length > 0 && holders.every((id) => isDerived(id, actual));
}

/** The tables and materialized views of dev that the ids belong to. */
function listRelations(ids: readonly StableId[], actual: FactBase): RelationName[] {
  const found = new Map<string, RelationName>();
  for (const id of ids) {
    let current: StableId | undefined = "target" in id ? id.target : id;
    while (current !== undefined) {
      if ((current.kind === "table" || current.kind === "materializedView") && actual.has(current)) {
        found.set(encodeId(current), { schema: current.schema, name: current.name });
      }
      current = actual.get(current)?.parent ?? parentTable(current);
    }
  }
  return [...found.values()];
}

/** A new column or constraint has no parent on dev yet, but names its table. */
function parentTable(id: StableId): StableId | undefined {
  return "table" in id && id.kind !== "publicationRel"
    ? { kind: "table", schema: id.schema, name: id.table }
    : undefined;
}

function listUnmodelled(diagnostics: readonly Diagnostic[]): string[] {
  return diagnostics.filter(({ code }) => code === "unmodeled_kind").map(({ message }) => message);
}
