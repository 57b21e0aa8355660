import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

import { sql } from "kysely";

import type { App } from "#app.ts";
import type { CommandContext } from "#cli/command.ts";
import { testApp } from "#test/app.ts";

import { runImport } from "./import-command.ts";

type Ran = { exit: number; data: Record<string, unknown>; text: string; said: string[] };

async function file(t: TestContext, name: string, content: string | Buffer): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "import-"));
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, name);
  await writeFile(path, content);
  return path;
}

async function runOn(app: App, path: string, options: CommandContext["options"] = {}): Promise<Ran> {
  const said: string[] = [];
  let printed: [unknown, string] = [{}, ""];
  const exit = await runImport({
    arguments: [path],
    options,
    global: { config: undefined, state: undefined, json: false, color: false, quiet: false },
    output: { data: (value, text) => (printed = [value, text]), say: (line) => said.push(line), live: false },
    signal: new AbortController().signal,
    openApp: () => Promise.resolve(app),
  });
  // The command's data is an object.
  return { exit, data: printed[0] as Record<string, unknown>, text: printed[1], said };
}

async function rowsOf({ db }: App): Promise<Record<string, unknown>[]> {
  return (await sql<Record<string, unknown>>`select * from llm_usage order by created_at, id`.execute(db)).rows;
}

const csv = [
  "\ufeffid,agent_name,model,input_tokens,output_tokens,estimated_cost_usd,context,operation,created_at",
  '1,CHIRON,gpt-4o,1000,100,0.0035,"endpoint: ""/plan"", a",plan,2026-11-01 12:00:00.123456+00',
  "2,SCHOLAR,gpt-4o,10,1,,,,2026-11-01T12:00:00",
  "2,SCHOLAR,gpt-4o,10,1,,,,2026-11-01T12:00:00",
  "",
].join("\r\n");

test("a CSV is recorded once, equal lines are as many calls, and unknown columns are named", async (t) => {
  const app = await testApp(t, { platform: { name: "Test", root: "/nowhere", timezone: "America/Los_Angeles" } });
  const path = await file(t, "calls.csv", csv);

  const first = await runOn(app, path);
  const again = await runOn(app, path);

  assert.deepEqual(
    [first.exit, first.text, again.text],
    [0, "3 calls recorded, 0 were there already, 0 rejected", "0 calls recorded, 3 were there already, 0 rejected"],
  );
  assert.deepEqual(first.said, ["columns that are not taken: id"]);
  const rows = await rowsOf(app);
  assert.deepEqual(
    rows.map(({ agentName, createdAt, context, clientCostUsd, source }) => [
      agentName,
      createdAt,
      context,
      clientCostUsd,
      source,
    ]),
    [
      ["CHIRON", "2026-11-01T12:00:00.123Z", 'endpoint: "/plan", a', "0.003500000", "import"],
      ["SCHOLAR", "2026-11-01T20:00:00.000Z", null, null, "import"],
      ["SCHOLAR", "2026-11-01T20:00:00.000Z", null, null, "import"],
    ],
  );
});

test("wrong lines are told with their numbers and the others are recorded; a dry run records nothing", async (t) => {
  const app = await testApp(t);
  const good = { agent_name: "a", model: "m", input_tokens: 1, output_tokens: 1, created_at: "2026-11-01T12:00:00Z" };
  const lines = [
    JSON.stringify(good),
    "",
    "{",
    "[]",
    JSON.stringify({ ...good, input_tokens: -1 }),
    JSON.stringify({ ...good, created_at: null }),
    JSON.stringify({ ...good, created_at: "1999-01-01T00:00:00Z", model: "\u00e9" }),
  ];
  const path = await file(t, "calls.jsonl", lines.join("\n"));

  const dry = await runOn(app, path, { dryRun: true, environment: "dev" });
  const before = await rowsOf(app);
  const wet = await runOn(app, path, { environment: "dev" });

  assert.deepEqual([dry.exit, before.length], [13, 0]);
  assert.equal(wet.exit, 13);
  assert.deepEqual(wet.data["faults"], dry.data["faults"]);
  const faults = wet.data["faults"] as { line: number; reason: string }[];
  assert.deepEqual(
    faults.map(({ line, reason }) => [line, reason.replace(/: .*/, "")]),
    [
      [3, "is not a JSON object"],
      [4, "is not a JSON object"],
      [5, "input_tokens"],
      [6, "has no created_at"],
      [7, "created_at"],
    ],
  );
  assert.deepEqual(
    (await rowsOf(app)).map(({ environment }) => environment),
    ["dev"],
  );
});

test("a file that is not there, or of no known form, is refused by name, and a quote that is open by its line", async (t) => {
  const app = await testApp(t);
  const broken = await file(t, "broken.csv", 'agent_name,model\n"open,1\n');

  await assert.rejects(runOn(app, "/nowhere/calls.csv"), { code: "not_found", message: /^there is no file / });
  await assert.rejects(runOn(app, "calls.txt"), { code: "invalid_input", message: /neither .csv nor .jsonl/ });
  const { exit, said } = await runOn(app, broken);
  assert.equal(exit, 13);
  assert.match(said.join("\n"), /^line 2: Quote Not Closed/);
});

test("more calls than go in one batch are all recorded", async (t) => {
  const app = await testApp(t);
  const lines = Array.from(
    { length: 2_345 },
    (_, index) => `a,gpt-4o,${index},1,2026-11-01T12:00:00Z,"{""run"":""${index % 3}""}",${index % 2 === 0}`,
  );
  const head = "agent_name,model,input_tokens,output_tokens,created_at,tags,is_estimated";
  const path = await file(t, "calls.csv", [head, ...lines].join("\n"));

  const { text } = await runOn(app, path);

  assert.equal(text, "2345 calls recorded, 0 were there already, 0 rejected");
  const rows = await rowsOf(app);
  assert.deepEqual([rows.length, rows[4]?.["tags"], rows[4]?.["isEstimated"]], [2345, { run: "1" }, true]);
});

test("a row that does not fit its header is rejected with its line, and the others are recorded", async (t) => {
  const app = await testApp(t);
  const path = await file(
    t,
    "short.csv",
    "agent_name,model,input_tokens,output_tokens,created_at\na,gpt-4o,1,1,2026-11-01T12:00:00Z\na,gpt-4o,1\na,gpt-4o,2,1,2026-11-01T12:00:00Z\n",
  );

  const { exit, text, said } = await runOn(app, path);

  assert.deepEqual([exit, text], [13, "2 calls recorded, 0 were there already, 1 rejected"]);
  assert.match(said.join("\n"), /line 3: Invalid Record Length: columns length is 5, got 3/);
});

test("bytes that are no UTF-8 are refused, and what was recorded before them is told", async (t) => {
  const app = await testApp(t);
  const line = (n: number): string =>
    `${JSON.stringify({ agent_name: "a", model: "gpt-4o", input_tokens: n, output_tokens: 1, created_at: "2026-11-01T12:00:00Z" })}\n`;
  const good = Array.from({ length: 2_000 }, (_, n) => line(n)).join("");
  const path = await file(t, "latin.jsonl", Buffer.concat([Buffer.from(good), Buffer.from([0xe9, 0x0a])]));

  await assert.rejects(runOn(app, path), { code: "invalid_input", message: /no.*UTF-8|not text in UTF-8/ });

  const { length } = await rowsOf(app);
  assert.ok(length === 0 || length % 1_000 === 0, String(length));
});
