import assert from "node:assert/strict";
import { test } from "node:test";

import pg from "pg";

import { testCluster } from "#test/database.ts";

import { isSecretName, secretMarks, secretValuePattern } from "./secret-shapes.ts";

const run = "aB3dE5gH1jK9mN7pQ2rS4tU6vW8xY0zAbCdEfGhI";
const hex = "0123456789abcdef0123456789abcdef01234567";

/** Put together here, so that no scanner takes this file for a leak. */
const secrets = [
  ["sk-", "proj-", run],
  ["rk_", "live_", run],
  ["wh", "sec_", run],
  ["sb_", "secret_", run],
  ["sbp_", hex],
  ["ey", "JhbGciOiJIUzI1NiJ9", ".eyJzdWIiOiIxIn0.x"],
  ["gh", "p_", run],
  ["github_", "pat_", run],
  ["glp", "at-", run],
  ["xo", "xb-1234567890-", run],
  ["xa", "pp-1-", run],
  ["AK", "IAIOSFODNN7EXAMPLE"],
  ["AI", "za", run.slice(0, 35)],
  ["ya", "29.", run],
  ["S", "G.", run.slice(0, 22), ".", run],
  ["h", "f_", run],
  ["pp", "lx-", run],
  ["dop_", "v1_", hex],
  ["AGE-SECRET", "-KEY-1", "QQPQZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"],
  ["1234567890", ":AA", run.slice(0, 33)],
  ["https://hooks.sl", "ack.com/services/T000/B000/", run],
  ["https://disc", "ord.com/api/webhooks/1234/", run],
  ["postgres", "://user:pw@host/db"],
  ["redis", "://:pw@host"],
  ["-----BEGIN EC ", "PRIVATE KEY-----"],
  ['{"api_', 'key": "12345678"}'],
  ['{"apiKey"', ':"12345678"}'],
  ['{"dbPassword" ', ': "12345678"}'],
].map((parts) => parts.join(""));

const harmless = [
  "a task-12 for the desk-top",
  "https://example.org/path?x=1:2@3",
  "550e8400-e29b-41d4-a716-446655440000",
  hex,
  '{"max_tokens": 4096, "token": "short", "key": "a long name of a key"}',
  "-----BEGIN CERTIFICATE-----",
  "Bitte melden Sie sich an: ü@example.org",
];

test("values of every shape are found, in text around them too, and have a mark; harmless ones are not", async (t) => {
  const client = new pg.Client({ connectionString: (await testCluster({ major: 15 })).url() });
  await client.connect();
  t.after(() => client.end());
  const texts = [...secrets, ...secrets.map((secret) => `before (${secret}) after`), ...harmless];

  const { rows } = await client.query<{ text: string }>(
    "select text from unnest($1::text[]) as t (text) where text ~ $2",
    [texts, secretValuePattern],
  );

  const found = rows.map(({ text }) => text);
  assert.deepEqual(
    texts.filter((text) => !found.includes(text)),
    harmless,
  );
  for (const text of found)
    assert.ok(
      secretMarks.some((mark) => text.includes(mark)),
      text,
    );
});

test("every shape has an example", () => {
  const unseen = secretMarks.filter((mark) => !secrets.some((secret) => secret.includes(mark)));
  const alternatives = [
    "k_test_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "glptt-",
    "glrt-",
    "ASIA",
    "npm_",
    "gsk_",
    "npg_",
    "ntn_",
  ];

  assert.deepEqual(
    unseen.filter((mark) => !alternatives.includes(mark) && !/^[a-zA-Z_-]+"?$/.test(mark)),
    [],
  );
});

test("names of columns that announce a secret are told from names that only speak of one", () => {
  const announcing = [
    ...["password", "password_hash", "PasswordHash", "api_key", "apiKey", "API-KEY", "access_token", "client_secret"],
    ...["private_key", "service_role_key", "smtp_password", "webhook_secret", "database_url", "jwt", "tokens"],
  ];
  const speaking = [
    ...["max_tokens", "token_count", "tokens_used", "token_limit", "credential_id", "password_policy", "secret_name"],
    ...["key", "name", "primary_key", "keyword", "author", "passage", "tokenizer", "monkey"],
  ];

  assert.deepEqual(
    announcing.filter((name) => !isSecretName(name)),
    [],
  );
  assert.deepEqual(speaking.filter(isSecretName), []);
});
