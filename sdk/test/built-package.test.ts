/**
 * The package as it is published: built, put where a program would have it, its examples
 * checked against its types and run, and itself run by the oldest Node that it promises.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { type Call } from "../src/usage.ts";
import { ledgerToken, startLedger, startProvider } from "./http-server.ts";
import * as recorded from "./recorded-answers.ts";

const run = promisify(execFile);
const sdk = join(import.meta.dirname, "..");
const modules = join(sdk, "..", "node_modules");
const tsc = join(modules, ".bin", "tsc");
/** Where a machine may have another Node than the pinned one. */
const otherNodes = ["/usr/local/bin/node", "/usr/bin/node"];

const directory = mkdtempSync(join(tmpdir(), "leveredge-sdk-"));
const examples = [...readFileSync(join(sdk, "README.md"), "utf8").matchAll(/^```ts\n(.*?)^```/gms)].map(
  ([, code]) => code ?? "",
);

const strict = {
  strict: true,
  exactOptionalPropertyTypes: true,
  module: "nodenext",
  target: "es2022",
  types: ["node"],
};

before(async () => {
  const home = join(directory, "node_modules", "@leveredge", "usage");
  await run(tsc, ["-p", sdk, "--outDir", join(home, "dist")], { timeout: 60_000 });
  cpSync(join(sdk, "package.json"), join(home, "package.json"));
  for (const name of ["openai", "@anthropic-ai", "@google", "ai", "@ai-sdk", "@types"]) {
    symlinkSync(join(modules, name), join(directory, "node_modules", name));
  }
  writeFileSync(join(directory, "package.json"), '{"type":"module"}');
  for (const [index, code] of examples.entries()) writeFileSync(join(directory, `example-${index}.ts`), code);
  writeFileSync(join(directory, "types.ts"), 'export * from "@leveredge/usage";\n');
});

after(() => rmSync(directory, { recursive: true }));

async function compile(name: string, options: object, files: string[]): Promise<void> {
  const config = join(directory, `${name}.json`);
  writeFileSync(config, JSON.stringify({ compilerOptions: { ...strict, ...options }, files }));
  await run(tsc, ["-p", config], { timeout: 60_000 });
}

/** The examples as programs of plain JavaScript, run against local servers. */
async function runProgram(node: string, file: string, environment: Record<string, string>): Promise<void> {
  const home = join(directory, "home");
  mkdirSync(home, { recursive: true });
  const env = { ...environment, HOME: home, LEVEREDGE_TOKEN: ledgerToken, ANTHROPIC_API_KEY: "k" };
  await run(node, [file], {
    cwd: directory,
    timeout: 30_000,
    env: { ...env, OPENAI_API_KEY: "k", GEMINI_API_KEY: "k" },
  });
}

async function findNode20(): Promise<string | undefined> {
  for (const path of otherNodes.filter(existsSync)) {
    const { stdout } = await run(path, ["--version"], { timeout: 10_000 });
    if (stdout.startsWith("v20.")) return path;
  }
  return undefined;
}

function summarize(calls: readonly Call[]): unknown[] {
  const rows = calls.map(({ agent_name, model, context, output_tokens }) => [
    agent_name,
    model,
    context,
    output_tokens,
  ]);
  return rows.toSorted((a, b) => (a.join() < b.join() ? -1 : 1));
}

test("its types hold without any flag that overlooks libraries", async () => {
  await compile("types", { noEmit: true, skipLibCheck: false }, ["types.ts"]);
});

test("each example of its README is sound and books what it says", async (t) => {
  const ledger = await startLedger(t);
  const provider = await startProvider(
    t,
    recorded.openAiChat.stream,
    recorded.anthropic.json,
    recorded.google.json,
    recorded.openAiResponses.tool,
    recorded.openAiChat.json,
  );
  const environment = {
    LEVEREDGE_URL: ledger.url,
    OPENAI_BASE_URL: `${provider.origin}/v1`,
    ANTHROPIC_BASE_URL: provider.origin,
    GOOGLE_GEMINI_BASE_URL: provider.origin,
  };

  await compile(
    "examples",
    { skipLibCheck: true },
    examples.map((_, index) => `example-${index}.ts`),
  );
  for (const index of examples.keys()) await runProgram(process.execPath, `example-${index}.js`, environment);

  assert.deepEqual(summarize(ledger.calls), [
    ["BATCH", "gpt-5", undefined, 80],
    ["CHIRON", "gpt-4o", "endpoint: /plan", 5],
    ["CHIRON", "gpt-5-2025-08-07", undefined, 300],
    ["CHIRON", "gpt-5-2025-08-07", undefined, 420],
    ["LOCAL", "gpt-5-2025-08-07", undefined, 300],
    ["SCHOLAR", "claude-sonnet-4-5-20250929", "endpoint: /plan", 393],
    ["SCHOLAR", "gemini-2.5-pro", "endpoint: /review", 500],
  ]);
});

test("it runs on Node 20: a tracked client, a stream, and a spool that another process sends", async (t) => {
  const node20 = await findNode20();
  if (node20 === undefined) t.diagnostic(`this machine has no Node 20: run by ${process.version} instead`);
  const node = node20 ?? process.execPath;
  const ledger = await startLedger(t);
  const provider = await startProvider(t, recorded.anthropic.stream);
  const program = `
    import Anthropic from "@anthropic-ai/sdk";
    import { track, UsageClient } from "@leveredge/usage";
    const usage = new UsageClient({ url: process.env.LEVEREDGE_URL, token: process.env.LEVEREDGE_TOKEN, spoolDirectory: "spool" });
    if (process.env.ANTHROPIC_BASE_URL !== undefined) {
      const client = track(new Anthropic(), { usage, agent: "TWENTY" });
      const request = { model: "claude-x", max_tokens: 9, messages: [{ role: "user", content: "x" }], stream: true };
      for await (const _ of await client.messages.create(request));
    }
    await usage.close();`;
  writeFileSync(join(directory, "twenty.js"), program);

  await runProgram(node, "twenty.js", { LEVEREDGE_URL: "http://127.0.0.1:9", ANTHROPIC_BASE_URL: provider.origin });
  assert.equal(ledger.calls.length, 0);
  await runProgram(node, "twenty.js", { LEVEREDGE_URL: ledger.url });

  assert.deepEqual(summarize(ledger.calls), [["TWENTY", "claude-sonnet-4-5-20250929", undefined, 393]]);
});
