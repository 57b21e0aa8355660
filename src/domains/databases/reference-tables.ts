/**
 * Which reference tables may be copied. Rows travel only from tables that are
 * listed, whole in their key and in what they refer to, and without anything that
 * looks like a secret. Every rule that a table breaks is told, with what to do.
 */
import type { ReferenceTable } from "#config/schema.ts";
import { formatTableName, parseTableName, type QualifiedName } from "#config/table-name.ts";
import { AppError } from "#errors.ts";

import { orderByReferences } from "./foreign-key-order.ts";
import type { Equality, ForeignKey, Sequence, TableFacts } from "./reference-table-queries.ts";
import { mayHoldText, replicaGrant, type RuleCase, tableRules } from "./reference-table-rules.ts";

/** `schema`: gone once the schemas are equal. `rule`: stays until the operator acts. */
export type RowsRefusal = { table: string; kind: "schema" | "rule"; reason: string; remedy: string };

/** A table whose rows may travel. */
export type CopyTable = {
  /** As the operator would write it: `public.agent_configs`. */
  label: string;
  name: QualifiedName;
  isPartitioned: boolean;
  columns: string[];
  /** Columns of the target that are neither copied nor computed. */
  omitted: string[];
  /** Copied columns that are searched for secrets, with their type. */
  searched: { column: string; type: string }[];
  keys: Equality[];
  /** Also delete rows that the source has not. */
  deletes: boolean;
  /** Copied columns that an UPDATE may not set. */
  fixed: string[];
  foreignKeys: ForeignKey[];
  referredBy: ForeignKey[];
  triggers: TableFacts["triggers"];
  sequences: Sequence[];
};

/** What the operator wants copied, and the two sides as the messages name them. */
export type WantedRows = { tables: readonly ReferenceTable[]; neverCopy: readonly string[]; from: string; to: string };

/** What the role of the target may do besides reading and writing. */
export type TargetRights = { actsAsReplica: boolean; mayMakeTemporaryTables: boolean };

export type Judgement = {
  /** Referred-to tables first. */
  ready: CopyTable[];
  refusals: RowsRefusal[];
};

const blockedSchemas = new Set([
  ...["auth", "storage", "vault", "pgsodium", "realtime", "supabase_functions", "supabase_migrations"],
  ...["leveredge", "leveredge_jobs", "information_schema", "cron"],
]);

/** The name that an entry of the configuration means; `invalid_input` when it is none. */
export function tableOf(text: string): QualifiedName {
  const name = parseTableName(text);
  if (name !== undefined) return name;
  throw new AppError("invalid_input", `${JSON.stringify(text)} is not a table's name`, {
    hint: 'Write schema.table, quoted as in SQL where it has other characters: public."My Table".',
  });
}

/** The entries that may be looked at at all, decided by name alone: what is refused here is not even described. */
export function refuseByName(wanted: WantedRows): RowsRefusal[] {
  const never = new Set(wanted.neverCopy.map((text) => formatTableName(tableOf(text))));
  const labels = wanted.tables.map(({ table }) => formatTableName(tableOf(table)));
  return labels.flatMap((label, place) => {
    const { schema } = tableOf(label);
    if (never.has(label)) {
      return [rule(label, "never_copy names it", "take it off mirror.reference_tables in leveredge.yaml")];
    }
    if (blockedSchemas.has(schema) || schema.startsWith("pg_")) {
      return [rule(label, `rows of schema ${schema} never travel`, "take it off mirror.reference_tables")];
    }
    return labels.indexOf(label) < place ? [rule(label, "it is listed twice", "list it once")] : [];
  });
}

/** Judges the entries that `refuseByName` let pass, from the catalogues of both sides. */
export function judgeReferenceTables(
  wanted: WantedRows,
  source: readonly TableFacts[],
  target: readonly TableFacts[],
  rights: TargetRights,
): Judgement {
  const labels = wanted.tables.map(({ table }) => formatTableName(tableOf(table)));
  const listed = new Set(labels);
  const never = new Set(wanted.neverCopy.map((text) => formatTableName(tableOf(text))));
  const refusals: RowsRefusal[] = [];
  const ready: CopyTable[] = [];
  for (const listedEntry of wanted.tables) {
    const label = formatTableName(tableOf(listedEntry.table));
    const find = (facts: readonly TableFacts[]) => facts.find((table) => formatTableName(table) === label);
    const entry = omitWhatOnlyTargetHas(listedEntry, find(source), find(target));
    const one: RuleCase = { label, entry, wanted, rights, listed, never, source: find(source), target: find(target) };
    const findings = tableRules.flatMap((check) => check(one));
    refusals.push(...findings.map((finding) => ({ table: label, ...finding })));
    if (findings.length === 0 && one.target !== undefined) ready.push(copyTable(label, entry, one.target));
  }
  const { ordered, circular } = inForeignKeyOrder(ready, rights);
  refusals.push(...refuseCircles(circular, wanted.to));
  return { ready: ordered, refusals };
}

/** A dev-first migration may have added columns: they are not copied and keep what they hold. */
function omitWhatOnlyTargetHas(
  entry: ReferenceTable,
  source: TableFacts | undefined,
  target: TableFacts | undefined,
): ReferenceTable {
  if (source === undefined || target === undefined) return entry;
  const added = target.columns.filter(
    ({ name, isGenerated }) => !isGenerated && !source.columns.some((column) => column.name === name),
  );
  return { ...entry, omit: [...new Set([...entry.omit, ...added.map(({ name }) => name)])] };
}

function refuseCircles(circular: readonly CopyTable[], side: string): RowsRefusal[] {
  const labels = new Set(circular.map(({ label }) => label));
  return circular.flatMap(({ label, foreignKeys }) =>
    foreignKeys
      .filter((key) => !key.isDeferrable && labels.has(formatTableName(key.to)))
      .map(({ constraint }) =>
        rule(
          label,
          `foreign key ${constraint} is part of a circle and not deferrable`,
          `make it deferrable, or ${replicaGrant(side)}`,
        ),
      ),
  );
}

/** Keys that are checked at the end of the transaction, or not at all, set no order. */
function inForeignKeyOrder(
  tables: readonly CopyTable[],
  rights: TargetRights,
): { ordered: CopyTable[]; circular: CopyTable[] } {
  const references = tables.flatMap(({ label, foreignKeys }) =>
    foreignKeys
      .filter(({ isDeferrable }) => !isDeferrable && !rights.actsAsReplica)
      .map(({ to }) => ({ from: label, to: formatTableName(to) })),
  );
  const order = orderByReferences(
    tables.map(({ label }) => label),
    references,
  );
  const pick = (labels: string[]) => labels.flatMap((label) => tables.filter((table) => table.label === label));
  return { ordered: pick(order.ordered), circular: pick(order.circular) };
}

function copyTable(label: string, entry: ReferenceTable, target: TableFacts): CopyTable {
  const stored = target.columns.filter(({ isGenerated }) => !isGenerated);
  const copied = stored.filter(({ name }) => !entry.omit.includes(name));
  const columns = copied.map(({ name }) => name);
  return {
    label,
    name: { schema: target.schema, name: target.name },
    isPartitioned: target.kind === "p",
    columns,
    omitted: stored.map(({ name }) => name).filter((name) => entry.omit.includes(name)),
    searched: copied.filter(mayHoldText).map(({ name, type }) => ({ column: name, type })),
    keys: target.primaryKey,
    deletes: entry.delete,
    fixed: copied.filter(({ isIdentityAlways }) => isIdentityAlways).map(({ name }) => name),
    foreignKeys: target.foreignKeys,
    referredBy: target.referredBy,
    triggers: target.triggers,
    sequences: target.sequences.filter(({ column }) => columns.includes(column)),
  };
}

function rule(table: string, reason: string, remedy: string): RowsRefusal {
  return { table, kind: "rule", reason, remedy };
}
