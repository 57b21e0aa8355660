/** A schema of believable size as SQL: per schema 138 tables with 5 indexes, 2 foreign keys and triggers, 33 views, functions, enums. */

const tablesPerSchema = 138;
const viewsPerSchema = 33;

/** Eight schemas are 1,104 tables with 6,600 indexes. */
export function largeSchema(schemas: number): string[] {
  return Array.from({ length: schemas }, (_, index) => oneSchema(`part_${index}`));
}

function oneSchema(schema: string): string {
  const tables = Array.from({ length: tablesPerSchema }, (_, index) => table(schema, index));
  const views = Array.from(
    { length: viewsPerSchema },
    (_, index) =>
      `create view ${schema}.view_${index} as select a.id, a.name, b.amount from ${schema}.table_${index} a join ${schema}.table_${index + 1} b on b.id = a.parent_id where a.state = 'done';`,
  );
  return [
    `create schema ${schema};`,
    `create type ${schema}.state as enum ('new', 'running', 'done', 'failed');`,
    `create function ${schema}.touch() returns trigger language plpgsql as $$begin new.updated_at := now(); return new; end$$;`,
    ...tables,
    ...views,
  ].join("\n");
}

function table(schema: string, index: number): string {
  const name = `${schema}.table_${index}`;
  const parent = `${schema}.table_${Math.max(0, index - 1)}`;
  return `create table ${name} (
      id bigint generated always as identity primary key, parent_id bigint references ${parent}, other_id bigint references ${parent} on delete cascade,
      name text not null, code varchar(40) not null check (code in ('a', 'b', 'c')), amount numeric(14, 4) not null default 0, state ${schema}.state not null default 'new',
      payload jsonb not null default '{}', active boolean not null default true, note text, created_at timestamptz not null default now(), updated_at timestamptz);
    create index on ${name} (parent_id); create index on ${name} (other_id); create index on ${name} (name) where active;
    create unique index on ${name} (code, parent_id); create index on ${name} (lower(name), created_at desc);
    create trigger touch before update on ${name} for each row execute function ${schema}.touch();`;
}
