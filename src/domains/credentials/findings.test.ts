import assert from "node:assert/strict";
import { test } from "node:test";

import { type RawBuilder, sql } from "kysely";

import type { App } from "#app.ts";
import { run } from "#store/database.ts";
import { json, keyOf, openCheckedCredentials } from "#test/checked-credentials.ts";

import { checkCredentials } from "./checks.ts";
import { type Finding, listFindings } from "./findings.ts";

const dayMs = 86_400_000;
const inDays = (days: number): string => new Date(Date.now() + days * dayMs).toISOString();

/** What is set of a live credential whose end is far, and what is then found. */
const table: [string, RawBuilder<unknown>, ...[string, string, RegExp][]][] = [
  ["far and alive", sql`note = null`],
  ["no value", sql`version = 0`, ["credential one", "medium", /has no value yet$/]],
  [
    "quarantined",
    sql`quarantined_at = now(), quarantine_reason = 'its value does not open'`,
    ["credential one", "high", /is quarantined: its value does not open$/],
  ],
  ["dead", sql`validation_status = 'revoked', expires_at = now()`, ["credential one", "high", /is revoked$/]],
  [
    "dead once",
    sql`dead_verdict = 'invalid', dead_seen_at = now(), confirm_after = now()`,
    ["credential one", "medium", /answered invalid once; a second check decides$/],
  ],
  [
    "never asked",
    sql`validation_status = 'unknown', attempted_at = null, attempt_verdict = null`,
    ["credential one", "medium", /was never checked$/],
  ],
  [
    "never reached",
    sql`validation_status = 'unknown', attempt_verdict = 'provider_down', attempt_detail = 'rests for 27 s'`,
    ["credential one", "medium", /could not be checked: its provider is not reachable$/],
  ],
  [
    "refused for now",
    sql`validation_status = 'unknown', attempt_verdict = 'rate_limited'`,
    ["credential one", "medium", /refuses so many requests$/],
  ],
  [
    "a riddle",
    sql`validation_status = 'unknown', attempt_verdict = 'unknown'`,
    ["credential one", "medium", /answer proves nothing$/],
  ],
  ["not reached today", sql`attempt_verdict = 'provider_down'`],
  [
    "not reached for long",
    sql`attempt_verdict = 'provider_down', last_validated_at = '2026-01-02'`,
    ["credential one", "medium", /was last seen alive on 2026-01-02; could not be checked/],
  ],
  ["not checkable", sql`validation_status = 'not_checkable', expires_at = null, expiry_source = 'unknown'`],
  [
    "without a right",
    sql`validation_status = 'insufficient_scope'`,
    ["credential one", "low", /lives, but has not the right/],
  ],
  [
    "no date",
    sql`expires_at = null, expiry_source = 'unknown'`,
    ["credentials without a known expiry", "low", /nobody knows when these expire: one$/],
  ],
  [
    "soon",
    sql`expires_at = now() + interval '9 days'`,
    ["expiry of credential one", "medium", /credential one expires on \d{4}-\d\d-\d\d$/],
  ],
  [
    "past and never asked",
    sql`expires_at = '2026-01-02', validation_status = 'unknown', attempt_verdict = null`,
    ["credential one", "medium", /was never checked$/],
    ["expiry of credential one", "high", /passed its date, 2026-01-02$/],
  ],
];

/** What is found after a change that is taken back. */
async function findAfter(app: App, change: RawBuilder<unknown>): Promise<Finding[]> {
  const tx = await app.db.startTransaction().execute();
  try {
    await run(tx, sql`update aegis_credentials set ${change}`);
    return await listFindings({ ...app, db: tx });
  } finally {
    await tx.rollback().execute();
  }
}

test("each state of a credential is found with its weight and in words that do not change from run to run", async (t) => {
  const { app, answers, add, check } = await openCheckedCredentials(t);
  await add("one", { expires_at: inDays(400) });
  answers.set(keyOf("one"), json(200, {}));
  await check("one");

  for (const [state, change, ...expected] of table) {
    await t.test(state, async () => {
      const found = await findAfter(app, change);

      assert.deepEqual(
        found.map(({ subject, severity }) => [subject, severity]),
        expected.map(([subject, severity]) => [subject, severity]),
      );
      for (const [place, [, , text]] of expected.entries()) assert.match(found[place]?.text ?? "", text);
      for (const { remedy } of found) assert.match(remedy, /^leveredge credentials (rotate|show|check|change) one/);
    });
  }
});

test("the same value in dev and in prod is found, in two keys of prod it is not", async (t) => {
  const { app, add } = await openCheckedCredentials(t);
  const shared = { api_key: "acme-the-same-key" };
  await add("prod-a", { fields: shared });
  await add("prod-b", { fields: shared });
  const before = await listFindings(app);
  await add("dev-a", { fields: shared, environment: "dev" });

  const after = await listFindings(app);

  const equal = (findings: typeof after) => findings.filter(({ subject }) => subject.startsWith("equal values"));
  assert.deepEqual(equal(before), []);
  assert.deepEqual(equal(after), [
    {
      subject: "equal values dev-a/api_key prod-a/api_key prod-b/api_key",
      severity: "high",
      text: "the same value is used in prod and outside of it: dev-a/api_key (dev), prod-a/api_key (prod), prod-b/api_key (prod)",
      remedy: "leveredge credentials rotate dev-a",
    },
  ]);
});

test("the health check tells each finding, or that there is none, and asks nobody", async (t) => {
  const { app, answers, add, check, server } = await openCheckedCredentials(t);
  assert.deepEqual(await checkCredentials(app), []);
  await add("one", { expires_at: inDays(400) });
  answers.set(keyOf("one"), json(200, {}));
  await check("one");
  const healthy = await checkCredentials(app);
  await add("two", { expires_at: inDays(3) });

  const loose = await checkCredentials(app);

  assert.deepEqual(
    healthy.map(({ subject, state }) => [subject, state]),
    [["credentials", "ok"]],
  );
  assert.deepEqual(
    loose.map(({ subject, state, remedy }) => [subject, state, remedy]),
    [
      ["credential two", "loose", "leveredge credentials check two"],
      ["expiry of credential two", "loose", "leveredge credentials rotate two"],
    ],
  );
  assert.equal(server.asked.length, 1);
});
