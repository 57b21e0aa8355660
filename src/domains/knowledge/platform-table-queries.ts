/** SQL of the platform's own table: what it is like, and the entries that are added to it. */
import pg from "pg";

import type { QualifiedName } from "#config/table-name.ts";

import type { KnowledgeEntry } from "./schema.ts";

export type TableFacts = {
  isTable: boolean;
  role: string;
  /** Rows are hidden from this role: whether an entry is there could not be told. */
  hidesRows: boolean;
  isSchemaUsable: boolean;
};

export type ColumnFacts = {
  name: string;
  /** As SQL writes it: `character varying(80)`. */
  type: string;
  /** PostgreSQL's category of the type: `S` text, `D` date and time. */
  category: string;
  maxLength: number | null;
  isRequired: boolean;
  isGenerated: boolean;
  isInsertable: boolean;
  isReadable: boolean;
};

/** The columns of the platform's table by what they get. */
export type EntryColumns = {
  title: string;
  content: string;
  source: string;
  category?: string | undefined;
  created_at?: string | undefined;
};

export async function findTable(client: pg.Client, { schema, name }: QualifiedName): Promise<TableFacts | undefined> {
  const { rows } = await client.query<TableFacts>(
    `select c.relkind in ('r', 'p') as "isTable",
            current_user as "role",
            c.relkind in ('r', 'p') and row_security_active(c.oid) as "hidesRows",
            has_schema_privilege(n.oid, 'usage') as "isSchemaUsable"
       from pg_catalog.pg_class c
       join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p', 'v', 'm', 'f')`,
    [schema, name],
  );
  return rows[0];
}

export async function listColumns(client: pg.Client, { schema, name }: QualifiedName): Promise<ColumnFacts[]> {
  const { rows } = await client.query<ColumnFacts>(
    `select a.attname as "name",
            format_type(a.atttypid, a.atttypmod) as "type",
            t.typcategory::text as "category",
            case when a.atttypid in ('varchar'::regtype, 'bpchar'::regtype) and a.atttypmod > 4
                 then a.atttypmod - 4 end as "maxLength",
            a.attnotnull and not a.atthasdef and a.attidentity = '' as "isRequired",
            a.attgenerated <> '' or a.attidentity = 'a' as "isGenerated",
            has_column_privilege(c.oid, a.attnum, 'insert') as "isInsertable",
            has_column_privilege(c.oid, a.attnum, 'select') as "isReadable"
       from pg_catalog.pg_attribute a
       join pg_catalog.pg_class c on c.oid = a.attrelid
       join pg_catalog.pg_namespace n on n.oid = c.relnamespace
       join pg_catalog.pg_type t on t.oid = a.atttypid
      where n.nspname = $1 and c.relname = $2 and a.attnum > 0 and not a.attisdropped
      order by a.attnum`,
    [schema, name],
  );
  return rows;
}

/** Adds those whose source is not there; two writers at once take turns. All or none. */
export async function insertIntoPlatform(
  client: pg.Client,
  table: QualifiedName,
  columns: EntryColumns,
  entries: readonly KnowledgeEntry[],
): Promise<void> {
  const target = `${pg.escapeIdentifier(table.schema)}.${pg.escapeIdentifier(table.name)}`;
  const values: Record<keyof EntryColumns, (entry: KnowledgeEntry) => string> = {
    title: (entry) => entry.title,
    content: (entry) => entry.content,
    source: (entry) => entry.source,
    category: (entry) => entry.category,
    created_at: (entry) => entry.createdAt,
  };
  const filled = (["title", "content", "source", "category", "created_at"] as const).flatMap((key) => {
    const name = columns[key];
    return name === undefined ? [] : [{ key, column: pg.escapeIdentifier(name) }];
  });
  const arrays = filled.map(({ key }, at) => `$${at + 1}::${key === "created_at" ? "timestamptz" : "text"}[]`);
  const names = filled.map(({ key }) => key).join(", ");
  await client.query("begin");
  await client.query("set local timezone = 'UTC'");
  await client.query("select pg_advisory_xact_lock(hashtextextended('leveredge aria_knowledge', 0))");
  await client.query(
    `insert into ${target} (${filled.map(({ column }) => column).join(", ")})
     select ${names}
       from unnest(${arrays.join(", ")}) with ordinality as entry (${names}, place)
      where not exists (
              select from ${target} as present
               where present.${pg.escapeIdentifier(columns.source)} = entry.source
            )
      order by place`,
    filled.map(({ key }) => entries.map(values[key])),
  );
  await client.query("commit");
}
