import assert from "node:assert/strict";
import { test } from "node:test";

import type { DeltaAction } from "./delta-protocol.ts";
import { castLoses, findHazards, type Hazards, relationKey } from "./hazards.ts";

const harmless: DeltaAction = {
  sql: "",
  verb: "alter",
  subject: { kind: "column", object: "public.t.a" },
  destroys: [],
  relations: [{ schema: "public", name: "t" }],
  transaction: "inside",
  lock: "none",
  losesData: false,
  mayRewrite: false,
  retype: null,
  endpoints: [],
};

test("a lock counts only on a table that holds rows", () => {
  const change: DeltaAction = { ...harmless, lock: "accessExclusive" };

  assert.deepEqual(weigh([change], { filled: true })[0]?.hazards, ["lock"]);
  assert.deepEqual(weigh([change], { filled: false })[0]?.hazards, []);
});

test("a column with a constant default rewrites nothing, one with a computed default does", () => {
  const add = (clause: string): DeltaAction => ({
    ...harmless,
    sql: `ALTER TABLE "public"."t" ADD COLUMN "a" ${clause}`,
    mayRewrite: true,
  });
  const clauses = [
    "integer DEFAULT 3",
    "text DEFAULT 'a (b)'::text",
    "timestamptz DEFAULT now()",
    "numeric(3,1) DEFAULT 1.5::numeric(3,1)",
  ];

  assert.deepEqual(
    clauses.flatMap((clause) => weigh([add(clause)], { filled: true })[0]?.hazards ?? []),
    [],
  );
  assert.deepEqual(weigh([add("uuid DEFAULT gen_random_uuid()")], { filled: true })[0]?.hazards, ["rewrite"]);
  assert.deepEqual(weigh([add("int GENERATED ALWAYS AS (b + 1) STORED")], { filled: true })[0]?.hazards, ["rewrite"]);
});

test("an index that is dropped and made again is built again", () => {
  const subject = { kind: "index", object: "public.i" };
  const drop: DeltaAction = { ...harmless, verb: "drop", subject, destroys: [subject], sql: "DROP INDEX i" };
  const create: DeltaAction = { ...harmless, verb: "create", subject, sql: "CREATE INDEX i ON t (a)" };

  assert.deepEqual(
    weigh([drop, create], { filled: true }).map(({ hazards }) => hazards),
    [[], ["index-rebuild"]],
  );
  assert.deepEqual(weigh([create], { filled: true })[0]?.hazards, []);
});

test("owners, grants, policies, row security and SECURITY DEFINER are privileges", () => {
  const statement = (sql: string, kind = "table"): DeltaAction => ({
    ...harmless,
    sql,
    subject: { kind, object: "public.x" },
  });
  const changes = [
    statement('ALTER TABLE "public"."x" OWNER TO "other"'),
    statement('GRANT SELECT ON "public"."x" TO "r"', "grant"),
    statement('ALTER TABLE "public"."x" FORCE ROW LEVEL SECURITY'),
    statement("CREATE POLICY p", "policy"),
    statement("CREATE FUNCTION public.x() RETURNS int LANGUAGE sql SECURITY DEFINER AS $f$ select 1 $f$", "function"),
  ];

  assert.deepEqual(
    weigh(changes, { filled: false }).flatMap(({ hazards }) => hazards),
    changes.map(() => "privilege"),
  );
  const body = statement(
    "CREATE FUNCTION public.x() RETURNS text LANGUAGE sql AS $f$ select 'SECURITY DEFINER' $f$",
    "function",
  );
  assert.deepEqual(weigh([body], { filled: false })[0]?.hazards, []);
});

test("the applier's own new object is no change of privileges", () => {
  const create: DeltaAction = {
    ...harmless,
    verb: "create",
    subject: { kind: "table", object: "public.n" },
    sql: 'CREATE TABLE "public"."n" ()',
  };
  const own: DeltaAction = { ...create, verb: "alter", sql: 'ALTER TABLE "public"."n" OWNER TO "me"' };

  assert.deepEqual(
    weigh([create, own], { filled: false }).flatMap(({ hazards }) => hazards),
    [],
  );
});

test("a cast that cuts or rounds loses data, one that fails loudly or widens does not", () => {
  const losing = [
    ["text", "character varying(5)"],
    ["character varying(9)", "character varying(5)"],
    ["numeric(10,2)", "numeric(10,1)"],
    ["numeric(10,2)", "integer"],
    ["double precision", "real"],
    ["timestamp with time zone", "date"],
    ["timestamp(6) without time zone", "timestamp(0) without time zone"],
  ] as const;
  const safe = [
    ["integer", "bigint"],
    ["bigint", "integer"],
    ["character varying(5)", "text"],
    ["character varying(5)", "character varying(9)"],
    ["numeric(10,2)", "numeric(12,2)"],
    ["text", "public.state"],
    ["text", "uuid"],
  ] as const;

  assert.deepEqual(
    losing.filter(([from, to]) => !castLoses(from, to)),
    [],
  );
  assert.deepEqual(
    safe.filter(([from, to]) => castLoses(from, to)),
    [],
  );
});

function weigh(actions: DeltaAction[], state: { filled: boolean }): Hazards[] {
  const populated = new Set(state.filled ? [relationKey({ schema: "public", name: "t" })] : []);
  return findHazards(actions, { populated, currentRole: "me" });
}
