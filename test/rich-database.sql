-- A small database with one of everything a catalogue can hold. Needs a superuser.
do $$
declare
  name text;
begin
  foreach name in array array['rich_owner', 'rich_reader', 'rich_writer', 'rich "quoted" role'] loop
    begin
      execute format('create role %I nologin', name);
    exception when duplicate_object or unique_violation then
      null;
    end;
  end loop;
end
$$;

create extension citext;
create extension hstore schema public;
create extension postgres_fdw;

create schema shop authorization rich_owner;
create schema "Odd ""schema""
name";
create schema a23456789012345678901234567890123456789012345678901234567890123;
comment on schema shop is 'what we sell';
grant usage on schema shop to rich_reader;

create type shop.state as enum ('draft', 'paid', 'shipped');
create type shop.address as (street text, city text, zip varchar(10));
create domain shop.email as text check (value like '%@%');
create domain shop.quantity as integer default 1 not null;
alter domain shop.quantity add constraint quantity_positive check (value > 0) not valid;
create type shop.span as range (subtype = numeric, multirange_type_name = shop.spans);
create type shop.pending;
create type shop.point3;
create function shop.point3_in(cstring) returns shop.point3 language internal immutable strict as 'int8in';
create function shop.point3_out(shop.point3) returns cstring language internal immutable strict as 'int8out';
create type shop.point3 (input = shop.point3_in, output = shop.point3_out, like = bigint);
create collation shop.plain (provider = libc, locale = 'C');
create conversion shop.from_latin for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8;

create sequence shop.invoice_number as integer start 1000 increment 5 maxvalue 90000 cache 3;

create table shop.customer (
  id bigint generated always as identity (start 100) primary key,
  name text not null,
  mail shop.email,
  nickname public.citext,
  "Odd ""column"" name" text collate "C" default 'x',
  address shop.address,
  balance numeric(12, 2) not null default 0,
  balance_doubled numeric generated always as (balance * 2) stored,
  created_at timestamptz not null default now(),
  notes text,
  tags text[] default '{}',
  constraint customer_balance_positive check (balance >= 0)
) with (fillfactor = 80, autovacuum_enabled = false);
alter table shop.customer alter column notes set storage external;
alter table shop.customer alter column notes set compression pglz;
alter table shop.customer alter column name set statistics 500;
alter table shop.customer alter column name set (n_distinct = -0.5);
alter table shop.customer set (toast.autovacuum_enabled = false);
comment on table shop.customer is 'who buys';
comment on column shop.customer.mail is 'verified by hand';

create table shop.product (
  id serial primary key,
  sku text not null,
  state shop.state not null default 'draft',
  price numeric,
  quantity shop.quantity,
  period daterange,
  room integer,
  unique (sku),
  exclude using gist (period with &&)
);
alter table shop.product add constraint product_price_known check (price is not null) not valid;
create index product_state on shop.product (state) where price > 10;
create index product_lower on shop.product (lower(sku) desc nulls last) include (price) with (fillfactor = 70, deduplicate_items = off);
create unique index product_room on shop.product (room, state) nulls not distinct;
create unique index product_quantity on shop.product (quantity, sku);
alter table shop.product cluster on product_quantity;

create table shop.orders (
  id bigint primary key,
  customer_id bigint not null references shop.customer (id) on delete cascade deferrable initially deferred,
  product_id integer references shop.product (id) on update set null,
  placed_on date not null,
  invoice integer default nextval('shop.invoice_number')
);
alter sequence shop.invoice_number owned by shop.orders.invoice;
create index orders_placed on shop.orders (placed_on);
create index orders_customer on shop.orders (customer_id);
create statistics shop.orders_statistics (dependencies, ndistinct) on customer_id, placed_on from shop.orders;
alter statistics shop.orders_statistics set statistics 300;
alter table shop.orders replica identity full;

create table shop.event (id bigint not null, at timestamptz not null, kind text default 'seen', primary key (id, at))
  partition by range (at);
create table shop.event_2025 partition of shop.event for values from ('2025-01-01+00') to ('2026-01-01+00');
create table shop.event_2026 partition of shop.event (kind default 'new') for values from ('2026-01-01+00') to ('2027-01-01+00')
  partition by hash (id);
create table shop.event_2026_even partition of shop.event_2026 for values with (modulus 2, remainder 0);
create table shop.event_rest partition of shop.event default;
create index event_kind on shop.event (kind);

create table shop.vehicle (id integer, wheels integer default 4, check (wheels > 0));
create table shop.lorry (load numeric) inherits (shop.vehicle);
create table shop.address_book of shop.address (street not null);
create unlogged table shop.scratch (a integer);
create table shop.counter (id integer primary key, n integer generated by default as identity);

create view shop.paid with (security_invoker = true) as
  select p.id, p.sku, p.price from shop.product p where p.state = 'paid' with local check option;
create view shop.names as select name from shop.customer;
alter view shop.names alter column name set default 'nobody';
create materialized view shop.totals with (fillfactor = 90) as select count(*) as n, sum(balance) as total from shop.customer;
create unique index totals_n on shop.totals (n);
create view shop.numbers as with recursive t (n) as (values (1) union all select n + 1 from t where n < 3) select n from t;

create function shop.touch() returns trigger language plpgsql as $$
begin
  new.notes := coalesce(new.notes, 'https://example.com/?a=1');
  return new;
end
$$;
create function shop.total(customer_id bigint, since date default '2020-01-01', out sum numeric, out count integer)
  language sql stable parallel safe security definer cost 50
  set search_path = shop, pg_catalog set work_mem = '8MB'
  as $$ select 1::numeric, 2 $$;
create function shop.next_day(date) returns date language sql immutable strict return $1 + 1;
create function shop.many(variadic text[]) returns setof text language sql rows 7 leakproof as $$ select unnest($1) $$;
create procedure shop.settle(inout amount numeric) language plpgsql as $$ begin amount := 0; end $$;
create function shop.longer(text, text) returns text language sql immutable as $$ select case when length($1) > length($2) then $1 else $2 end $$;
create aggregate shop.longest(text) (sfunc = shop.longer, stype = text, initcond = '', parallel = safe, combinefunc = shop.longer);
create function shop.sum_window(integer) returns bigint language internal window as 'window_row_number';
comment on function shop.total(bigint, date) is 'what a customer spent';
revoke execute on function shop.total(bigint, date) from public;
grant execute on function shop.total(bigint, date) to rich_reader with grant option;

create trigger customer_touch before insert or update of name, mail on shop.customer
  for each row when (new.name is not null) execute function shop.touch('with', 'arguments');
create trigger event_touch after insert on shop.event for each row execute function shop.touch();
create constraint trigger orders_later after insert on shop.orders deferrable initially deferred
  for each row execute function shop.touch();
create rule no_delete as on delete to shop.vehicle do instead nothing;
create function shop.note_ddl() returns event_trigger language plpgsql as $$ begin end $$;
create event trigger note_ddl on ddl_command_end when tag in ('CREATE TABLE', 'ALTER TABLE') execute function shop.note_ddl();
alter event trigger note_ddl disable;
alter event trigger note_ddl enable always;

alter table shop.customer enable row level security;
create policy customer_own on shop.customer for select to rich_reader, rich_writer using (name = current_user);
create policy customer_write on shop.customer as restrictive for update using (true) with check (balance < 1000);
create policy product_all on shop.product using (price > 0);

create function shop.same(integer, text) returns boolean language sql immutable as $$ select $1::text = $2 $$;
create operator shop.=== (leftarg = integer, rightarg = text, function = shop.same, restrict = eqsel, join = eqjoinsel);
create function shop.to_address(text) returns shop.address language sql immutable as $$ select row($1, null, null)::shop.address $$;
create cast (text as shop.address) with function shop.to_address(text) as assignment;
create operator family shop.my_integers using btree;
create operator class shop.my_integer for type integer using btree family shop.my_integers as
  operator 1 <, operator 2 <=, operator 3 =, operator 4 >=, operator 5 >, function 1 btint4cmp(integer, integer);
create function shop.sql_handler() returns language_handler language c as '$libdir/plpgsql', 'plpgsql_call_handler';
create language plother handler shop.sql_handler;
create transform for integer language sql (from sql with function prsd_lextype(internal), to sql with function int4recv(internal));
create access method heap2 type table handler heap_tableam_handler;
create table shop.other_method (a integer) using heap2;

create text search dictionary shop.words (template = simple, accept = false);
create text search configuration shop.search (copy = english);
alter text search configuration shop.search alter mapping for word with shop.words, simple;
create text search template shop.template (init = dsimple_init, lexize = dsimple_lexize);
create text search parser shop.parser (start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, lextypes = prsd_lextype);

create foreign data wrapper plain_wrapper options (debug 'true');
create server elsewhere type 'kind' version '1' foreign data wrapper postgres_fdw options (host 'db.example.com', dbname 'x');
create user mapping for rich_reader server elsewhere options (user 'remote', password 'do not show');
create foreign table shop.remote (id integer options (column_name 'key'), body text) server elsewhere options (table_name 'far');

create publication everything_inserted for all tables with (publish = 'insert');
create publication some_tables for table shop.customer (id, name, mail), table shop.orders where (placed_on > '2024-01-01');
create publication a_schema for tables in schema shop with (publish_via_partition_root = true);

grant select on shop.customer to rich_reader;
grant select, insert, update on shop.orders to rich_writer, "rich ""quoted"" role";
grant update (notes, name) on shop.customer to rich_writer;
grant usage on sequence shop.invoice_number to rich_writer;
grant usage on type shop.state to rich_reader;
revoke usage on type shop.email from public;
grant usage on foreign server elsewhere to rich_writer;
grant usage on foreign data wrapper plain_wrapper to rich_writer;
revoke execute on function pg_catalog.pg_sleep(double precision) from public;
grant execute on function public.hstore(text, text) to rich_reader;
alter default privileges for role rich_owner in schema shop grant select on tables to rich_reader;
alter default privileges for role rich_owner revoke execute on functions from public;
alter table shop.orders owner to rich_owner;
alter function shop.next_day(date) depends on extension hstore;

create table "Odd ""schema""
name"."Odd
table" ("a.b" integer primary key, "select" text);
comment on column "Odd ""schema""
name"."Odd
table"."a.b" is E'two\nlines';
create table a23456789012345678901234567890123456789012345678901234567890123.a23456789012345678901234567890123456789012345678901234567890123 (
  a23456789012345678901234567890123456789012345678901234567890123 integer
);

create table public.schema_migrations (id serial primary key, migration_name text unique);
