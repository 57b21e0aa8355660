/**
 * Which reference tables may be copied. Rows travel only from tables that are
 * listed, whole in their key and in what they refer to, and without anything that
 * looks like a secret. Every rule that a table breaks is told, with what to do.
 */
import type { ReferenceTable } from "#config/schema.ts";
import { parseTableName, type QualifiedName } from "#config/table-name.ts";
import { AppError } from "#errors.ts";

import { orderByReferences } from "./foreign-key-order.ts";
import type { Column, Equality, ForeignKey, Sequence, TableFacts } from "./reference-table-queries.ts";
import { isSecretName } from "./secret-shapes.ts";

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

type Case = {
  label: string;
  entry: ReferenceTable;
  wanted: WantedRows;
  rights: TargetRights;
  listed: ReadonlySet<string>;
  never: ReadonlySet<string>;
  source: TableFacts | undefined;
  target: TableFacts | undefined;
};

type Finding = Omit<RowsRefusal, "table">;

const blockedSchemas = new Set([
  ...["auth", "storage", "vault", "pgsodium", "realtime", "supabase_functions", "supabase_migrations"],
  ...["leveredge", "leveredge_jobs", "information_schema", "cron"],
]);

/** `schema.table`, quoted where SQL needs it: the notation of the configuration. */
export function formatTableName({ schema, name }: QualifiedName): string {
  return [schema, name]
    .map((part) => (/^[a-z_][a-z0-9_$]*$/.test(part) ? part : `"${part.replaceAll('"', '""')}"`))
    .join(".");
}

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
    const one: Case = { label, entry, wanted, rights, listed, never, source: find(source), target: find(target) };
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

const tableRules: readonly ((one: Case) => Finding[])[] = [
  refuseMissing,
  refuseKind,
  refuseNeverCopyRelatives,
  refuseDifferentColumns,
  refuseKeys,
  refuseOmissions,
  refuseSecretNames,
  refuseForeignKeys,
  refuseRowSecurity,
  refusePrivileges,
];

function refuseMissing({ source, target, wanted }: Case): Finding[] {
  if (source === undefined) {
    return [{ kind: "rule", reason: `${wanted.from} has no such table`, remedy: "correct the name or take it off" }];
  }
  if (target !== undefined) return [];
  return [{ kind: "schema", reason: `${wanted.to} has no such table`, remedy: "mirror the schema first" }];
}

function refuseKind({ source, target, wanted }: Case): Finding[] {
  const sides = [
    { facts: source, side: wanted.from },
    { facts: target, side: wanted.to },
  ];
  return sides.flatMap(({ facts, side }): Finding[] => {
    if (facts === undefined) return [];
    if (facts.kind !== "r" && facts.kind !== "p") {
      return [{ kind: "rule", reason: `it is no table on ${side}`, remedy: "list the tables it reads from" }];
    }
    if (facts.isPartition) {
      return [{ kind: "rule", reason: "it is a partition", remedy: "list its partitioned table instead" }];
    }
    if (facts.family.some(({ kind }) => kind === "f")) {
      return [{ kind: "rule", reason: `a partition of it is a foreign table on ${side}`, remedy: "take it off" }];
    }
    if (facts.hasRules) {
      return [{ kind: "rule", reason: `a rewrite rule of ${side} would change its rows`, remedy: "drop the rule" }];
    }
    return [];
  });
}

function refuseNeverCopyRelatives({ source, never }: Case): Finding[] {
  const relative = source?.family.map(formatTableName).find((name) => never.has(name));
  if (relative === undefined) return [];
  return [{ kind: "rule", reason: `it shares rows with ${relative}, which never_copy names`, remedy: "take it off" }];
}

function refuseDifferentColumns({ source, target, entry, wanted }: Case): Finding[] {
  if (source === undefined || target === undefined) return [];
  const describe = (facts: TableFacts, name: string): string => {
    const column = facts.columns.find((candidate) => candidate.name === name);
    if (column === undefined) return "missing";
    return column.isGenerated ? `${column.type} generated` : column.type;
  };
  const names = new Set([...source.columns, ...target.columns].map(({ name }) => name));
  const different = [...names].filter(
    (name) => !entry.omit.includes(name) && describe(source, name) !== describe(target, name),
  );
  return different.map((name) => ({
    kind: "schema",
    reason: `column ${name} is ${describe(source, name)} on ${wanted.from} and ${describe(target, name)} on ${wanted.to}`,
    remedy: `mirror the schema first, or add ${omitLine([name])}`,
  }));
}

function refuseKeys({ source, target, wanted }: Case): Finding[] {
  const columnsOf = (facts: TableFacts): string => facts.primaryKey.map(({ column }) => column).join(", ");
  const withoutKey = [source, target].findIndex((facts) => facts?.hasPrimaryKey === false);
  if (withoutKey !== -1) {
    const side = withoutKey === 0 ? wanted.from : wanted.to;
    const reason = `it has no primary key on ${side}, so that rows cannot be told apart`;
    return [{ kind: "rule", reason, remedy: "add a primary key or take it off mirror.reference_tables" }];
  }
  if (source === undefined || target === undefined) return [];
  if (source.primaryKey.length === 0) {
    return [{ kind: "rule", reason: "its primary key has no plain equality", remedy: "take it off" }];
  }
  if (columnsOf(source) === columnsOf(target)) return [];
  const reason = `its primary key is (${columnsOf(source)}) on ${wanted.from} and (${columnsOf(target)}) on ${wanted.to}`;
  return [{ kind: "schema", reason, remedy: "mirror the schema first" }];
}

function refuseOmissions({ source, target, entry }: Case): Finding[] {
  if (source === undefined) return [];
  const facts = target ?? source;
  return entry.omit.flatMap((name): Finding[] => {
    const column =
      facts.columns.find((candidate) => candidate.name === name) ??
      source.columns.find((candidate) => candidate.name === name);
    if (column === undefined) {
      return [{ kind: "rule", reason: `omit names column ${name}, which it has not`, remedy: "correct the name" }];
    }
    if (facts.primaryKey.some((key) => key.column === name)) {
      return [{ kind: "rule", reason: `omit names ${name} of the primary key`, remedy: "take it off omit" }];
    }
    if (column.isNotNull && !column.hasDefault && !column.isGenerated) {
      const reason = `a new row could not be inserted without column ${name}: it is NOT NULL and has no default`;
      return [{ kind: "rule", reason, remedy: `give ${name} a default or drop its NOT NULL, in a migration` }];
    }
    return [];
  });
}

function refuseSecretNames({ source, entry }: Case): Finding[] {
  const suspects = (source?.columns ?? []).filter(
    (column) => mayHoldText(column) && !entry.omit.includes(column.name) && isSecretName(column.name),
  );
  return suspects.map(({ name }) => ({
    kind: "rule",
    reason: `column ${name} looks like a secret by its name`,
    remedy: `add ${omitLine([...entry.omit, name])}`,
  }));
}

function refuseForeignKeys({ source, target, entry, listed }: Case): Finding[] {
  const keys = [...(source?.foreignKeys ?? []), ...(target?.foreignKeys ?? [])];
  const outside = keys.filter(
    ({ to, columns }) =>
      !listed.has(formatTableName(to)) && !columns.every(({ column }) => entry.omit.includes(column)),
  );
  const told = new Map(outside.map((key) => [key.constraint, key]));
  return [...told.values()].map(({ constraint, to, columns }) => ({
    kind: "rule",
    reason: `foreign key ${constraint} points into ${formatTableName(to)}, which is not listed`,
    remedy: `list that table too, or add ${omitLine([...entry.omit, ...columns.map(({ column }) => column)])}`,
  }));
}

function refuseRowSecurity({ source, target, wanted }: Case): Finding[] {
  const sides = [
    { facts: source, side: wanted.from },
    { facts: target, side: wanted.to },
  ];
  const filtered = sides.filter(({ facts }) => facts?.isFiltered === true);
  return filtered.map(({ side }) => ({
    kind: "rule",
    reason: `row-level security would hide rows of it from this role on ${side}`,
    remedy: `connect as its owner, or: alter role ROLE bypassrls, on ${side}`,
  }));
}

function refusePrivileges({ source, target, entry, wanted, rights }: Case): Finding[] {
  const copied = (facts: TableFacts | undefined): Column[] =>
    (facts?.columns ?? []).filter(({ name, isGenerated }) => !isGenerated && !entry.omit.includes(name));
  const written = copied(target);
  const fixed = written.filter(
    ({ name, isIdentityAlways }) => isIdentityAlways && target?.primaryKey.every(({ column }) => column !== name),
  );
  const lacks: [boolean, string, string][] = [
    [source?.mayUseSchema === false || copied(source).some(({ maySelect }) => !maySelect), "select", wanted.from],
    [target?.mayUseSchema === false || written.some(({ maySelect }) => !maySelect), "select", wanted.to],
    [written.some(({ mayInsert }) => !mayInsert), "insert", wanted.to],
    [written.some(({ mayUpdate }) => !mayUpdate), "update", wanted.to],
    [target?.mayDelete === false && (entry.delete || rights.actsAsReplica), "delete", wanted.to],
    [target?.sequences.some(({ mayUpdate }) => !mayUpdate) === true, "update on its sequences", wanted.to],
    [target !== undefined && !rights.mayMakeTemporaryTables, "temporary on the database", wanted.to],
  ];
  return [
    ...lacks
      .filter(([isLacking]) => isLacking)
      .map(([, right, side]): Finding => ({
        kind: "rule",
        reason: `the role lacks the privilege: ${right}, on ${side}`,
        remedy: `grant it on ${side}, or connect as the owner`,
      })),
    ...(rights.actsAsReplica ? [] : fixed).map(({ name }): Finding => ({
      kind: "rule",
      reason: `column ${name} is generated always as identity: an ordinary session cannot change it`,
      remedy: `add ${omitLine([...entry.omit, name])}, or ${replicaGrant(wanted.to)}`,
    })),
  ];
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

/** How a role gets the right to work as a replica does. */
export function replicaGrant(side: string): string {
  return `grant set on parameter session_replication_role to the role on ${side}`;
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

/** Strings, documents, bytes, arrays and composites; a number or a date is no secret. */
function mayHoldText({ category }: Column): boolean {
  return ["S", "U", "A", "C", "X"].includes(category);
}

/** What to write under the table in leveredge.yaml. */
export function omitLine(columns: readonly string[]): string {
  const words = columns.map((name) => (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : JSON.stringify(name)));
  return `omit: [${words.join(", ")}]`;
}

function rule(table: string, reason: string, remedy: string): RowsRefusal {
  return { table, kind: "rule", reason, remedy };
}
