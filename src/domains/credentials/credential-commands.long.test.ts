import assert from "node:assert/strict";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { openVaultProgram } from "#test/vault-program.ts";

const key = "sk-proj-test-0000000000000000000000000001";

test("a secret on the command line, a wrong field and nothing at all are refused and not repeated", async (t) => {
  const { run, directory } = await openVaultProgram(t);
  const add = (...more: string[]) => ["credentials", "add", "x", "--provider", "openai", ...more];
  await writeFile(join(directory, "key.txt"), `${key}\n`, { mode: 0o600 });

  const refused = [
    [await run(add("--field", `api_key=${key}`)), /field api_key is a secret, and on a command line every user/],
    [await run(add("--field", key)), /--field wants NAME=VALUE/],
    [await run(add("--field", `${key}=x`)), /has no field of that name/],
    [await run(add()), /nobody is here to ask for api_key, and nothing came over stdin/],
    [await run(add(), "\n"), /nothing came over stdin/],
    [await run(add(), "two\nlines"), /takes one line in the field api_key/],
    [await run(add("--expires", "2031-02-30"), key), /--expires is no date/],
    [await run(["credentials", "add", "x y", "--provider", "openai"], key), /that is no name for a credential/],
    [await run(["credentials", "add", "x", "--provider", "opena"], key), /there is no provider opena/],
    [await run(["credentials", "add", "x"], key), /--provider is missing/],
    [await run(["credentials", "add", "x", "--provider", "aws"], key), /provider aws needs the field access_key_id/],
    [await run(["credentials", "reveal", key, "api_key"]), /there is no credential of that name/],
  ] as const;

  for (const [{ exitCode, stdout, stderr }, message] of refused) {
    assert.match(stderr, message);
    assert.ok(exitCode === 2 || exitCode === 4, stderr);
    assert.equal(stdout, "");
    assert.ok(!stderr.includes(key), stderr);
  }
  const aws = ["credentials", "add", "aws", "--provider", "aws", "--field", "access_key_id=AKIA0000000000000000"];
  const added = await run([...aws, "--from-file", "secret_access_key=key.txt"]);
  assert.equal(added.exitCode, 0, added.stderr);
  assert.match(added.stderr, /warning: secret_access_key: it does not look like a key of this provider/);
});

test("a bundle for an age recipient comes back in another store, and nothing of it lies in clear", async (t) => {
  const [from, to] = [await openVaultProgram(t), await openVaultProgram(t)];
  const { generateIdentity, identityToRecipient } = await import("age-encryption");
  const [identity, other] = [await generateIdentity(), await generateIdentity()];
  const identityFile = join(from.directory, "identity.txt");
  const out = join(from.directory, "all.age");
  await writeFile(identityFile, `# other\n${other}\n${identity}\n`, { mode: 0o400 });
  await from.run(["credentials", "add", "openai-prod", "--provider", "openai", "--expires", "2031-01-31"], key);
  const recipient = await identityToRecipient(identity);

  const exported = await from.run(["credentials", "export", "--recipient", recipient, "--out", out]);
  const twice = await from.run(["credentials", "export", "--recipient", recipient, "--out", out]);
  const wrong = await from.run(["credentials", "export", "--recipient", identity, "--out", `${out}2`]);
  const closed = await to.run(["credentials", "import", out]);
  const imported = await to.run(["credentials", "import", out, "--identity", identityFile]);

  assert.equal(exported.exitCode, 0, exported.stderr);
  assert.equal((await stat(out)).mode & 0o777, 0o600);
  assert.ok(!(await readFile(out)).includes("sk-proj"));
  assert.deepEqual([twice.exitCode, wrong.exitCode, closed.exitCode], [5, 2, 2]);
  assert.ok(!wrong.stderr.includes(identity));
  assert.equal(imported.exitCode, 0, imported.stderr);
  assert.equal((await to.run(["credentials", "reveal", "openai-prod", "api_key"])).stdout, `${key}\n`);
  assert.match((await to.run(["credentials", "show", "openai-prod"])).stdout, /2031-01-31 \(declared/);
  assert.match((await from.run(["audit", "list"])).stdout, /credentials\.export/);
});

test("a program gets credentials in its environment alone, and its exit code and signals pass", async (t) => {
  const { run } = await openVaultProgram(t);
  await run(["credentials", "add", "openai-prod", "--provider", "openai"], key);
  await run(["credentials", "add", "openai_prod", "--provider", "openai"], `${key}-2`);
  const script = 'echo "$OPENAI_PROD_API_KEY|$KEY|$DATABASE_URL|$(tr "\\0" " " < /proc/$$/cmdline)"; exit 7';

  const ran = await run(["credentials", "run", "--only", "openai-prod", "--", "sh", "-c", script]);
  const mapped = await run(["credentials", "run", "--env-map", "openai-prod/api_key=KEY", "--", "sh", "-c", script]);
  const refused = [
    await run(["credentials", "run", "--", "true"]),
    await run(["credentials", "run"]),
    await run(["credentials", "run", "--only", "nobody", "--", "true"]),
    await run(["credentials", "run", "--env-map", "openai-prod/nothing=KEY", "--", "true"]),
  ];
  const missing = await run(["credentials", "run", "--only", "openai-prod", "--", "/no/such/program"]);
  const killed = await run(["credentials", "run", "--only", "openai-prod", "--", "sh", "-c", "kill -TERM $$"]);

  assert.deepEqual([ran.exitCode, ran.stdout.split("|").slice(0, 3)], [7, [key, "", ""]]);
  assert.equal(ran.stdout.split(key).length, 2, "only the echo has it, not the command line");
  assert.deepEqual(mapped.stdout.split("|").slice(0, 3), ["", key, ""]);
  assert.deepEqual(
    refused.map(({ exitCode }) => exitCode),
    [2, 2, 4, 4],
  );
  assert.match(
    refused[0]?.stderr ?? "",
    /openai-prod\/api_key and openai_prod\/api_key would both be OPENAI_PROD_API_KEY/,
  );
  assert.deepEqual([missing.exitCode, killed.exitCode], [127, 143]);
  assert.match((await run(["audit", "list"])).stdout, /credentials\.run +prod +credential openai-prod +injected/);
});
