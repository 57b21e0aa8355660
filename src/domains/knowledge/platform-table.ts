/**
 * The platform's own knowledge table, as the configuration names it: looked at
 * before anything is written, because nobody knows what columns it has.
 */
import type pg from "pg";

import type { App } from "#app.ts";
import { formatTableName, parseTableName, type QualifiedName } from "#config/table-name.ts";
import { AppError } from "#errors.ts";
import { connect } from "#postgres/connection.ts";

import {
  type ColumnFacts,
  type EntryColumns,
  findTable,
  insertIntoPlatform,
  listColumns,
  type TableFacts,
} from "./platform-table-queries.ts";
import type { KnowledgeEntry, Obstacle } from "./schema.ts";

export type PlatformTable = {
  /** Names the cursor of what was copied: the reference and the table, never the URL. */
  target: string;
  reference: string;
  name: QualifiedName;
  columns: EntryColumns;
};

const statementTimeoutMs = 10_000;
const lockTimeoutMs = 5_000;

/** `leveredge:event:` with a position of 16 digits, a colon and eight more. */
const longestSource = 41;

const wanted = {
  title: { category: "S", what: "text" },
  content: { category: "S", what: "text" },
  source: { category: "S", what: "text" },
  category: { category: "S", what: "text" },
  created_at: { category: "D", what: "timestamptz" },
} as const;

/** Undefined when the configuration names none. */
export function configuredTable({ config }: Pick<App, "config">): PlatformTable | undefined {
  const { knowledge } = config;
  if (knowledge === undefined) return undefined;
  const name = parseTableName(knowledge.table);
  if (name === undefined) throw new AppError("internal", `knowledge.table ${knowledge.table} was not checked`);
  const target = `${knowledge.database} ${formatTableName(name)}`;
  return { target, reference: knowledge.database, name, columns: knowledge.columns };
}

/** A session on the platform's database for as long as the work takes. */
export async function withPlatformTable<T>(
  app: Pick<App, "openReference">,
  table: PlatformTable,
  options: { readOnly: boolean },
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const target = { label: "knowledge database", url: await app.openReference(table.reference) };
  const client = await connect(target, { ...options, statementTimeoutMs, lockTimeoutMs });
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** What keeps entries out; nothing is written. The columns are answered when nothing does. */
export async function inspectTable(
  client: pg.Client,
  table: PlatformTable,
): Promise<{ obstacles: Obstacle[]; columns: ColumnFacts[] }> {
  const name = formatTableName(table.name);
  const facts = await findTable(client, table.name);
  const missing = {
    text: `there is no table ${name}`,
    remedy: "Create it, or name the platform's table in knowledge.table.",
  };
  if (facts === undefined) return { obstacles: [missing], columns: [] };
  const columns = await listColumns(client, table.name);
  const filled = Object.entries(table.columns).filter((entry): entry is [keyof typeof wanted, string] =>
    Boolean(entry[1]),
  );
  const names = new Set(filled.map(([, column]) => column));
  return {
    obstacles: [
      ...describeTable(name, facts),
      ...filled.flatMap(([key, column]) => describeColumn(name, key, column, columns, facts.role)),
      ...columns
        .filter((column) => column.isRequired && !names.has(column.name))
        .map((column) => describeRest(name, column)),
    ],
    columns,
  };
}

/** Adds entries in order, texts as long as the columns take. One whose source is there is left as it is. */
export function addEntries(
  client: pg.Client,
  table: PlatformTable,
  columns: readonly ColumnFacts[],
  entries: readonly KnowledgeEntry[],
): Promise<void> {
  const fit = (text: string, column: string | undefined): string => {
    const most = columns.find(({ name }) => name === column)?.maxLength ?? undefined;
    const characters = Array.from(text);
    return most === undefined || characters.length <= most ? text : `${characters.slice(0, most - 1).join("")}…`;
  };
  const { title, content, category } = table.columns;
  const fitted = entries.map((entry) => ({
    ...entry,
    title: fit(entry.title, title),
    content: fit(entry.content, content),
    category: fit(entry.category, category),
  }));
  return insertIntoPlatform(client, table.name, table.columns, fitted);
}

function describeTable(name: string, { isTable, isSchemaUsable, hidesRows, role }: TableFacts): Obstacle[] {
  if (!isTable) return [{ text: `${name} is not a table`, remedy: "Name the table itself in knowledge.table." }];
  if (!isSchemaUsable) {
    return [{ text: `role ${role} may not use the schema of ${name}`, remedy: `grant usage on schema to ${role}` }];
  }
  if (!hidesRows) return [];
  return [
    {
      text: `row level security hides rows of ${name} from role ${role}: whether an entry is there cannot be told`,
      remedy: `Connect as the table's owner, or: alter role ${role} bypassrls`,
    },
  ];
}

function describeColumn(
  table: string,
  key: keyof typeof wanted,
  name: string,
  columns: readonly ColumnFacts[],
  role: string,
): Obstacle[] {
  const column = columns.find((known) => known.name === name);
  const place = `column ${name} of ${table}`;
  if (column === undefined) {
    return [{ text: `${table} has no column ${name}`, remedy: `Name the column for it in knowledge.columns.${key}.` }];
  }
  const { category, what } = wanted[key];
  if (column.category !== category) {
    const remedy = `Name a column of type ${what} in knowledge.columns.${key}.`;
    return [{ text: `${place} is ${column.type}, expected ${what}`, remedy }];
  }
  if (column.isGenerated) {
    return [{ text: `${place} is generated`, remedy: `Name another column in knowledge.columns.${key}.` }];
  }
  if (key === "source" && column.maxLength !== null && column.maxLength < longestSource) {
    const remedy = `alter table ${table} alter column ${name} type text`;
    return [{ text: `${place} holds ${column.maxLength} characters, expected ${longestSource}`, remedy }];
  }
  if (!column.isInsertable || (key === "source" && !column.isReadable)) {
    const remedy = `grant select, insert on ${table} to ${role}`;
    return [{ text: `role ${role} may not write ${place}${key === "source" ? " and read it" : ""}`, remedy }];
  }
  return [];
}

function describeRest(table: string, { name, type }: ColumnFacts): Obstacle {
  return {
    text: `column ${name} (${type}) of ${table} must not be null and has no default, and nothing is written to it`,
    remedy: `Give it a default: alter table ${table} alter column ${name} set default …`,
  };
}
