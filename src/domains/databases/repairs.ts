/**
 * Faults of pg-delta's statements, mended before they run. Each is the smallest
 * change that makes the statement do what the catalogue asks for; each has a test
 * that fails without it.
 */
import pg from "pg";

import type { DeltaAction } from "./delta-protocol.ts";

/** What the mending needs to know about dev. */
export type RepairContext = {
  /** The last value of a sequence, by its quoted name. */
  lastValue: (sequence: string) => bigint | undefined;
  /** Index builds that may run beside writers: lock is not allowed, the table holds rows. */
  buildsBesideWriters: (action: DeltaAction) => boolean;
};

const identifier = '"(?:[^"]|"")+"';
const onlyIndex = new RegExp(`^(CREATE (?:UNIQUE )?INDEX (?:${identifier}|\\S+) ON) ONLY `);
const plainIndex = new RegExp(`^CREATE (UNIQUE )?INDEX (${identifier}|\\S+) ON (?!ONLY )`);
const addIdentity = new RegExp(
  `^ALTER TABLE (${identifier}\\.${identifier}) ALTER COLUMN (${identifier}) ADD GENERATED `,
);
const alterSequence = new RegExp(`^ALTER SEQUENCE (${identifier}\\.${identifier}) `);
const words = new RegExp(`${identifier}|[A-Za-z_][\\w$]*`, "g");
const stringArray =
  /\(ARRAY\[((?:(?:E?'(?:[^'\\]|''|\\.)*'|NULL)::character varying(?:\(\d+\))?(?:, )?)+)\]\)::text\[\]/g;
const addValue = new RegExp(`^ALTER TYPE ${identifier}\\.${identifier} ADD VALUE ('(?:[^']|'')*')`);

/** The sequences whose last value the mending wants to know, as quoted names. */
export function listRaisedSequences(actions: readonly DeltaAction[]): string[] {
  return actions.flatMap(({ sql }) => {
    const name = alterSequence.exec(sql)?.[1];
    return name !== undefined && / MINVALUE /.test(sql) ? [name] : [];
  });
}

/** The statements in the order and form in which they work; those of one commit stand together. */
export function mendActions(actions: readonly DeltaAction[], context: RepairContext): DeltaAction[] {
  const mended = actions.flatMap((action) => mendAction(action, context));
  const values = mended.filter(({ sql }) => addValue.test(sql)).map((action) => placeAddedValue(action, mended));
  const indexes = mended.filter((action) => isFreeIndex(action, mended) && context.buildsBesideWriters(action));
  const rest = mended.filter((action) => !addValue.test(action.sql) && !indexes.includes(action));
  return [...values, ...rest, ...indexes.map(buildConcurrently)].toSorted((a, b) => phase(a) - phase(b));
}

function phase({ transaction }: DeltaAction): number {
  return transaction === "own-commit" ? 0 : transaction === "inside" ? 1 : 2;
}

/**
 * PostgreSQL shows `name in ('a', 'b')` of a varchar with a cast that it reads back
 * as another expression, which would differ for ever. Without the cast it finds the
 * same one again. The text is an expression's, not a function's body.
 */
export function mendArrays(sql: string): string {
  return sql.replace(stringArray, "ARRAY[$1]");
}

function mendAction(original: DeltaAction, context: RepairContext): DeltaAction[] {
  const action = isRoutine(original) ? original : { ...original, sql: mendArrays(original.sql) };
  // `ON ONLY` makes an index without its partitions, which stays invalid for ever.
  if (onlyIndex.test(action.sql)) return [{ ...action, sql: action.sql.replace(onlyIndex, "$1 ") }];
  const [, table, column] = addIdentity.exec(action.sql) ?? [];
  if (table !== undefined && column !== undefined) return mendIdentity(action, table, column);
  const sequence = alterSequence.exec(action.sql)?.[1];
  if (sequence !== undefined) return [mendSequence(action, sequence, context)];
  return [action];
}

function isRoutine({ subject }: DeltaAction): boolean {
  return /^(function|procedure|aggregate)$/.test(subject.kind);
}

/** An identity column must be NOT NULL first, and its new sequence must go on after the rows that are there. */
function mendIdentity(action: DeltaAction, table: string, column: string): DeltaAction[] {
  const name = pg.escapeLiteral(column.slice(1, -1).replaceAll('""', '"'));
  const sequence = `pg_catalog.pg_get_serial_sequence(${pg.escapeLiteral(table)}, ${name})`;
  return [
    { ...action, verb: "alter", sql: `ALTER TABLE ${table} ALTER COLUMN ${column} SET NOT NULL` },
    action,
    {
      ...action,
      verb: "alter",
      sql: `SELECT pg_catalog.setval(${sequence}, pg_catalog.max(${column})) FROM ${table} HAVING pg_catalog.max(${column}) > 0`,
      lock: "none",
    },
  ];
}

/** A sequence that stands below its new minimum must be told where to go on. */
function mendSequence(action: DeltaAction, sequence: string, context: RepairContext): DeltaAction {
  const minimum = / MINVALUE (-?\d+)/.exec(action.sql)?.[1];
  const last = context.lastValue(sequence);
  if (minimum === undefined || last === undefined || / RESTART\b/.test(action.sql)) return action;
  return last < BigInt(minimum) ? { ...action, sql: `${action.sql} RESTART WITH ${minimum}` } : action;
}

/** A new label can be used only after a commit; it gets one of its own when another statement names it. */
function placeAddedValue(action: DeltaAction, all: readonly DeltaAction[]): DeltaAction {
  const label = addValue.exec(action.sql)?.[1] ?? "";
  const isUsed = all.some((other) => !addValue.test(other.sql) && other.sql.includes(label));
  return { ...action, transaction: isUsed ? "own-commit" : "inside" };
}

/** An index that no other statement of the plan names. */
function isFreeIndex(action: DeltaAction, all: readonly DeltaAction[]): boolean {
  const name = plainIndex.exec(action.sql)?.[2];
  if (name === undefined || action.subject.kind !== "index" || action.transaction !== "inside") return false;
  const quoted = name.startsWith('"') ? name : `"${name}"`;
  const isNamed = (sql: string): boolean => sql.match(words)?.some((word) => word === name || word === quoted) ?? false;
  return !all.some((other) => other !== action && other.verb !== "drop" && isNamed(other.sql));
}

function buildConcurrently(action: DeltaAction): DeltaAction {
  const sql = action.sql.replace(plainIndex, (_, unique: string | undefined, name: string) => {
    return `CREATE ${unique ?? ""}INDEX CONCURRENTLY ${name} ON `;
  });
  return { ...action, sql, transaction: "outside", lock: "shareUpdateExclusive" };
}
