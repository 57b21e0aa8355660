import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { allows, type Scope } from "#http/permission.ts";

import { covers, intersect, roleScopes } from "./roles.ts";

const environments = ["dev", "prod", "shared"] as const;
const [resource, action] = [fc.constantFrom("*", "tokens", "backups"), fc.constantFrom("*", "read", "write")];
const scope = fc
  .tuple(resource, action, fc.constantFrom("*", ...environments))
  .map(([one, two, three]): Scope => `${one}:${two}:${three}`);
const question = fc.tuple(
  fc.constantFrom("tokens", "backups", "runs"),
  fc.constantFrom("read", "write"),
  fc.constantFrom(...environments),
);

test("an intersection allows exactly what both lists allow", () => {
  fc.assert(
    fc.property(fc.array(scope, { maxLength: 4 }), fc.array(scope, { maxLength: 4 }), question, (one, other, asked) => {
      const [noun, verb, environment] = asked;
      const may = (scopes: readonly Scope[]) => allows(scopes, `${noun}:${verb}`, environment);
      return may(intersect(one, other)) === (may(one) && may(other));
    }),
  );
});

test("what covers a scope allows all that the scope allows", () => {
  fc.assert(
    fc.property(fc.array(scope, { maxLength: 4 }), scope, question, (held, wanted, [noun, verb, environment]) => {
      const may = (scopes: readonly Scope[]) => allows(scopes, `${noun}:${verb}`, environment);
      return !covers(held, wanted) || !may([wanted]) || may(held);
    }),
  );
});

test("each role may do what it is for and no more", () => {
  const may = (role: keyof typeof roleScopes) => (deed: string) => {
    const [noun = "", verb = "", environment] = deed.split(":");
    const found = environments.find((known) => known === environment);
    assert.ok(found);
    return allows(roleScopes[role], `${noun}:${verb}`, found);
  };
  const deeds = [
    "runs:read:shared",
    "mirror:apply:dev",
    "mirror:apply:prod",
    "migrations:apply:prod",
    "runs:start:shared",
    "backups:verify:prod",
    "notifications:send:shared",
    "notifications:resend:shared",
    "sessions:write:shared",
    "jobs:retry:shared",
    "tokens:write:shared",
    "users:write:shared",
    "credentials:read:prod",
    "credentials:validate:prod",
    "credentials:write:dev",
    "credentials:reveal:dev",
    "credentials:reveal:prod",
    "providers:write:shared",
  ];
  const answers = Object.fromEntries(
    (["viewer", "operator", "admin", "agent", "service"] as const).map((role) => [role, deeds.filter(may(role))]),
  );

  assert.deepEqual(answers, {
    viewer: ["runs:read:shared", "sessions:write:shared", "credentials:read:prod"],
    operator: [
      "runs:read:shared",
      "mirror:apply:dev",
      "runs:start:shared",
      "backups:verify:prod",
      "notifications:send:shared",
      "notifications:resend:shared",
      "sessions:write:shared",
      "credentials:read:prod",
      "credentials:validate:prod",
    ],
    admin: deeds,
    agent: ["notifications:send:shared"],
    service: ["runs:read:shared", "backups:verify:prod", "notifications:send:shared"],
  });
});
