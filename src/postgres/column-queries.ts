/** What a table of the platform's own is like, column by column, before anything is made of its rows. */
import type pg from "pg";

export type FoundColumn = {
  name: string;
  /** As SQL writes it. */
  type: string;
  /** PostgreSQL's category of the type: `S` text, `D` date and time, `N` number. */
  category: string;
  isReadable: boolean;
};

/** Undefined when there is no such table in `public`; no column when it is not a table. */
export async function findTableColumns(client: pg.Client, table: string): Promise<FoundColumn[] | undefined> {
  const { rows } = await client.query<FoundColumn & { kind: string }>(
    `select c.relkind::text as "kind", coalesce(a.attname, '') as "name",
            coalesce(format_type(a.atttypid, a.atttypmod), '') as "type",
            coalesce(t.typcategory::text, '') as "category",
            coalesce(has_column_privilege(c.oid, a.attnum, 'select'), false)
              and has_schema_privilege(n.oid, 'usage') as "isReadable"
       from pg_catalog.pg_class c
       join pg_catalog.pg_namespace n on n.oid = c.relnamespace
       left join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
       left join pg_catalog.pg_type t on t.oid = a.atttypid
      where n.nspname = 'public' and c.relname = $1 and c.relkind in ('r', 'p', 'v', 'm', 'f')
      order by a.attnum`,
    [table],
  );
  if (rows.length === 0) return undefined;
  return rows.filter(({ kind, name }) => ["r", "p"].includes(kind) && name !== "");
}

/** What a column must be for its content to be meant. */
export type KnownColumn = { category: string; what: string; isRequired?: true };

/** What keeps a table from being read as one of the known columns, each with its remedy; none when it can be. */
export function listColumnFaults(
  columns: readonly FoundColumn[],
  known: Readonly<Record<string, KnownColumn>>,
): string[] {
  if (columns.length === 0) return ["is not a table: rename it, or make it one"];
  return Object.entries(known).flatMap(([name, { category, what, isRequired }]) => {
    const column = columns.find((candidate) => candidate.name === name);
    if (column === undefined) return isRequired ? [`has no column ${name} (${what}): add it, or rename the table`] : [];
    if (column.category !== category)
      return [`has ${name} as ${column.type}, expected ${what}: change the column's type`];
    return column.isReadable ? [] : [`does not let this role read ${name}: grant select on it`];
  });
}
