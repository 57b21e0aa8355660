import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmod, writeFile } from "node:fs/promises";
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
