import assert from "node:assert/strict";
import { test } from "node:test";

import { type Answer, type IngestServer, post, serveIngest } from "#test/ingest-server.ts";

const path = "/rest/v1/llm_usage";
/** As supabase-py's documentation logs a row: every key is there, some are null. */
const row = {
  agent_name: "CHIRON",
  model: "gpt-4o",
  input_tokens: 1000,
  output_tokens: 100,
  estimated_cost_usd: 0.0035,
  context: "endpoint: /plan",
  operation: null,
  created_at: "2026-11-01T12:00:00+00:00",
};

/** With the headers that supabase-py sends. */
function insert(server: IngestServer, body: unknown, prefer?: string, query = ""): Promise<Answer> {
  return post(server, `${path}${query}`, body, {
    apikey: server.tokens.agent,
    "content-profile": "public",
    accept: "application/json",
    ...(prefer === undefined ? {} : { prefer }),
  });
}

test("a row is 201 without a body, and with it when that is preferred", async (t) => {
  const server = await serveIngest(t);

  const plain = await insert(server, row);
  const minimal = await insert(server, row, "return=minimal");
  const full = await insert(server, row, "return=representation");

  assert.deepEqual([plain.status, plain.text, minimal.status, minimal.text], [201, "", 201, ""], plain.text);
  assert.equal(full.status, 201, full.text);
  const [sent] = full.json as unknown as Record<string, unknown>[];
  assert.deepEqual(
    [typeof sent?.["id"], sent?.["agent_name"], sent?.["operation"], sent?.["input_tokens"]],
    ["number", "CHIRON", undefined, 1000],
  );
  const rows = await server.rows();
  assert.deepEqual(
    rows.map(({ estimatedCostUsd, clientCostUsd, source }) => [estimatedCostUsd, clientCostUsd, source]),
    Array.from({ length: 3 }, () => ["0.003500000", "0.003500000", "postgrest"]),
  );
});

test("a list is taken as a whole, with the columns that are named and the columns that are wanted back", async (t) => {
  const server = await serveIngest(t);
  const columns = `?columns=${encodeURIComponent('"agent_name","model","input_tokens","output_tokens"')}`;

  const answer = await insert(
    server,
    [{ ...row, nonsense: 1 }, row],
    "return=representation,count=exact",
    `${columns}&select=id,model`,
  );

  assert.equal(answer.status, 201, answer.text);
  const sent = answer.json as unknown as Record<string, unknown>[];
  assert.deepEqual(
    sent.map((one) => Object.keys(one).toSorted()),
    [
      ["id", "model"],
      ["id", "model"],
    ],
  );
  const rows = await server.rows();
  assert.deepEqual(
    rows.map(({ context }) => context),
    [null, null],
  );
});

test("one object is answered where one is asked for, and a row that is told again has its first id", async (t) => {
  const server = await serveIngest(t);
  const keyed = { ...row, idempotency_key: "r-1" };
  const headers = {
    apikey: server.tokens.agent,
    prefer: "return=representation",
    accept: "application/vnd.pgrst.object+json",
  };

  const first = await post(server, path, keyed, headers);
  const again = await post(server, path, keyed, headers);

  assert.deepEqual([first.status, again.status], [201, 201]);
  assert.equal(typeof first.json["id"], "number");
  assert.equal(again.json["id"], first.json["id"]);
  assert.equal((await server.rows()).length, 1);
});

test("a failure has PostgREST's form and PostgreSQL's code, and takes no row of the list", async (t) => {
  const server = await serveIngest(t);
  const cases: [unknown, number, string, RegExp][] = [
    [{ ...row, colour: 1 }, 400, "PGRST204", /^Could not find the 'colour' column of 'llm_usage' in the schema cache$/],
    [{ model: "gpt-4o", input_tokens: 1, output_tokens: 1 }, 400, "23502", /^null value in column "agent_name"/],
    [{ ...row, agent_name: null }, 400, "23502", /^null value in column "agent_name"/],
    [{ ...row, input_tokens: -1 }, 400, "23514", /^input_tokens: /],
    [{ ...row, input_tokens: 1e17 }, 400, "22003", /^input_tokens: /],
    [{ ...row, input_tokens: 1.5 }, 400, "22P02", /^input_tokens: /],
    [{ ...row, model: "a\u0000" }, 400, "22P02", /^model: text without NUL/],
    [{ ...row, created_at: "soon" }, 400, "22007", /^created_at: "soon" is no time/],
    [[row, { ...row, output_tokens: -1 }], 400, "23514", /^row 1: output_tokens: /],
    [[row, { agent_name: "x" }], 400, "PGRST102", /^All object keys must match$/],
    [[row, { ...row, created_at: "2021-01-01T00:00:00Z" }], 400, "22023", /^row 1: created_at .* are not kept$/],
    [{ ...row, cache_read_tokens: 2000 }, 400, "22023", /cache_read_tokens .*input_tokens/],
    [[row, 7], 400, "PGRST102", /^a row is not an object$/],
    ["{", 400, "PGRST102", /^the body is not JSON/],
    [Buffer.alloc(9 * 1024 * 1024, " "), 413, "54000", /larger than 8 MiB/],
  ];

  for (const [body, status, code, message] of cases) {
    const answer = await insert(server, body);
    assert.deepEqual([answer.status, answer.json["code"]], [status, code], answer.text);
    assert.match(String(answer.json["message"]), message);
    assert.deepEqual(Object.keys(answer.json).toSorted(), ["code", "details", "hint", "message"]);
  }
  assert.equal((await server.rows()).length, 0);
});

test("a key that differs from the token is 401, none is 401, and one without the scope 403", async (t) => {
  const server = await serveIngest(t);
  const { agent, viewer } = server.tokens;
  const ask = (headers: Record<string, string>): Promise<Answer> => post(server, path, row, headers);

  const answers = [
    await ask({ apikey: viewer, authorization: `Bearer ${agent}` }),
    await ask({ apikey: agent, authorization: "" }),
    await ask({ apikey: viewer, authorization: `Bearer ${viewer}` }),
  ];

  assert.deepEqual(
    answers.map(({ status, json }) => [status, json["code"]]),
    [
      [401, "PGRST301"],
      [401, "PGRST301"],
      [403, "42501"],
    ],
  );
  for (const { text } of answers) assert.ok(!text.includes(agent) && !text.includes(viewer));
});

/** What supabase-py sends for a documented call, and what it reads from the answer. */
const documented: {
  python: string;
  query?: Record<string, string>;
  prefer: string;
  body: unknown;
  /** How many rows `execute()` gives, and what `count` says. */
  data: number;
  count?: number;
}[] = [
  { python: ".insert(row)", prefer: "return=representation", body: row, data: 1 },
  {
    python: ".insert([row, row])",
    query: { columns: '"agent_name","created_at","input_tokens","model","output_tokens"' },
    prefer: "return=representation",
    body: [row, { agent_name: "x", model: "gpt-4o", input_tokens: 1, output_tokens: 1 }],
    data: 2,
  },
  {
    python: '.insert(row, count="exact")',
    prefer: "return=representation,count=exact",
    body: row,
    data: 1,
    count: 1,
  },
  { python: '.insert(row, returning="minimal")', prefer: "return=minimal", body: row, data: 0 },
  {
    python: '.insert([row, row], count="exact", returning="minimal", default_to_null=False)',
    query: { columns: '"agent_name","input_tokens","model","output_tokens"' },
    prefer: "return=minimal,count=exact,missing=default",
    body: [row, row],
    data: 0,
    count: 2,
  },
  { python: ".upsert(row)", prefer: "return=representation,resolution=merge-duplicates", body: row, data: 1 },
  {
    python: '.upsert(row, ignore_duplicates=True, on_conflict="idempotency_key")',
    query: { on_conflict: "idempotency_key" },
    prefer: "return=representation,resolution=ignore-duplicates",
    body: { ...row, idempotency_key: "u-1" },
    data: 1,
  },
];

test("each documented insert of supabase-py is taken as it sends it", async (t) => {
  const server = await serveIngest(t);
  let recorded = 0;

  for (const { python, query, prefer, body, data, count } of documented) {
    const answer = await insert(
      server,
      body,
      prefer,
      query === undefined ? "" : `?${new URLSearchParams(query).toString()}`,
    );

    assert.equal(answer.status, 201, `${python}: ${answer.text}`);
    const rows: unknown = answer.text === "" ? [] : answer.json;
    assert.equal(Array.isArray(rows) ? rows.length : undefined, data, python);
    assert.equal(answer.headers.get("content-range"), `*/${count ?? "*"}`, python);
    recorded += Array.isArray(body) ? body.length : 1;
    assert.equal((await server.rows()).length, recorded, python);
  }
});

test("a call that is in the ledger is not merged with another one", async (t) => {
  const server = await serveIngest(t);
  const keyed = { ...row, idempotency_key: "m-1" };
  const upsert = (body: unknown): Promise<Answer> =>
    insert(server, body, "return=representation,resolution=merge-duplicates", "?on_conflict=idempotency_key");
  assert.equal((await insert(server, keyed)).status, 201);

  const answer = await upsert({ ...keyed, output_tokens: 200 });

  assert.deepEqual([answer.status, answer.json["code"]], [400, "0A000"], answer.text);
  assert.match(String(answer.json["hint"]), /ignore_duplicates=True/);
  const rows = await server.rows();
  assert.deepEqual(
    rows.map(({ outputTokens }) => outputTokens),
    [100],
  );
});
