import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmod, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { programRoot } from "#config/state-directory.ts";
import { openVaultProgram, type VaultProgram } from "#test/vault-program.ts";

const key = "sk-proj-test-0000000000000000000000000001";

test("a credential is added from stdin, shown, revealed, rotated, gone back to and removed", async (t) => {
  const { run } = await openVaultProgram(t);

  const added = await run(
    ["credentials", "add", "openai-prod", "--provider", "openai", "--expires", "2031-01-31"],
    `${key}\n`,
  );
  assert.equal(added.exitCode, 0, added.stderr);
  assert.equal(added.stdout, "openai-prod is sealed (openai, prod)\n");
  const twice = await run(["credentials", "add", "openai-prod", "--provider", "openai"], key);
  assert.deepEqual([twice.exitCode, /there is a credential openai-prod already/.test(twice.stderr)], [5, true]);
  const rotated = await run(["credentials", "rotate", "openai-prod"], JSON.stringify({ api_key: `${key}-2` }));
  assert.match(rotated.stdout, /version 2/);
  assert.match(rotated.stderr, /What was declared \(2031-01-31\) was the old value's/);
  const revealed = await run(["credentials", "reveal", "openai-prod", "api_key"]);
  assert.deepEqual([revealed.exitCode, revealed.stdout], [0, `${key}-2\n`]);
  const back = await run(["credentials", "rollback", "openai-prod"]);
  assert.match(back.stdout, /as version 3/);
  const shown = await run(["credentials", "show", "openai-prod"]);
  assert.match(shown.stdout, /openai-prod \(openai, prod, version 3\)[\s\S]*never checked/);
  const listed = await run(["credentials", "list"]);
  assert.match(listed.stdout, /openai-prod +openai +prod +unknown/);
  const asked = await run(["credentials", "remove", "openai-prod"]);
  assert.equal(asked.exitCode, 11);
  const removed = await run(["credentials", "remove", "openai-prod", "--yes"]);
  assert.equal(removed.stdout, "openai-prod is removed\n");
  assert.equal((await run(["credentials", "list"])).stdout, "no credentials\n");
  for (const { stdout, stderr } of [added, twice, rotated, back, shown, listed, asked, removed]) {
    assert.ok(!`${stdout}${stderr}`.includes("sk-proj-test"));
  }
});

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

test("on a terminal a secret is asked for and not shown, and Ctrl-C ends with 130", async (t) => {
  const program = await openVaultProgram(t);

  const added = await onTerminal(program, ["credentials", "add", "openai-prod", "--provider", "openai"], `${key}\r`);
  const stopped = await onTerminal(program, ["credentials", "add", "other", "--provider", "openai"], "sk-half\u0003");

  assert.equal(added.exitCode, 0, added.output);
  assert.match(added.output, /OpenAI api_key \(not shown\): \r\n/);
  assert.ok(!added.output.includes("sk-proj"), added.output);
  assert.equal(stopped.exitCode, 130, stopped.output);
  assert.ok(!stopped.output.includes("sk-half"));
  assert.equal((await program.run(["credentials", "reveal", "openai-prod", "api_key"])).stdout, `${key}\n`);
});

test("a .env file is imported without guessing, what is there stays, and a dry run writes nothing", async (t) => {
  const { run, directory } = await openVaultProgram(t);
  const path = join(directory, ".env");
  const lines = [
    `OPENAI_API_KEY=${key}`,
    "export AWS_ACCESS_KEY_ID=AKIA0000000000000000",
    "SUPABASE_URL=https://x.supabase.co",
    'GITHUB_TOKEN="ghp_000000000000000000000000000000000000"',
    "GH_TOKEN=ghp_111111111111111111111111111111111111",
    `STRIPE_API_KEY=sk_test_${"0".repeat(20)}`,
    `STRIPE_SECRET_KEY=sk_test_${"0".repeat(20)}`,
    `STRIPE_PUBLISHABLE_KEY=pk_test_${"0".repeat(20)}`,
    "PORT=3000",
    "MY_SECRET=hunter2hunter2",
    "GROQ_API_KEY=",
  ];
  await writeFile(path, lines.join("\n"), { mode: 0o644 });
  await chmod(path, 0o644);

  const dry = await run(["credentials", "import", path, "--dry-run", "--environment", "dev"]);
  assert.equal((await run(["credentials", "list"])).stdout, "no credentials\n");
  const imported = await run(["credentials", "import", path, "--environment", "dev"]);
  const again = await run(["credentials", "import", path, "--environment", "dev", "--json"]);

  assert.match(dry.stdout, /OPENAI_API_KEY +openai-dev +would be sealed \(openai\)/);
  assert.equal(imported.exitCode, 0, imported.stderr);
  assert.match(imported.stdout, /OPENAI_API_KEY +openai-dev +sealed \(openai\)/);
  assert.match(imported.stdout, /STRIPE_API_KEY, STRIPE_SECRET_KEY, STRIPE_PUBLISHABLE_KEY +stripe-dev +sealed/);
  assert.match(imported.stdout, /GITHUB_TOKEN +- +not taken: another variable gives another personal_access_token/);
  assert.match(imported.stdout, /GH_TOKEN +- +not taken: another variable gives another personal_access_token/);
  assert.match(imported.stdout, /AWS_ACCESS_KEY_ID +- +not taken: provider aws needs the field secret_access_key/);
  assert.match(imported.stdout, /SUPABASE_URL +- +not taken: .*needs the field anon_key/);
  assert.match(imported.stdout, /PORT +- +not taken: nothing is known by this name/);
  assert.match(imported.stdout, /GROQ_API_KEY +- +not taken: it is empty/);
  assert.match(imported.stderr, /warning: other users can read .*\.env/);
  const { sealed, kept } = JSON.parse(again.stdout);
  assert.deepEqual([sealed.length, kept.length], [0, 2]);
  for (const { stdout, stderr } of [dry, imported, again]) {
    assert.doesNotMatch(stdout + stderr, /sk-proj|sk_test|hunter2|ghp_0|ghp_1|AKIA/);
  }
  assert.equal((await run(["credentials", "reveal", "openai-dev", "api_key"])).stdout, `${key}\n`);
});

test("n8n's decrypted export is imported by its types, and one that is not decrypted is refused", async (t) => {
  const { run, directory } = await openVaultProgram(t);
  const path = join(directory, "n8n.json");
  const entries = [
    { id: "1", name: "OpenAI account", type: "openAiApi", data: { apiKey: key, url: "https://api.openai.com/v1" } },
    { id: "2", name: "OpenAI account", type: "openAiApi", data: { apiKey: `${key}-2` } },
    { id: "3", name: "Local", type: "openAiApi", data: { apiKey: "x", url: "http://ollama:11434/v1" } },
    { id: "4", name: "Bot", type: "telegramApi", data: { accessToken: `12345678:${"A".repeat(35)}` } },
    { id: "5", name: "Header", type: "httpHeaderAuth", data: { name: "X", value: "hunter2hunter2" } },
  ];
  await writeFile(path, JSON.stringify(entries), { mode: 0o600 });

  const imported = await run(["credentials", "import", path]);
  await writeFile(path, JSON.stringify([{ ...entries[0], data: "U2FsdGVkX1+abc" }]));
  const sealed = await run(["credentials", "import", path]);

  assert.match(imported.stdout, /openAiApi OpenAI account +openai-account +sealed \(openai\)/);
  assert.match(imported.stdout, /openAiApi OpenAI account +openai-account-2 +sealed \(openai\)/);
  assert.match(imported.stdout, /openAiApi Local +- +not taken: its url leads to a host that is not the provider's/);
  assert.match(imported.stdout, /telegramApi Bot +bot +sealed \(telegram\)/);
  assert.match(imported.stdout, /httpHeaderAuth Header +- +not taken: there is no provider for this type/);
  assert.doesNotMatch(imported.stdout + imported.stderr, /sk-proj|hunter2/);
  assert.deepEqual([sealed.exitCode, /is not decrypted/.test(sealed.stderr)], [2, true]);
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

/** The program as somebody at a terminal has it: what is typed once it asks, and all that stands on the screen. */
function onTerminal(
  { common, env }: VaultProgram,
  words: readonly string[],
  typed: string,
): Promise<{ exitCode: number; output: string }> {
  const command = [join(programRoot, "bin/leveredge"), ...words, ...common].join(" ");
  const child = spawn("script", ["-qefc", command, "/dev/null"], { env: { ...env, TERM: "xterm" }, stdio: "pipe" });
  let output = "";
  let isTyped = false;
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    if (isTyped || !output.includes("(not shown)")) return;
    isTyped = true;
    child.stdin.write(typed);
  });
  return new Promise((resolve) => child.on("close", (code) => resolve({ exitCode: code ?? -1, output })));
}
