import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { holds, lookUp, readBody } from "./conditions.ts";
import type { Rule, Verdict } from "./provider.ts";
import { judge } from "./verdict.ts";

const now = new Date("2026-11-22T00:00:00Z");

function judged(status: number, body: string, rules: Rule[] = [], headers: Record<string, string> = {}) {
  return judge({ status, headers, body: readBody(body, true) }, rules, now);
}

test("a page of HTML proves nothing, whatever the rules say", () => {
  const rules: Rule[] = [
    { status: ["4xx"], verdict: "invalid" },
    { status: ["2xx"], verdict: "valid" },
  ];

  for (const status of [200, 401, 403]) {
    assert.equal(judged(status, "<!DOCTYPE html><p>no", rules).verdict, "unknown");
    assert.equal(judged(status, "hello", rules, { "content-type": "text/html; charset=utf-8" }).verdict, "unknown");
  }
  assert.equal(judged(401, "{}", rules).verdict, "invalid");
});

test("without a rule no answer is proof of anything", () => {
  const proof: readonly (Verdict | "next")[] = ["valid", "insufficient_scope", "invalid", "expired", "revoked", "next"];
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 999 }), fc.string(), (status, body) => {
      assert.ok(!proof.includes(judged(status, body).verdict));
    }),
  );
});

test("the first rule that fits decides, by status, header and body together", () => {
  const rules: Rule[] = [
    { status: [403], header: { "x-left": "0" }, verdict: "rate_limited" },
    { status: [403], body: { contains: "LEAKED" }, verdict: "revoked" },
    { status: [403], verdict: "insufficient_scope" },
  ];

  assert.equal(judged(403, "{}", rules, { "x-left": "0" }).verdict, "rate_limited");
  assert.equal(judged(403, '{"m":"reported as leaked"}', rules).verdict, "revoked");
  assert.equal(judged(403, "{}", rules).verdict, "insufficient_scope");
});

test("a good status whose body could have said otherwise and broke off is no proof", () => {
  const rules: Rule[] = [
    { status: [200], body: { path: "revoked", equals: true }, verdict: "revoked" },
    { status: [200], verdict: "valid" },
  ];

  assert.equal(judged(200, '{"revoked":false}', rules).verdict, "valid");
  assert.equal(judged(200, '{"revoked":tr', rules).verdict, "unknown");
  assert.equal(judged(200, "", rules).verdict, "unknown");
});

test("how long to wait is read from seconds and from a date", () => {
  assert.equal(judged(429, "", [], { "retry-after": "120" }).retryAfterS, 120);
  assert.equal(judged(429, "", [], { "retry-after": "Sun, 22 Nov 2026 00:01:00 GMT" }).retryAfterS, 60);
  assert.equal(judged(429, "", [], { "retry-after": "soon" }).retryAfterS, null);
});

test("a path finds any element of a list, and nothing that a prototype has", () => {
  const json = { errors: [{ code: 1 }, { code: 6003 }], list: [["a"], ["b"]] };

  assert.deepEqual(lookUp(json, "errors[].code"), [1, 6003]);
  assert.deepEqual(lookUp(json, "errors.code"), []);
  assert.deepEqual(lookUp(json, "constructor"), []);
  assert.equal(holds({ path: "errors[].code", equals: 6003 }, readBody(JSON.stringify(json), true)), true);
  assert.equal(holds({ path: "errors[].code", equals: "6003" }, readBody(JSON.stringify(json), true)), false);
  assert.equal(holds({ all: [{ contains: "ERRORS" }, { path: "x", exists: true }] }, readBody("{}", true)), false);
});

test("an error whose body could have said that the key lives makes no key dead", () => {
  const rules: Rule[] = [
    { status: [401], body: { path: "detail.status", equals: "missing_permissions" }, verdict: "insufficient_scope" },
    { status: [401], verdict: "invalid" },
  ];

  assert.equal(judged(401, '{"detail":{"status":"missing_permissions"}}', rules).verdict, "insufficient_scope");
  assert.equal(judged(401, '{"detail":{}}', rules).verdict, "invalid");
  for (const body of ["", "Unauthorized", '{"detail":{"status":"missing_perm']) {
    assert.equal(judged(401, body, rules).verdict, "unknown", body);
  }
  // Where all that it could have said is the same, it is said.
  const [first, last] = rules;
  assert.ok(first && last);
  assert.equal(judged(401, "", [{ ...first, verdict: "invalid" }, last]).verdict, "invalid");
});

test("of a body that broke off, a word that was not seen may stand in the rest", () => {
  const cut = readBody('{"message":"the key', false);

  assert.equal(holds({ contains: "KEY" }, cut), true);
  assert.equal(holds({ contains: "leaked" }, cut), undefined);
  assert.equal(holds({ path: "message", exists: true }, cut), undefined);
  assert.equal(holds({ any: [{ contains: "leaked" }, { contains: "key" }] }, cut), true);
  assert.equal(holds({ all: [{ contains: "leaked" }, { contains: "key" }] }, cut), undefined);
  assert.equal(holds({ contains: "leaked" }, readBody("the key", true)), false);
});

test("a mail server's refusal is no fault of the server, and its bad moment is", () => {
  const mail = (status: number) =>
    judge({ status, headers: {}, body: readBody("<html>", true), isMail: true }, [], now).verdict;

  assert.deepEqual([421, 454, 429, 504, 534, 554].map(mail), [
    "provider_down",
    "provider_down",
    "provider_down",
    "unknown",
    "unknown",
    "unknown",
  ]);
});

test("a page is a page after an XML declaration, a comment, or by its type alone", () => {
  const rules: Rule[] = [{ status: [401], verdict: "invalid" }];
  const pages = ['<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "x">', "<!-- blocked --><html>", "\ufeff <HTML>"];

  for (const page of pages) assert.equal(judged(401, page, rules).verdict, "unknown", page);
  assert.equal(judged(401, "x", rules, { "content-type": "application/xhtml+xml" }).verdict, "unknown");
  assert.equal(judged(401, "<error>no</error>", rules).verdict, "invalid");
});
