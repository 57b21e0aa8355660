import assert from "node:assert/strict";
import { test } from "node:test";
import { parseEnv } from "node:util";

import fc from "fast-check";

import { readEnvLines } from "./env-file.ts";

function valuesOf(text: string): Record<string, string> {
  return Object.fromEntries(readEnvLines(text).variables.map(({ name, value }) => [name, value]));
}

test("what every reader agrees on is read as Node reads it", () => {
  const plain = fc.stringMatching(/^[A-Za-z0-9_./:+=-]{1,20}$/);
  const quoted = fc.stringMatching(/^[A-Za-z0-9 _#./-]{0,20}$/);
  const line = fc.oneof(
    plain,
    quoted.map((text) => `"${text}"`),
    quoted.map((text) => `'${text}'`),
    quoted.map((text) => `"${text}" # said beside it`),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), fc.boolean(), (lines, isExported) => {
      const text = lines
        .map((value, index) => `${isExported ? "export " : ""}NAME_${index}=${value}\n`)
        .join("# a word\n\n");
      assert.deepEqual(valuesOf(text), { ...parseEnv(text) });
      assert.deepEqual(readEnvLines(text).faults, []);
    }),
  );
});

test("a key of several lines in quotes is one value", () => {
  const text = 'PRIVATE_KEY="-----BEGIN KEY-----\nab/c+d==\nMIIE=\n-----END KEY-----\n"\nNEXT=1\n';

  assert.deepEqual(valuesOf(text), {
    PRIVATE_KEY: "-----BEGIN KEY-----\nab/c+d==\nMIIE=\n-----END KEY-----\n",
    NEXT: "1",
  });
});

test("an open quote takes no other line with it, and is named", () => {
  const { variables, faults } = readEnvLines('OPENAI_API_KEY="sk-1\nGROQ_API_KEY="gsk-2"\nANTHROPIC_API_KEY=sk-3\n');

  assert.deepEqual(
    variables.map(({ name, value }) => [name, value]),
    [
      ["GROQ_API_KEY", "gsk-2"],
      ["ANTHROPIC_API_KEY", "sk-3"],
    ],
  );
  assert.deepEqual(faults, [{ line: 1, why: "its quote is not closed" }]);
});

test("what is no variable, comes twice, or refers to another one is listed by its line and never quoted", () => {
  const text = [
    "BROKEN LINE hunter2",
    "=hunter2",
    "MISTRAL_API_KEY : hunter2",
    "TWICE=one",
    "TWICE=two",
    "SAME=one",
    "SAME=one",
    "HF_TOKEN=hf_$OPENAI_API_KEY",
    "LITERAL='a$b'",
    'AFTER="a" b',
  ].join("\n");
  const { variables, faults } = readEnvLines(text);

  assert.deepEqual(
    variables.map(({ name }) => name),
    ["SAME", "LITERAL"],
  );
  assert.deepEqual(
    faults.map(({ line, why }) => `${line} ${why}`),
    [
      "1 it is no NAME=value",
      "2 it is no NAME=value",
      "3 it is no NAME=value",
      "4 line 5 gives the same name another value",
      "5 line 4 gives the same name another value",
      "8 it refers to another variable; 'in quotes' it is taken as it is",
      "10 something stands behind its quote",
    ],
  );
});

test("nothing of a line is lost without a word, whatever it is", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary-ascii", maxLength: 12 })), (lines) => {
      const text = lines.map((line) => line.replaceAll(/[\r\n"'`]/g, "x")).join("\n");
      const { variables, faults } = readEnvLines(text);
      const told = new Set([...variables, ...faults].map(({ line }) => line));
      const names = new Set(variables.map(({ name }) => name));
      for (const [index, line] of text.split("\n").entries()) {
        const name = /^\s*(?:export\s+)?(\w+)\s*=/.exec(line)?.[1];
        const isSaid = told.has(index + 1) || /^\s*(#|$)/.test(line) || (name !== undefined && names.has(name));
        assert.ok(isSaid, `line ${index + 1} of ${JSON.stringify(text)}`);
      }
    }),
  );
});
