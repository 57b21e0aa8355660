-- The identity of this store: one row, made with the schema and never changed.
-- Keys are bound to it, so that rows of another store do not open here.
create table instance (
  id         uuid primary key default gen_random_uuid(),
  created_at timestamptz not null default now(),
  only_row   boolean not null default true unique check (only_row)
);

insert into instance default values;

revoke insert, update, delete, truncate on instance from leveredge_app;
