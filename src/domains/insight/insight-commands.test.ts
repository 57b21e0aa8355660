import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

import { sql } from "kysely";

import type { App } from "#app.ts";
import type { CommandContext } from "#cli/command.ts";
import { runImport } from "#domains/ingest/import-command.ts";
import { createLedger } from "#domains/usage/ledger.ts";
import type { Call } from "#domains/usage/schema.ts";
import { testApp } from "#test/app.ts";
import { call, origin } from "#test/calls.ts";

import { insightCommands } from "./commands.ts";
import { addDays, listDates } from "./days.ts";

const now = (): Date => new Date("2026-11-23T10:00:00Z");
const today = "2026-11-23";

type Row = Record<string, string | number | null>;
type Data = { totals: Row; rows: Row[]; others: Row; findings: Row[]; newcomers: Row[] };
type Ran = { data: Data & Row; text: string; said: string[] };

function contextOn(app: App, options: CommandContext["options"], words: string[] = []): [CommandContext, Ran] {
  // Each command says a part of this.
  const ran: Ran = { data: {} as Ran["data"], text: "", said: [] };
  const context: CommandContext = {
    arguments: words,
    options,
    global: { config: undefined, state: undefined, json: false, color: false, quiet: false },
    output: {
      data: (value, text) => Object.assign(ran, { data: value, text }),
      say: (line) => ran.said.push(line),
      live: false,
    },
    signal: new AbortController().signal,
    openApp: () => Promise.resolve(app),
  };
  return [context, ran];
}

async function run(app: App, name: string, options: CommandContext["options"] = {}): Promise<Ran> {
  const [context, ran] = contextOn(app, options);
  assert.equal(await insightCommands.find((one) => one.name === `usage ${name}`)?.run(context), 0);
  return ran;
}

async function appWith(t: TestContext, calls: readonly Call[], timezone = "UTC"): Promise<App> {
  const platform = { name: "Test", root: "/nowhere", timezone };
  const app = { ...(await testApp(t, { platform })), now };
  const receipts = calls.length === 0 ? [] : await createLedger(app).record(calls, origin);
  assert.ok(receipts.every(({ state }) => state === "recorded"));
  return app;
}

/** One call of a day that costs so many USD. */
function costing(date: string, usd: number, fields: Partial<Call> = {}): Call {
  return call({
    ...{ created_at: `${date}T09:00:00Z`, provider: "openrouter", provider_cost_usd: String(usd) },
    ...fields,
  });
}

test("a ledger without calls says so everywhere, and how agents tell theirs", async (t) => {
  const app = await appWith(t, []);

  for (const name of ["summary", "top", "forecast", "anomalies"]) {
    const { text } = await run(app, name);
    assert.equal(text, "no call has been recorded; docs/operations/usage.md says how agents tell theirs", name);
  }
  const [context, { said }] = contextOn(app, { out: join(app.stateDir, "calls.csv") });
  await insightCommands.find(({ name }) => name === "usage export")?.run(context);
  assert.match(said.join(), /^no call has been recorded/);
});

test("sums are those of the days and calls that were asked for, in the platform's zone", async (t) => {
  const calls = [
    // Still the 9th in Los Angeles.
    costing("2026-11-10", 1.5, { created_at: "2026-11-10T07:59:59.999Z", operation: "plan", tags: { team: "a" } }),
    costing("2026-11-10", 2, { agent_name: "SCHOLAR", environment: "prod", tags: { team: "b" } }),
    costing("2026-11-12", 0.25, { agent_name: "SCHOLAR", credential: "main", is_estimated: true }),
    call({ created_at: "2026-11-12T09:00:00Z", model: "in-house-7b" }),
  ];
  const app = await appWith(t, calls, "America/Los_Angeles");

  const days = await run(app, "summary");
  assert.deepEqual(
    days.data.rows.map(({ name, costUsd, calls: number }: Row) => [name, costUsd, number]),
    [
      ["2026-11-09", "1.5", 1],
      ["2026-11-10", "2", 1],
      ["2026-11-11", "0", 0],
      ["2026-11-12", "0.25", 2],
      ...listDates("2026-11-13", today).map((date) => [date, "0", 0]),
    ],
  );
  assert.deepEqual(days.data.totals, {
    ...{ calls: 4, inputTokens: 4000, outputTokens: 400, costUsd: "3.75", unpricedCalls: 1, estimatedCalls: 1 },
  });
  assert.match(
    days.text,
    /4 calls, 4.00k tokens in, 400 out, \$3.75\n1 call has no price and no cost here: in-house-7b/,
  );

  const names = async (by: string, options = {}): Promise<unknown[]> =>
    (await run(app, "summary", { by, ...options })).data.rows.map(({ name, costUsd }: Row) => `${name} ${costUsd}`);
  assert.deepEqual(await names("agent"), ["SCHOLAR 2.25", "CHIRON 1.5"]);
  assert.deepEqual(await names("model"), ["gpt-4o-mini 3.75", "in-house-7b null"]);
  assert.deepEqual(await names("operation"), ["null 2.25", "plan 1.5"]);
  assert.deepEqual(await names("provider"), ["openrouter 3.75", "openai null"]);
  assert.deepEqual(await names("credential"), ["null 3.5", "main 0.25"]);
  assert.deepEqual(await names("environment"), ["prod 2", "dev 1.75"]);
  assert.deepEqual(await names("tag:team"), ["b 2", "a 1.5", "null 0.25"]);
  assert.deepEqual(await names("agent", { environment: "prod" }), ["SCHOLAR 2"]);
  assert.deepEqual(await names("agent", { from: "2026-11-09", to: "2026-11-09" }), ["CHIRON 1.5"]);
  assert.deepEqual(await names("agent", { to: "2026-11-09", days: "7" }), ["CHIRON 1.5"]);
  const none = await run(app, "summary", { from: "2026-10-01", to: "2026-10-02" });
  assert.equal(none.text, "no call from 2026-10-01 to 2026-10-02; the ledger has calls from 2026-11-09 to 2026-11-12");
});

test("a day of 25 hours has all its calls, in the sums and one by one", async (t) => {
  const instants = ["2026-11-01T06:59:59Z", "2026-11-01T07:00:00Z", "2026-11-02T07:59:59Z", "2026-11-02T08:00:00Z"];
  const calls = instants.map((at) => costing("", 1, { created_at: at }));
  const app = await appWith(t, calls, "America/Los_Angeles");
  const day = { from: "2026-11-01", to: "2026-11-01" };

  for (const by of ["day", "agent", "tag:team"]) {
    const { data } = await run(app, "summary", { by, ...day });
    assert.equal(data.totals["calls"], 2, by);
  }
  const out = join(app.stateDir, "day.jsonl");
  assert.equal((await run(app, "export", { out, ...day })).text, `2 calls in ${out}`);
});

test("the dearest come first with their share, and the rest in one line", async (t) => {
  const calls = Array.from({ length: 12 }, (_, index) => costing("2026-11-20", index + 1, { model: `m-${index}` }));
  const app = await appWith(t, [...calls, call({ created_at: "2026-11-21T00:00:00Z", model: "free-of-price" })]);

  const { data, text } = await run(app, "top", { limit: "2" });

  assert.deepEqual(
    data.rows.map(({ name, costUsd }: Row) => [name, costUsd]),
    [
      ["m-11", "12"],
      ["m-10", "11"],
    ],
  );
  const { groups, costUsd, calls: others } = data.others;
  assert.deepEqual([groups, costUsd, others], [11, "55", 11]);
  const lines = text.split("\n").slice(-4);
  assert.deepEqual(
    lines.map((line) => line.replaceAll(/ +/g, " ").trimEnd()),
    [
      "model calls in out cost share unpriced",
      "m-11 1 1.00k 100 $12.00 15.4% ████▍",
      "m-10 1 1.00k 100 $11.00 14.1% ████",
      "(11 others) 11 11.0k 1.10k $55.00 70.5% 1 ████████████████████",
    ],
  );
  const dearestDay = await run(app, "top", { by: "day", limit: "1" });
  assert.deepEqual(
    dearestDay.data.rows.map(({ name }) => name),
    ["2026-11-20"],
  );
  assert.match(dearestDay.text, /2026-11-20 .*100.0%/);
  const unpriced = await run(app, "summary", { by: "model", from: "2026-11-21" });
  assert.match(unpriced.text, /100 out, cost unknown\n[^]*free-of-price +1 +1.00k +100 +unpriced/);
});

test("what cannot be looked at is refused by name", async (t) => {
  const app = await appWith(t, [costing("2026-11-20", 1)]);
  const refused = async (name: string, options: Record<string, string>, message: RegExp): Promise<void> => {
    await assert.rejects(run(app, name, options), { code: "invalid_input", message });
  };

  await refused("summary", { by: "weekday" }, /^--by weekday is nothing that calls are told apart by$/);
  await refused("summary", { by: "tag:" }, /^--by tag: is nothing/);
  await refused("summary", { from: "2026-02-30" }, /^--from is "2026-02-30", expected a day/);
  await refused("summary", { from: "2026-11-02", to: "2026-11-01" }, /--from 2026-11-02 is after --to 2026-11-01/);
  await refused("summary", { from: "2026-11-24" }, /--from 2026-11-24 lies ahead, today is 2026-11-23/);
  await refused("summary", { from: "2026-11-01", days: "3" }, /--from and --days both/);
  await refused("summary", { days: "0" }, /--days is "0", expected a number from 1 to 3660/);
  await refused("summary", { by: "tag:a", days: "93" }, /92 days at most, 2026-08-23 to 2026-11-23 are 93/);
  await refused("top", { limit: "many" }, /--limit is "many"/);
  await refused("anomalies", { days: "400" }, /366 days at most/);
  await assert.rejects(run(app, "export", { out: "/nowhere/calls.csv" }), {
    message: /^cannot write \/nowhere\/calls/,
  });
  await refused("export", {}, /--format is missing/);
  await refused("export", { out: "calls.txt" }, /calls.txt does not say its format/);
});

test("a month goes on as its weekdays did, by environment too, and what has no price is said", async (t) => {
  const days = listDates("2026-10-20", today).map((date) => costing(date, 2, { environment: "prod" }));
  const app = await appWith(t, [...days, call({ created_at: "2026-11-20T00:00:00Z", model: "in-house-7b" })]);

  const { data, text } = await run(app, "forecast", { environment: "prod" });
  const dev = await run(app, "forecast", { environment: "dev" });
  const all = await run(app, "forecast");

  assert.deepEqual(
    [data["toDateUsd"], data["expectedUsd"], data["lowUsd"], data["highUsd"], data["fullDays"], data["weeks"]],
    ["46", "60", "60", "60", 28, 4],
  );
  assert.match(
    text,
    /^2026-11-01 to 2026-11-23 \(UTC\), prod\nto date +\$46.00\nby 2026-11-30 +\$60.00 {2}by the weekday means of the last 28 full days/,
  );
  assert.match(dev.text, /Too early to say how it goes on: 2 full days are recorded, 7 are wanted/);
  assert.equal(dev.data["expectedUsd"], null);
  assert.match(all.text, /1 call has no price and no cost here: in-house-7b/);
});

test("a day that stands out is named, with its agent, and so is what is new", async (t) => {
  const usual = listDates("2026-10-10", "2026-11-22").flatMap((date) => [
    costing(date, 3, { agent_name: "CHIRON" }),
    costing(date, 4, { agent_name: "SCHOLAR" }),
  ]);
  const dear = [
    costing("2026-11-20", 30, { agent_name: "CHIRON" }),
    costing("2026-11-21", 0.5, { agent_name: "ROGUE", model: "gpt-9" }),
  ];
  const app = await appWith(t, [...usual, ...dear]);

  const { data, text } = await run(app, "anomalies", { days: "7" });
  const none = await run(app, "anomalies", { from: "2026-11-01", to: "2026-11-15" });
  const early = await run(app, "anomalies", { from: "2026-10-10", to: "2026-10-20" });

  assert.deepEqual(data.findings, [
    { date: "2026-11-20", agent: null, costUsd: "37", usualUsd: "7", z: null },
    { date: "2026-11-20", agent: "CHIRON", costUsd: "33", usualUsd: "3", z: null },
  ]);
  assert.deepEqual(
    data.newcomers.map(({ kind, name, firstDay }: Row) => `${kind} ${name} ${firstDay}`),
    ["agent ROGUE 2026-11-21", "model gpt-9 2026-11-21"],
  );
  assert.match(text, /2026-11-20 +\$37.00 +\$7.00 +all calls\n[^]*new agent ROGUE since 2026-11-21, 1 call, \$0.50/);
  assert.match(none.text, /no day stands out$/);
  assert.match(early.text, /7 days have fewer than 7 before and could not be judged/);
});

const rich: Partial<Call>[] = [
  { created_at: "2026-11-20T10:00:00.123456Z", idempotency_key: "told-1", tags: { team: "a", "=x": "-1" } },
  { created_at: "2026-11-20T10:00:00.123456Z", idempotency_key: "told-2", tags: { team: "a", "=x": "-1" } },
  { created_at: "2026-11-20T10:00:01Z", provider: "openai", response_id: "chatcmpl-0123456789abcdef" },
  { created_at: "2026-11-20T10:00:02Z", response_id: "short", context: '=HYPERLINK("x")\r\nnext, "quoted"' },
  { created_at: "2026-11-20T10:00:03Z", trace_id: "ab".repeat(16), span_id: "cd".repeat(8), is_estimated: true },
  {
    ...{ created_at: "2026-11-20T10:00:04Z", provider: "openrouter", provider_cost_usd: "0.000000001" },
    ...{ estimated_cost_usd: "12.5", operation: "plan", credential: "main", service_tier: "flex", region: "eu" },
    ...{ cache_read_tokens: 10, cache_write_5m_tokens: 20, cache_write_1h_tokens: 30, reasoning_tokens: 40 },
    ...{ audio_input_tokens: 5, audio_output_tokens: 6, web_searches: 2, environment: "shared" as const },
  },
  // No id at all, and twice the same.
  { created_at: "2026-11-20T10:00:05Z", model: "in-house-7b", agent_name: "+1", context: "" },
  { created_at: "2026-11-20T10:00:05Z", model: "in-house-7b", agent_name: "+1", context: "" },
];

async function rowsOf({ db }: App): Promise<unknown[]> {
  const { rows } = await sql<Record<string, unknown>>`
    select created_at::text as at, to_jsonb(u) - '{id,recorded_at,source,created_at}'::text[] as said
    from llm_usage u order by created_at, id`.execute(db);
  return rows;
}

async function importFile(app: App, path: string): Promise<Ran> {
  const [context, ran] = contextOn(app, {}, [path]);
  await runImport(context);
  return ran;
}

test("an export that is imported again books nothing twice, and is the same calls in another ledger", async (t) => {
  const app = await appWith(t, rich.map(call));
  const other = await appWith(t, []);
  const out = join(app.stateDir, "calls.jsonl");

  const { text } = await run(app, "export", { out });
  const again = await importFile(app, out);
  const elsewhere = await importFile(other, out);
  const elsewhereAgain = await importFile(other, out);
  // Of the other ledger, whose rows have ids of their own.
  await run(other, "export", { out });
  const back = await importFile(other, out);

  assert.equal(text, `8 calls in ${out}`);
  assert.equal((await stat(out)).mode & 0o7777, 0o600);
  assert.equal(again.text, "0 calls recorded, 8 were there already, 0 rejected");
  assert.equal(elsewhere.text, "8 calls recorded, 0 were there already, 0 rejected");
  assert.equal(elsewhereAgain.text, "0 calls recorded, 8 were there already, 0 rejected");
  assert.equal(back.text, "0 calls recorded, 8 were there already, 0 rejected");
  assert.deepEqual(await rowsOf(other), await rowsOf(app));
});

test("an export takes the calls that were asked for, part by part, and leaves no draft", async (t) => {
  const many = Array.from({ length: 12_345 }, (_, index) =>
    call({
      ...{ created_at: "2026-11-20T10:00:00Z", agent_name: `agent-${index % 2}`, input_tokens: index },
      ...(index % 5 === 0 ? { environment: "prod" as const } : {}),
    }),
  );
  const app = await appWith(t, [...many, call({ created_at: "2026-11-21T10:00:00Z", model: "other" })]);
  const directory = await mkdtemp(join(tmpdir(), "export-"));
  t.after(() => rm(directory, { recursive: true }));
  const out = join(directory, "calls.csv");
  const exported = async (options: Record<string, string>): Promise<string[]> => {
    await run(app, "export", { out, ...options });
    return (await readFile(out, "utf8")).trimEnd().split("\r\n").slice(1);
  };

  const all = await exported({ to: "2026-11-20" });
  const inputs = all.map((line) => Number(line.split(",")[7]));
  assert.deepEqual(
    inputs.toSorted((one, next) => one - next),
    many.map((_, index) => index),
  );
  assert.equal((await exported({ from: addDays("2026-11-20", 1) })).length, 1);
  assert.equal((await exported({ model: "other" })).length, 1);
  assert.equal((await exported({ agent: "agent-0", environment: "prod" })).length, 1235);
  const none = await run(app, "export", { out, agent: "nobody" });
  assert.deepEqual(none.said, ["no call is of that kind"]);
  assert.deepEqual(await readdir(directory), ["calls.csv"]);

  const [context] = contextOn(app, { out, format: "jsonl" });
  const aborted = { ...context, signal: AbortSignal.abort(new Error("stopped")) };
  const before = await readFile(out, "utf8");
  await assert.rejects(async () => insightCommands.at(-1)?.run(aborted), /^Error: stopped/);
  assert.deepEqual([await readdir(directory), await readFile(out, "utf8")], [["calls.csv"], before]);
});
