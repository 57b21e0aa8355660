/**
 * The rules that a reference table must keep. What only the target breaks is a
 * matter of its schema, which the mirror makes equal; the rest is the operator's.
 */
import type { ReferenceTable } from "#config/schema.ts";
import { formatTableName } from "#config/table-name.ts";

import type { Column, TableFacts } from "./reference-table-queries.ts";
import type { RowsRefusal, TargetRights, WantedRows } from "./reference-tables.ts";
import { isSecretName } from "./secret-shapes.ts";

/** One listed table with what is known of it on both sides. */
export type RuleCase = {
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

/** Each tells what it finds wrong with a table; no finding means that its rows may travel. */
export const tableRules: readonly ((one: RuleCase) => Finding[])[] = [
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

function refuseMissing({ source, target, wanted }: RuleCase): Finding[] {
  if (source === undefined) {
    return [{ kind: "rule", reason: `${wanted.from} has no such table`, remedy: "correct the name or take it off" }];
  }
  if (target !== undefined) return [];
  return [{ kind: "schema", reason: `${wanted.to} has no such table`, remedy: "mirror the schema first" }];
}

function refuseKind({ source, target, wanted }: RuleCase): Finding[] {
  const sides = [
    { facts: source, side: wanted.from, kind: "rule" as const },
    { facts: target, side: wanted.to, kind: "schema" as const },
  ];
  return sides.flatMap(({ facts, side, kind: of }): Finding[] => {
    if (facts === undefined) return [];
    if (facts.kind !== "r" && facts.kind !== "p") {
      return [{ kind: of, reason: `it is no table on ${side}`, remedy: "list the tables it reads from" }];
    }
    if (facts.isPartition) {
      return [{ kind: of, reason: "it is a partition", remedy: "list its partitioned table instead" }];
    }
    if (facts.family.some(({ kind }) => kind === "f")) {
      return [{ kind: of, reason: `a partition of it is a foreign table on ${side}`, remedy: "take it off" }];
    }
    if (facts.hasRules) {
      return [{ kind: of, reason: `a rewrite rule of ${side} would change its rows`, remedy: "drop the rule" }];
    }
    return [];
  });
}

function refuseNeverCopyRelatives({ source, never }: RuleCase): Finding[] {
  const relative = source?.family.map(formatTableName).find((name) => never.has(name));
  if (relative === undefined) return [];
  return [{ kind: "rule", reason: `it shares rows with ${relative}, which never_copy names`, remedy: "take it off" }];
}

function refuseDifferentColumns({ source, target, entry, wanted }: RuleCase): Finding[] {
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

function refuseKeys({ source, target, wanted }: RuleCase): Finding[] {
  const columnsOf = (facts: TableFacts): string => facts.primaryKey.map(({ column }) => column).join(", ");
  if (source?.hasPrimaryKey === false) {
    const reason = `it has no primary key on ${wanted.from}, so that rows cannot be told apart`;
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

function refuseOmissions({ source, target, entry }: RuleCase): Finding[] {
  if (source === undefined) return [];
  const columns = [...source.columns, ...(target?.columns ?? [])];
  return entry.omit.flatMap((name): Finding[] => {
    const column = columns.find((candidate) => candidate.name === name);
    if (column === undefined) {
      return [{ kind: "rule", reason: `omit names column ${name}, which it has not`, remedy: "correct the name" }];
    }
    if (source.primaryKey.some((key) => key.column === name)) {
      return [{ kind: "rule", reason: `omit names ${name} of the primary key`, remedy: "take it off omit" }];
    }
    if (column.isNotNull && !column.hasDefault && !column.isGenerated) {
      const reason = `a new row could not be inserted without column ${name}: it is NOT NULL and has no default`;
      return [{ kind: "rule", reason, remedy: `give ${name} a default or drop its NOT NULL, in a migration` }];
    }
    return [];
  });
}

function refuseSecretNames({ source, entry }: RuleCase): Finding[] {
  const suspects = (source?.columns ?? []).filter(
    (column) => mayHoldText(column) && !entry.omit.includes(column.name) && isSecretName(column.name),
  );
  return suspects.map(({ name }) => ({
    kind: "rule",
    reason: `column ${name} looks like a secret by its name`,
    remedy: `add ${omitLine([...entry.omit, name])}`,
  }));
}

function refuseForeignKeys({ source, target, entry, listed }: RuleCase): Finding[] {
  const isOfSource = (constraint: string) => source?.foreignKeys.some((key) => key.constraint === constraint) === true;
  const keys = [
    ...(source?.foreignKeys ?? []),
    ...(target?.foreignKeys.filter(({ constraint }) => !isOfSource(constraint)) ?? []),
  ];
  const outside = keys.filter(
    ({ to, columns }) =>
      !listed.has(formatTableName(to)) && !columns.every(({ column }) => entry.omit.includes(column)),
  );
  return outside.map(({ constraint, to, columns }) => ({
    kind: isOfSource(constraint) ? "rule" : "schema",
    reason: `foreign key ${constraint} points into ${formatTableName(to)}, which is not listed`,
    remedy: `list that table too, or add ${omitLine([...entry.omit, ...columns.map(({ column }) => column)])}`,
  }));
}

function refuseRowSecurity({ source, target, wanted }: RuleCase): Finding[] {
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

function refusePrivileges({ source, target, entry, wanted, rights }: RuleCase): Finding[] {
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

/** How a role gets the right to work as a replica does. */
export function replicaGrant(side: string): string {
  return `grant set on parameter session_replication_role to the role on ${side}`;
}

/** Strings, documents, bytes, arrays and composites; a number or a date is no secret. */
export function mayHoldText({ category }: Column): boolean {
  return ["S", "U", "A", "C", "X"].includes(category);
}

/** What to write under the table in leveredge.yaml. */
export function omitLine(columns: readonly string[]): string {
  const words = columns.map((name) => (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : JSON.stringify(name)));
  return `omit: [${words.join(", ")}]`;
}
