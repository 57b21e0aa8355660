import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { redact } from "./redact.ts";

/** Never part of the text around it, and long enough to be recognised in the wild. */
const secretOf = (characters: string) =>
  fc
    .string({ unit: fc.constantFrom(...characters.split("")), minLength: 10, maxLength: 40 })
    .map((rest) => `Zq9${rest}Zq9`);

const word = "abcXYZ0123456789_-";
const anything = `${word} !#$%&()*+,./:;<=>?@[]^{|}~'"\\\n`;
const surroundings = fc.string({ unit: fc.constantFrom(..."abc ;,()\n".split("")), maxLength: 20 });

const sqlLiteral = (text: string) => `'${text.replaceAll("'", "''")}'`;
const escapeLiteral = (text: string) => `E'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;

const places: { place: string; secret: fc.Arbitrary<string>; write: (secret: string) => string }[] = [
  {
    place: "a role's password",
    secret: secretOf(anything),
    write: (s) => `alter role app password ${sqlLiteral(s)} login`,
  },
  {
    place: "an E string",
    secret: secretOf(anything),
    write: (s) => `create role app encrypted PASSWORD ${escapeLiteral(s)}`,
  },
  {
    place: "a dollar-quoted string",
    secret: secretOf(word),
    write: (s) => `set_config('x.api_key', $q$${s}$q$, true)`,
  },
  {
    place: "an option list",
    secret: secretOf(anything),
    write: (s) => `options (user 'u', password ${sqlLiteral(s)})`,
  },
  {
    place: "function arguments",
    secret: secretOf(anything),
    write: (s) => `f('client_secret'::text, ${sqlLiteral(s)}::text)`,
  },
  { place: "a named argument", secret: secretOf(anything), write: (s) => `f(access_token => ${sqlLiteral(s)})` },
  { place: "an assignment", secret: secretOf(anything), write: (s) => `v_token := ${sqlLiteral(s)};` },
  {
    place: "a column's default",
    secret: secretOf(anything),
    write: (s) => `api_key varchar(80) not null default ${sqlLiteral(s)}`,
  },
  { place: "JSON", secret: secretOf(anything), write: (s) => JSON.stringify({ user: "u", dbPassword: s, port: 1 }) },
  { place: "JSON in JSON", secret: secretOf(word), write: (s) => JSON.stringify(JSON.stringify({ token: s })) },
  { place: "a conninfo string", secret: secretOf(word), write: (s) => `'host=h password=${s} dbname=d'` },
  { place: "a query string", secret: secretOf(word), write: (s) => `https://h/p?a=1&api_key=${s}&b=2` },
  { place: "a header", secret: secretOf(word), write: (s) => `X-Api-Key: ${s}` },
  { place: "an authorization header", secret: secretOf(word), write: (s) => `Authorization: Bearer ${s}` },
  { place: "a URL's password", secret: secretOf(`${word}/:@!$%`), write: (s) => `postgresql://u:${s}@host:5432/d` },
  {
    place: "a URL's token",
    secret: secretOf(word).map((s) => s.padEnd(20, "x")),
    write: (s) => `https://${s}@github.com/o/r`,
  },
  { place: "a key with a prefix", secret: secretOf(word), write: (s) => `select 'sk-ant-${s}'` },
  { place: "a GitHub token", secret: secretOf("abc019"), write: (s) => `ghp_${s}` },
  {
    place: "a private key",
    secret: secretOf(`${word}+/=\n`),
    write: (s) => `-----BEGIN RSA PRIVATE KEY-----\n${s}\n-----END RSA PRIVATE KEY-----`,
  },
  {
    place: "a private key that is cut off",
    secret: secretOf(`${word}\n`),
    write: (s) => `-----BEGIN PRIVATE KEY-----\n${s}`,
  },
  { place: "a literal that is cut off", secret: secretOf(word), write: (s) => `alter role app password '${s}` },
];

for (const { place, secret, write } of places) {
  test(`a secret does not survive in ${place}`, () => {
    fc.assert(
      fc.property(secret, surroundings, surroundings, (value, before, after) => {
        const redacted = redact(`${before} ${write(value)} ${after}`);

        assert.ok(redacted.includes("[secret]"), redacted);
        for (let at = 0; at + 8 <= value.length; at += 1) {
          const part = value.slice(at, at + 8);
          assert.ok(!redacted.includes(part), `${JSON.stringify(part)} is left in ${JSON.stringify(redacted)}`);
        }
      }),
    );
  });
}

test("a JSON Web Token, a SCRAM verifier and a bot token are recognised by their shape", () => {
  const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYW5vbiJ9.c2lnbmF0dXJl";
  const scram = "SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0$c3RvcmVka2V5:c2VydmVya2V5";
  const bot = `123456789:${"A".repeat(35)}`;

  assert.equal(redact(`a ${jwt} b ${scram} c ${bot} d`), "a [secret] b [secret] c [secret] d");
});

test("text without secrets is left as it is", () => {
  const texts = [
    "alter table public.tokens add column token_count integer not null default 0;",
    "create index on public.sessions (token) where token is not null;",
    "comment on column public.users.password is 'hash of the password';",
    "select token::text, secret_id from public.api_keys where id = 7;",
    "https://example.com:443/path?q=1 and git@github.com:owner/repo.git",
    'FATAL:  password authentication failed for user "app"',
    "the role operator gives no tokens:write:shared, tokens:*:dev",
    "6f1d9f3e-2a53-4c0e-9d4b-8f2b8d6b7c11",
    "passwd:1:1 expected keys such as platform:, my-token:12:5: is empty",
    "",
  ];

  for (const text of texts) assert.equal(redact(text), text);
});

test("a secret that begins like a scope or a place in a file is a secret", () => {
  for (const text of ["password:read:dev.k3y", "password:12:5k3y", "token:write:production", "token=read:devil"]) {
    assert.match(redact(text), /^\w+[:=]\[secret\]$/, text);
  }
});

test("redacting twice is redacting once", () => {
  const written = fc.constantFrom(...places).chain(({ secret, write }) => secret.map(write));

  fc.assert(
    fc.property(written, (text) => {
      const once = redact(text);

      assert.equal(redact(once), once);
    }),
    { numRuns: 1000 },
  );
});

test("a large text of hostile repetitions takes no more than a moment", { timeout: 10_000 }, () => {
  for (const part of [
    "password ",
    "://a:",
    "a://b:c",
    "password text (",
    "a.b-c",
    "-----BEGIN PRIVATE KEY",
    '\\"',
    "$$",
  ]) {
    redact(part.repeat(200_000 / part.length));
  }
});
