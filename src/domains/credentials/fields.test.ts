import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { AppError } from "#errors.ts";
import { openai } from "#providers/openai.ts";
import { Provider } from "#providers/provider.ts";
import { Secret } from "#secrets/secret.ts";

import { describeUnknown, readFields } from "./fields.ts";

const key = "sk-proj-0000000000000000000000000000000000";

const mailer = Provider.parse({
  name: "mailer",
  title: "Mailer",
  category: "generic",
  type: "api_key",
  fields: {
    api_key: { type: "secret", required: true },
    domain: { type: "string", required: true },
    region: { type: "string", required: true, default: "us" },
    document: { type: "secret", required: false },
  },
  base_url: "https://mail.example",
  check: { kind: "none", why: "a test" },
});

function given(values: Record<string, string>): Record<string, Secret> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, new Secret(value)]));
}

function refusal(provider: Provider, values: Record<string, string>): string {
  try {
    readFields(provider, given(values));
  } catch (error) {
    assert.ok(error instanceof AppError && error.code === "invalid_input");
    assert.match(error.hint ?? "", /^Its fields are: /);
    return error.message;
  }
  return "";
}

test("bad input is refused by the name of its field and never by its value", () => {
  const cases: [Record<string, string>, RegExp][] = [
    [{}, /^provider mailer needs the field api_key$/],
    [{ api_key: "" }, /needs a value in the field api_key, which is empty/],
    [{ api_key: " \n\t" }, /needs a value in the field api_key, which is empty/],
    [{ api_key: "k" }, /needs the field domain/],
    [{ api_key: "k", domain: "d", token: "t" }, /has no field token$/],
    [{ api_key: "k", domain: "d", [key]: "t" }, /has no field of that name$/],
    [{ api_key: "k", domain: "d", constructor: "t" }, /has no field constructor$/],
    [{ api_key: "one\ntwo", domain: "d" }, /takes one line in the field api_key/],
    [{ api_key: "one\rtwo", domain: "d" }, /takes one line in the field api_key/],
    [{ api_key: "one\ttwo", domain: "d" }, /takes one line in the field api_key/],
    [{ api_key: "one\u0000two", domain: "d" }, /takes text in the field api_key/],
    [{ api_key: "{\u0000}", domain: "d" }, /takes text in the field api_key/],
    [{ api_key: "k\ud800", domain: "d" }, /takes text in the field api_key/],
    [{ api_key: "k".repeat(65_537), domain: "d" }, /takes at most 64 KiB in the field api_key/],
    [{ api_key: "k", domain: "one\ntwo" }, /takes one line in the field domain/],
  ];
  for (const [values, expected] of cases) {
    const message = refusal(mailer, values);
    assert.match(message, expected);
    assert.ok(!message.includes(key));
  }
  assert.match(
    refusal(mailer, JSON.parse('{"api_key":"k","domain":"d","__proto__":"x"}')),
    /has no field of that name$/,
  );
});

test("what is odd but may be right is kept with a warning", () => {
  const odd = readFields(openai, given({ api_key: ` ${key} \n` }));
  assert.equal(odd.secrets["api_key"]?.reveal(), key);
  assert.deepEqual(odd.warnings, [{ field: "api_key", warning: "white space around it was removed" }]);

  const spaced = readFields(openai, given({ api_key: "not of that shape" }));
  assert.equal(spaced.secrets["api_key"]?.reveal(), "not of that shape");
  assert.deepEqual(
    spaced.warnings.map(({ warning }) => warning),
    ["it has spaces in it", "it does not look like a key of this provider; it is kept as it is"],
  );
  assert.deepEqual(readFields(openai, given({ api_key: `${key}\n` })).warnings, []);
});

test("secrets and settings are told apart by the definition, and a document may have lines", () => {
  const pem = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----";
  const read = readFields(mailer, given({ api_key: "k", domain: "d.example", document: pem }));

  assert.deepEqual(read.settings, { domain: "d.example" });
  assert.deepEqual(Object.keys(read.secrets), ["api_key", "document"]);
  assert.equal(read.secrets["document"]?.reveal(), pem);
});

test("whatever is given, the answer is the fields or a refusal that holds no value", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", minLength: 12, maxLength: 80 }), (value) => {
      const message = refusal(mailer, { api_key: value, domain: "d" });
      return message === "" || !message.includes(value.trim());
    }),
  );
});

test("a name that is no name is not repeated", () => {
  for (const name of ["api_key", "openai-prod", "n8n.dev-2", "token2026"]) assert.equal(describeUnknown(name), name);
  for (const name of [
    key,
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "a b",
    "",
    "x".repeat(60),
    "AIzaSyD-9tSrke72PouQMnMX",
  ]) {
    assert.equal(describeUnknown(name), "of that name");
  }
});
