/** The whole way of a call: a provider's package, the package that reports it, the server, the row. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { UsageClient } from "../sdk/src/usage.ts";
import { startProvider } from "../sdk/test/http-server.ts";
import { askCell, type CellKind, listCells } from "../sdk/test/packages.ts";
import { type IngestServer, post, serveIngest } from "./ingest-server.ts";

/** In USD, by the providers' price lists; of what breaks off, for the tokens that were estimated. */
const responses = { json: "0.012461500", stream: "0.002461500", tool: "0.002461500" };
const costs: Record<string, Record<Exclude<CellKind, "error">, string>> = {
  // 86 × 1.25 + 1,920 cached × 0.125 + 300 × 10 millionths.
  "openai, chat": { json: "0.003347500", stream: "0.003347500", tool: "0.003347500", abort: "0.000032500" },
  // Flex is half of 476 × 1.25 + 1,024 cached × 0.125 + 420 × 10 millionths; a search is a hundredth.
  "openai, responses": { ...responses, abort: "0.000016250" },
  // 21 × 3 + 18,000 read × 0.30 + 1,000 written × 3.75 + 500 for an hour × 6 + 393 × 15 millionths, and two searches.
  "@anthropic-ai/sdk": { json: "0.038108000", stream: "0.038108000", tool: "0.038108000", abort: "0.032243000" },
  // 445 × 1.25 + 600 cached × 0.125 + 500 × 10 millionths.
  "@google/genai": { json: "0.005631250", stream: "0.005631250", tool: "0.005631250", abort: "0.001270000" },
  // Of a stream that was left the tier is not known.
  "ai with @ai-sdk/openai": { ...responses, abort: "0.000032500" },
};

for (const { pack, kind, cell } of listCells()) {
  test(`${pack.name}, ${kind}: the row in the ledger has its counts and its price`, async (t) => {
    const server = await serveIngest(t);
    const provider = await startProvider(t, cell.answer);
    const { usage, told } = openClient(server);
    const asked = askCell(pack, kind, provider.origin, { usage, agent: "CHIRON", operation: "plan" });

    if (cell.throws === undefined) await asked;
    else await assert.rejects(asked, cell.throws);
    // What is left early is known to be left a moment later.
    if (cell.expected !== undefined) await told;
    await usage.close();

    const rows = await server.rows();
    const expected = cell.expected;
    if (kind === "error" || expected === undefined) return assert.deepEqual(rows, []);
    const [row = {}] = rows;
    assert.equal(rows.length, 1);
    const wanted = {
      ...{ agent_name: "CHIRON", operation: "plan", source: "api", cost_source: "catalog" },
      ...{ ...expected, is_estimated: kind === "abort", estimated_cost_usd: costs[pack.name]?.[kind] },
    };
    return assert.deepEqual(pick(row, Object.keys(wanted)), wanted);
  });
}

test("a call that the package and a span tell of under the id of its answer is one row", async (t) => {
  const [first] = listCells();
  assert.ok(first);
  const { pack, cell } = first;
  const server = await serveIngest(t);
  const provider = await startProvider(t, cell.answer);
  const { usage } = openClient(server);
  await askCell(pack, "json", provider.origin, { usage, agent: "CHIRON" });
  await usage.close();
  const attributes = {
    "gen_ai.operation.name": { stringValue: "chat" },
    "gen_ai.provider.name": { stringValue: "openai" },
    "gen_ai.response.model": { stringValue: cell.expected?.model },
    "gen_ai.response.id": { stringValue: cell.expected?.response_id },
    "gen_ai.usage.input_tokens": { intValue: "2006" },
    "gen_ai.usage.output_tokens": { intValue: "300" },
  };
  const span = {
    traceId: "5b8efff798038103d269b633813fc60c",
    spanId: "eee19b7ec3c1b174",
    endTimeUnixNano: String(BigInt(Date.now()) * 1_000_000n),
    attributes: Object.entries(attributes).map(([key, value]) => ({ key, value })),
  };

  const answer = await post(server, "/v1/traces", { resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] });

  assert.equal(answer.status, 200);
  assert.equal((await server.rows()).length, 1);
});

/** `told` resolves once the package has had a call to tell. */
function openClient({ url, tokens }: IngestServer): { usage: UsageClient; told: Promise<void> } {
  const usage = new UsageClient({ url, token: tokens.agent, spoolDirectory: false });
  const { promise, resolve } = Promise.withResolvers<void>();
  const record = usage.record.bind(usage);
  usage.record = (call) => {
    record(call);
    resolve();
  };
  return { usage, told: promise };
}

/** Under the names of the call; the store gives whole numbers of 64 bits as text. */
function pick(row: Record<string, unknown>, names: readonly string[]): Record<string, unknown> {
  const plain = (name: string): string => name.replaceAll("_", "").toLowerCase();
  const byName = new Map(Object.entries(row).map(([name, value]) => [plain(name), value]));
  const read = (name: string): unknown => {
    const value = byName.get(plain(name));
    return typeof value === "string" && name.endsWith("_tokens") ? Number(value) : value;
  };
  return Object.fromEntries(names.map((name) => [name, read(name)]));
}
