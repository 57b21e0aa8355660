import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

import fc from "fast-check";

import { findLooseMode, listReferences, openReference, parseReference } from "./references.ts";

async function makeDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "leveredge-reference-"));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

test("only the three forms are references", () => {
  assert.deepEqual(parseReference("env:DEV_URL"), { kind: "env", name: "DEV_URL" });
  assert.deepEqual(parseReference("file:/run/secret key"), { kind: "file", path: "/run/secret key" });
  assert.deepEqual(parseReference("vault:n8n-dev/api_key"), { kind: "vault", credential: "n8n-dev", field: "api_key" });
  for (const text of [
    "",
    "env:",
    "env:1A",
    "env:A B",
    "file:",
    "file:a\nb",
    "vault:a",
    "vault:a/b/c",
    "ENV:A",
    "postgres://u:p@h/d",
  ]) {
    assert.equal(parseReference(text), undefined, text);
  }
});

test("an environment reference opens what is set, and an empty variable counts as not set", async () => {
  process.env["LEVEREDGE_TEST_SECRET"] = "hunter2";
  process.env["LEVEREDGE_TEST_EMPTY"] = "";

  const secret = await openReference("env:LEVEREDGE_TEST_SECRET", "/etc/leveredge.yaml");

  assert.equal(secret.reveal(), "hunter2");
  for (const name of ["LEVEREDGE_TEST_EMPTY", "LEVEREDGE_TEST_UNSET"]) {
    await assert.rejects(openReference(`env:${name}`, "/etc/leveredge.yaml"), {
      code: "not_found",
      message: `env:${name} is not set`,
      hint: `Set ${name} in the environment that leveredge runs in.`,
    });
  }
});

test("a file reference is taken from the configuration's folder, without the last line break", async (t) => {
  const directory = await makeDirectory(t);
  await writeFile(join(directory, "a.url"), "two\nlines\r\n", { mode: 0o600 });

  const relative = await openReference("file:a.url", join(directory, "leveredge.yaml"));
  const absolute = await openReference(`file:${directory}/a.url`, "/etc/leveredge.yaml");

  assert.equal(relative.reveal(), "two\nlines");
  assert.equal(absolute.reveal(), "two\nlines");
});

test("a file that is missing, empty, huge, a folder or a pipe is named and never waited for", async (t) => {
  const directory = await makeDirectory(t);
  const config = join(directory, "leveredge.yaml");
  await writeFile(join(directory, "empty"), "\n");
  await writeFile(join(directory, "huge"), Buffer.alloc(65_537, 97));
  execFileSync("mkfifo", [join(directory, "pipe")]);

  await assert.rejects(openReference("file:missing", config), {
    code: "not_found",
    message: "file:missing is not there",
  });
  await assert.rejects(openReference("file:empty", config), { code: "not_found", message: "file:empty is empty" });
  await assert.rejects(openReference("file:huge", config), { code: "invalid_input", message: /holds 65537 bytes/ });
  await assert.rejects(openReference("file:.", config), { code: "not_found", message: /is not a regular file/ });
  await assert.rejects(openReference("file:pipe", config), { code: "not_found", message: /is not a regular file/ });
});

test("a vault reference opens with the store alone", async () => {
  await assert.rejects(openReference("vault:telegram/bot_token", "/etc/leveredge.yaml"), {
    code: "unavailable",
    message: /^vault:telegram\/bot_token lies in the store, which is not open here/,
  });
});

test("a secret that stands where a reference belongs is not repeated", async () => {
  await assert.rejects(openReference("postgres://u:hunter2@h/d", "/etc/leveredge.yaml"), (error: unknown) => {
    assert.ok(error instanceof Error);
    assert.doesNotMatch(error.message, /hunter2/);
    return true;
  });
});

test("a secret file that others can reach is found", async (t) => {
  const directory = await makeDirectory(t);
  const path = join(directory, "a");
  await writeFile(path, "x");

  await chmod(path, 0o640);
  const loose = await findLooseMode(`file:${path}`, "/etc/leveredge.yaml");
  await chmod(path, 0o600);
  const tight = await findLooseMode(`file:${path}`, "/etc/leveredge.yaml");

  assert.equal(loose, `${path} has mode 0640: other users can reach it`);
  assert.equal(tight, undefined);
  assert.equal(await findLooseMode("env:A", "/etc/leveredge.yaml"), undefined);
});

test("references are listed with their paths", () => {
  const part = { a: "env:A", b: [{ c: "file:x" }, { d: "plain" }], e: 1, f: null };

  assert.deepEqual(listReferences(part), [
    { path: ["a"], reference: "env:A" },
    { path: ["b", 0, "c"], reference: "file:x" },
  ]);
});

test("parsing never fails, and what is parsed can be written back", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string().map((rest) => `env:${rest}`),
        fc.string().map((rest) => `vault:${rest}`),
      ),
      (text) => {
        const parsed = parseReference(text);
        if (parsed === undefined) return;
        const written =
          parsed.kind === "env"
            ? parsed.name
            : parsed.kind === "file"
              ? parsed.path
              : `${parsed.credential}/${parsed.field}`;
        assert.equal(`${parsed.kind}:${written}`, text);
      },
    ),
  );
});
