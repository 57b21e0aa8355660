/**
 * Calls into the ledger, durable and with their sums: the figure beside COPY of the very
 * same rows into the very same table, which makes no ids and no sums, beside the INSERT
 * for each call that a tracker without a ledger does, and beside the same work call by call.
 */
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { buffer } from "node:stream/consumers";

import type pg from "pg";
import { from as copyFrom, to as copyTo } from "pg-copy-streams";

import { Call, createLedger, type Ledger } from "#domains/usage/usage.ts";

import { emptyLedger, type Scene, withLedgerScene } from "./ledger-scene.ts";
import { median, timeMs } from "./measure.ts";

const total = Number(process.argv[2] ?? 100_000);
const rounds = 5;
/** As on a platform where much goes on; with few there is less to write together. */
const senders = 16;
const fewSenders = 4;
const batch = 1_000;
const singles = 2_000;
const singleSenders = 256;
const copyLimit = 0.45;
const insertLimit = 50;

const agents = Array.from({ length: 50 }, (_, place) => `AGENT-${place}`);
const models = [
  ...["gpt-4o", "gpt-4o-mini", "gpt-5", "o4-mini"].map((model) => ({ provider: "openai", model })),
  ...["claude-sonnet-4-5", "claude-haiku-4-5"].map((model) => ({ provider: "anthropic", model })),
  ...["gemini-2.5-pro", "gemini-2.5-flash"].map((model) => ({ provider: "google", model })),
];
const origin = { source: "bench", environment: "prod" } as const;

const insertCall = `
  insert into llm_usage (id, agent_name, model, input_tokens, output_tokens, context, operation, created_at,
                         environment, cost_source, source)
  values ($1, $2, $3, $4, $5, $6, 'chat', now(), 'prod', 'unpriced', 'bench')`;

const insertCallAndSum = `
  with call as (${insertCall} returning *)
  insert into llm_usage_daily as sum
  select date_trunc('day', created_at), agent_name, model, 1, input_tokens, output_tokens, 0 from call
  on conflict (day, agent_name, model) do update
  set calls = sum.calls + 1,
      input_tokens = sum.input_tokens + excluded.input_tokens,
      output_tokens = sum.output_tokens + excluded.output_tokens`;

await withLedgerScene(async (scene) => {
  const ours: number[] = [];
  const few: number[] = [];
  const rowsOnly: number[] = [];
  const rowsAndKeys: number[] = [];
  const inserts: number[] = [];
  const insertsAndSums: number[] = [];
  const alone: number[] = [];
  const ownEach: number[] = [];
  // The first round opens connections and compiles: it is not counted.
  for (let round = 0; round <= rounds; round += 1) {
    const figures = await measure(scene, round);
    if (round === 0) continue;
    ours.push(figures.ours);
    few.push(figures.few);
    rowsOnly.push(figures.copyRows);
    rowsAndKeys.push(figures.copyBoth);
    inserts.push(figures.inserts);
    insertsAndSums.push(figures.insertsAndSums);
    alone.push(figures.alone);
    ownEach.push(figures.ownEach);
  }
  console.log(`calls with ids and sums, ${batch} at once from ${senders} senders: ${format(ours)}`);
  printBeside("COPY of their rows alone", rowsOnly, copyLimit);
  printBeside("COPY of their rows and ids", rowsAndKeys, copyLimit);
  printBeside("an INSERT each on one connection", inserts, insertLimit);
  printBeside("an INSERT each and one into the sums", insertsAndSums, insertLimit);
  printBeside("the ledger itself, told one at a time by one sender", ownEach, insertLimit);
  console.log(`the same from ${fewSenders} senders: ${format(few)}`);
  console.log(`one at a time from ${singleSenders} senders: ${format(alone)}`);

  function printBeside(title: string, others: readonly number[], limit: number): void {
    const ratio = median(ours.map((own, place) => own / (others[place] ?? Number.NaN)));
    console.log(`${title}: ${format(others)}, ratio ${ratio.toFixed(2)}, at least ${limit}`);
  }
});

type Figures = Record<
  "ours" | "few" | "copyRows" | "copyBoth" | "inserts" | "insertsAndSums" | "alone" | "ownEach",
  number
>;

function format(rates: readonly number[]): string {
  return `${median(rates).toFixed(0)}/s`;
}

/** Rows a second, of each way on an empty ledger. */
async function measure({ app, owner }: Scene, round: number): Promise<Figures> {
  const ledger = createLedger(app);
  const calls = makeCalls(round);
  await ledger.record([makeCall(`first-${round}`)], origin);
  await emptyLedger(owner);
  const ours = await rateOf(total, () => tell(ledger, calls, { senders, batch }));
  const rows = await readAll(owner, "llm_usage");
  const keys = await readAll(owner, "llm_usage_key");
  await emptyLedger(owner);
  const few = await rateOf(total, () => tell(ledger, calls, { senders: fewSenders, batch }));
  await emptyLedger(owner);
  const alone = await rateOf(total / 5, () =>
    tell(ledger, calls.slice(0, total / 5), { senders: singleSenders, batch: 1 }),
  );
  await emptyLedger(owner);
  const ownEach = await rateOf(singles, () => tell(ledger, calls.slice(0, singles), { senders: 1, batch: 1 }));
  await ledger.close();
  await emptyLedger(owner);
  const copyRows = await rateOf(total, () => copy(owner, "llm_usage", rows));
  await emptyLedger(owner);
  const copyBoth = await rateOf(total, async () => {
    await copy(owner, "llm_usage", rows);
    await copy(owner, "llm_usage_key", keys);
  });
  await emptyLedger(owner);
  const inserts = await rateOf(singles, () => insertEach(owner, insertCall));
  await emptyLedger(owner);
  const insertsAndSums = await rateOf(singles, () => insertEach(owner, insertCallAndSum));
  return { ours, few, copyRows, copyBoth, inserts, insertsAndSums, alone, ownEach };
}

async function rateOf(count: number, work: () => Promise<void>): Promise<number> {
  return (count / (await timeMs(work))) * 1000;
}

async function tell(ledger: Ledger, calls: readonly Call[], how: { senders: number; batch: number }): Promise<void> {
  let next = 0;
  const send = async (): Promise<void> => {
    while (next < calls.length) {
      const part = calls.slice(next, (next += how.batch));
      const receipts = await ledger.record(part, origin);
      if (receipts.some(({ state }) => state !== "recorded")) throw new Error("a call was not recorded");
    }
  };
  await Promise.all(Array.from({ length: how.senders }, send));
}

function makeCalls(round: number): Call[] {
  return Array.from({ length: total }, (_, place) => makeCall(`${round}-${place}`, place));
}

function makeCall(name: string, place = 0): Call {
  return Call.parse({
    ...{ agent_name: agents[place % agents.length], ...models[place % models.length] },
    ...{ input_tokens: 500 + (place % 3000), output_tokens: 20 + (place % 700), cache_read_tokens: place % 400 },
    ...{ context: `endpoint: /plan/${place % 100}`, operation: "chat", response_id: `chatcmpl-bench-${name}` },
    created_at: new Date(Date.now() - place).toISOString(),
  });
}

async function readAll(owner: pg.Client, table: string): Promise<Buffer> {
  return buffer(owner.query(copyTo(`copy (select * from ${table}) to stdout`)));
}

function copy(owner: pg.Client, table: string, rows: Buffer): Promise<void> {
  return pipeline(Readable.from(split(rows)), owner.query(copyFrom(`copy ${table} from stdin`)));
}

function* split(bytes: Buffer): Generator<Buffer> {
  const size = 64 * 1024;
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function insertEach(owner: pg.Client, text: string): Promise<void> {
  for (let place = 0; place < singles; place += 1) {
    const agent = agents[place % agents.length];
    const values = [place, agent, "gpt-4o", 500 + place, 20 + (place % 700), "endpoint: /plan"];
    await owner.query({ name: text.slice(0, 20), text, values });
  }
}
