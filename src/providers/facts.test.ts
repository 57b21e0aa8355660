import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { readBody } from "./conditions.ts";
import { type Facts, noFacts, readFacts } from "./facts.ts";
import type { Step } from "./provider.ts";

type Sources = Pick<Step, "expires_at" | "scopes" | "identity">;

function read(
  sources: Sources,
  body: unknown,
  rest: { status?: number; headers?: Record<string, string> } = {},
): Facts {
  const { status = 200, headers = {} } = rest;
  return readFacts(noFacts, sources, { status, headers, body: readBody(JSON.stringify(body), true) }, {});
}

function expiryOf(value: unknown, format: "date" | "unix_s" | "unix_ms"): string | null {
  return read({ expires_at: { from: { path: "at" }, format } }, { at: value }).expiresAt;
}

test("an instant is read in the forms in which services write one, without a zone as UTC", () => {
  const noon = "2030-01-02T12:00:00.000Z";

  assert.equal(expiryOf("2030-01-02T12:00:00Z", "date"), noon);
  assert.equal(expiryOf("2030-01-02 12:00:00 UTC", "date"), noon);
  assert.equal(expiryOf("2030-01-02 12:00:00", "date"), noon);
  assert.equal(expiryOf("2030-01-02T13:00:00+0100", "date"), noon);
  assert.equal(expiryOf("2030-01-02", "date"), "2030-01-02T00:00:00.000Z");
  assert.equal(expiryOf(1893585600, "unix_s"), noon);
  assert.equal(expiryOf("1893585600000", "unix_ms"), noon);
});

test("what is no instant, or none that a calendar has, is not known", () => {
  for (const value of ["never", "", "infinity", null, true, {}, ["2030-01-01"], 0, -1, 3e11, 1e18]) {
    assert.equal(expiryOf(value, "unix_s"), null, JSON.stringify(value));
    assert.equal(expiryOf(value, "date"), null, JSON.stringify(value));
  }
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom("date", "unix_s", "unix_ms"), (value, format) => {
      const at = expiryOf(value, format);
      assert.ok(at === null || /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(at), String(at));
    }),
  );
});

test("scopes are a list or one text, each once, in one order, and bounded", () => {
  const sources: Sources = { scopes: { from: { header: "x-oauth-scopes" }, separator: "," } };

  assert.deepEqual(read(sources, {}, { headers: { "x-oauth-scopes": "repo, gist,repo" } }).scopes, ["gist", "repo"]);
  assert.deepEqual(read(sources, {}, { headers: { "x-oauth-scopes": "" } }).scopes, []);
  assert.equal(read(sources, {}).scopes, null);
  const many = Array.from({ length: 5000 }, (_, at) => `${at}${"x".repeat(1000)}`);
  const bounded = read({ scopes: { from: { path: "s" } } }, { s: many }).scopes;
  assert.equal(bounded?.length, 200);
  assert.ok(bounded.every(({ length }) => length <= 200));
});

test("the id in the body of an error is the error's, and not the account's", () => {
  const sources: Sources = { identity: { from: { path: "id" } } };

  assert.equal(read(sources, { id: "acc_1" }).identity, "acc_1");
  assert.equal(read(sources, { id: "req_1" }, { status: 403 }).identity, null);
});

test("a claim of a token is read, and a field that is no token has none", () => {
  const claims = Buffer.from(JSON.stringify({ exp: 1893585600, ref: "lab" })).toString("base64url");
  const sources: Sources = {
    expires_at: { from: { field: "key", claim: "exp" }, format: "unix_s" },
    identity: { from: { field: "key", claim: "ref" } },
  };
  const ofKey = (key: string): Facts =>
    readFacts(noFacts, sources, { status: 200, headers: {}, body: readBody("", true) }, { key });

  assert.deepEqual(ofKey(`x.${claims}.y`), { expiresAt: "2030-01-02T12:00:00.000Z", scopes: null, identity: "lab" });
  for (const key of ["", "sb_secret_1", "a.b.c", `x.${claims}`, "..", "x.bnVsbA.y"])
    assert.deepEqual(ofKey(key), noFacts);
});

test("a later step adds to what an earlier one told and takes nothing away", () => {
  const before: Facts = { expiresAt: "2030-01-01T00:00:00.000Z", scopes: ["a"], identity: "x" };
  const answer = { status: 200, headers: {}, body: readBody("{}", true) };
  const sources: Sources = { scopes: { from: { path: "none" } }, identity: { from: { path: "none" } } };

  assert.deepEqual(readFacts(before, sources, answer, {}), before);
});
