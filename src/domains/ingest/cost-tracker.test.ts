import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";

import { programRoot } from "#config/state-directory.ts";
import { type IngestServer, serveIngest } from "#test/ingest-server.ts";

/** Debian's own, for which python3-httpx is. */
const python = "/usr/bin/python3";
/** Nobody listens there. */
const away = "http://127.0.0.1:9";

type Platform = { lib: string; spool: string };

/** Folders of a platform with our tracker, and the specification's under its own name. */
async function platform(t: TestContext): Promise<Platform> {
  const directory = await mkdtemp(join(tmpdir(), "tracker-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const lib = join(directory, "shared/lib");
  await mkdir(lib, { recursive: true });
  await copyFile(join(programRoot, "templates/cost_tracker.py"), join(lib, "cost_tracker.py"));
  await copyFile(
    join(programRoot, "test/fixtures/cost_tracker_of_specification.py"),
    join(lib, "cost_tracker_of_specification.py"),
  );
  return { lib: directory, spool: join(directory, "spool") };
}

/** A program that has `tracker`, `asyncio` and `sys`; its lines are the body of a coroutine. */
function start(
  { lib, spool }: Platform,
  {
    url,
    token,
    module = "cost_tracker",
    environment = {},
  }: { url: string; token: string; module?: string; environment?: Record<string, string> },
  lines: readonly string[],
): ChildProcess {
  const program = [
    "import asyncio, os, sys",
    `from shared.lib.${module} import CostTracker`,
    "async def main():",
    '    tracker = CostTracker(os.environ["URL"], os.environ["TOKEN"])',
    ...lines.map((line) => `    ${line}`),
    "asyncio.run(main())",
  ].join("\n");
  return spawn(python, ["-W", "ignore", "-B", "-c", program], {
    cwd: lib,
    env: {
      ...{ PATH: "/usr/bin:/bin", URL: url, TOKEN: token, LEVEREDGE_USAGE_SPOOL: spool, PYTHONUNBUFFERED: "1" },
      ...environment,
    },
    stdio: ["pipe", "pipe", "pipe"],
    timeout: 30_000,
  });
}

async function run(...started: Parameters<typeof start>): Promise<{ stdout: string; stderr: string }> {
  const child = start(...started);
  assert.ok(child.stdout && child.stderr);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  assert.equal(child.exitCode, 0, stderr);
  return { stdout, stderr };
}

const logged =
  'await tracker.log_usage(agent_name="CHIRON", model="gpt-4o", input_tokens=1000, output_tokens=100, context="endpoint: /plan", operation="plan")';

function told(server: IngestServer): { url: string; token: string } {
  return { url: server.url, token: server.tokens.agent };
}

async function listBatches(spool: string): Promise<string[]> {
  return (await readdir(spool)).filter((name) => /^\d.*\.jsonl$/.test(name));
}

test("the specification's tracker lands its row as it is, at its own time", async (t) => {
  const server = await serveIngest(t, { platform: { name: "Test", root: "/nowhere", timezone: "Asia/Tokyo" } });

  await run(await platform(t), { ...told(server), module: "cost_tracker_of_specification" }, [logged]);

  const [row, ...others] = await server.rows();
  assert.deepEqual(others, []);
  assert.deepEqual(
    [row?.["agentName"], row?.["model"], row?.["inputTokens"], row?.["outputTokens"], row?.["context"]],
    ["CHIRON", "gpt-4o", 1000, 100, "endpoint: /plan"],
  );
  assert.deepEqual(
    [row?.["operation"], row?.["estimatedCostUsd"], row?.["clientCostUsd"], row?.["claimedAt"]],
    ["plan", "0.003500000", "0.003500000", null],
  );
  assert.ok(Math.abs(Date.parse(String(row?.["createdAt"])) - Date.now()) < 60_000, String(row?.["createdAt"]));
});

test("our tracker takes the same call, says when it is there, and leaves nothing behind", async (t) => {
  const server = await serveIngest(t);
  const place = await platform(t);

  const { stdout, stderr } = await run(place, told(server), [
    logged,
    'tracker.record(agent_name="CHIRON", model="gpt-4o", input_tokens=7, output_tokens=1, cache_read_tokens=5)',
    "print(await tracker.flush())",
  ]);

  assert.deepEqual([stdout, stderr], ["True\n", ""]);
  const rows = await server.rows();
  assert.deepEqual(new Set(rows.map(({ inputTokens }) => inputTokens)), new Set([1000, 7]));
  assert.deepEqual(await listBatches(place.spool), []);
});

test("what a program that ends at once has logged is sent or kept", async (t) => {
  const server = await serveIngest(t);

  await run(await platform(t), told(server), [logged]);

  assert.equal((await server.rows()).length, 1);
});

test("while the server is away calls wait on disk, and the next program sends them once", async (t) => {
  const server = await serveIngest(t);
  const place = await platform(t);
  const token = server.tokens.agent;

  const { stderr } = await run(place, { url: away, token }, [logged, logged, "print(await tracker.flush(0.5))"]);
  const kept = await listBatches(place.spool);
  await run(place, told(server), [logged, "assert await tracker.flush()"]);

  assert.match(stderr, /the usage server cannot be reached \(\w+\); calls are kept/);
  assert.ok(!stderr.includes(token));
  assert.ok(kept.length > 0);
  assert.equal((await server.rows()).length, 3);
  assert.deepEqual(await listBatches(place.spool), []);
});

test("what a killed process had written is sent by another, half a line is not", async (t) => {
  const server = await serveIngest(t);
  const place = await platform(t);
  const token = server.tokens.agent;
  const killed = start(place, { url: away, token }, [
    logged,
    "await tracker.flush(0.5)",
    'print("written")',
    "sys.stdin.read()",
  ]);
  assert.ok(killed.stdout);
  await once(killed.stdout, "data");
  killed.kill("SIGKILL");
  await once(killed, "close");
  const [batch = ""] = await listBatches(place.spool);
  const line = await readFile(join(place.spool, batch), "utf8");
  await run(place, { url: away, token }, [
    `open(${JSON.stringify(join(place.spool, "00000000000000000001-x.jsonl.new"))}, "w").write(${JSON.stringify(`${line}{"agent_na`)})`,
  ]);

  await run(place, told(server), [logged, "assert await tracker.flush()"]);

  assert.equal((await server.rows()).length, 2);
  assert.deepEqual(await readdir(place.spool), []);
});

test("a server that answers nothing holds up no call on its way to the disk", async (t) => {
  const hung = createServer().listen(0, "127.0.0.1");
  await once(hung, "listening");
  const sockets: Socket[] = [];
  hung.on("connection", (socket) => sockets.push(socket));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    hung.close();
  });
  const place = await platform(t);
  // A listening TCP server has an address with a port.
  const url = `http://127.0.0.1:${(hung.address() as AddressInfo).port}`;

  await run(place, { url, token: "token" }, [
    logged,
    "await asyncio.sleep(0.3)",
    "for n in range(200):",
    '    tracker.record(agent_name="CHIRON", model="gpt-4o", input_tokens=n, output_tokens=1)',
    "    await asyncio.sleep(0.002)",
    "tracker.close(0.5)",
  ]);

  const batches = await Promise.all(
    (await listBatches(place.spool)).map((name) => readFile(join(place.spool, name), "utf8")),
  );
  assert.equal(batches.join("").trim().split("\n").length, 201);
});

test("what is kept for one environment or server is not sent for another", async (t) => {
  const server = await serveIngest(t);
  const place = await platform(t);
  const home = { HOME: place.lib, LEVEREDGE_USAGE_SPOOL: "" };

  await run(place, { url: away, token: "token", environment: home }, [logged]);
  await run(place, { ...told(server), environment: { ...home, LEVEREDGE_ENVIRONMENT: "dev" } }, [
    logged,
    "print(await tracker.flush())",
  ]);

  const rows = await server.rows();
  assert.deepEqual(
    rows.map(({ environment }) => environment),
    ["dev"],
  );
});

test("processes that share a spool book each call once", async (t) => {
  const server = await serveIngest(t);
  const place = await platform(t);
  const many = ["for _ in range(40):", `    ${logged}`];
  const token = server.tokens.agent;
  await Promise.all([1, 2].map(() => run(place, { url: away, token }, [...many, "await tracker.flush(0.2)"])));

  await Promise.all([1, 2].map(() => run(place, told(server), [...many, "assert await tracker.flush()"])));

  assert.equal((await server.rows()).length, 160);
  assert.deepEqual(await listBatches(place.spool), []);
});

test("a call that the ledger refuses is kept aside with the reason, and holds up no other", async (t) => {
  const server = await serveIngest(t);
  const place = await platform(t);

  await run(place, told(server), [
    'await tracker.log_usage("CHIRON", "gpt-4o", -1, 1, "c")',
    'await tracker.log_usage("CHIRON", "gpt-4o", float("nan"), 1, "c")',
    logged,
    "assert await tracker.flush()",
  ]);

  assert.equal((await server.rows()).length, 1);
  const rejected = await readFile(join(place.spool, "rejected.jsonl"), "utf8");
  assert.equal(rejected.trimEnd().split("\n").length, 2);
  assert.match(rejected, /"reason": "input_tokens: /);
});

test("whatever it is given it raises nothing, and a token that is not valid costs no call", async (t) => {
  const server = await serveIngest(t);
  const place = await platform(t);

  const { stderr } = await run(place, { url: server.url, token: "aegis_pat_nobody" }, [
    "await tracker.log_usage(object(), None, {1: {2}}, lambda: 1, context=3)",
    'await CostTracker(None, None).log_usage("a", "b", 1, 1, "c")',
    'await CostTracker("not a url", "k").log_usage("a", "b", 1, 1, "c")',
    logged,
    "await tracker.flush(0.5)",
  ]);
  await run(place, told(server), [logged, "assert await tracker.flush()"]);

  assert.match(stderr, /the usage server answered 401; calls are kept/);
  const rows = await server.rows();
  assert.equal(rows.filter(({ agentName }) => agentName === "CHIRON").length, 2);
});

test("a forked process logs too", async (t) => {
  const server = await serveIngest(t);
  const fork = [
    "child = os.fork()",
    "if child == 0:",
    '    tracker.record(agent_name="child", model="gpt-4o", input_tokens=1, output_tokens=1)',
    "    tracker.close()",
    "    os._exit(0)",
    "os.waitpid(child, 0)",
  ];

  await run(await platform(t), told(server), [logged, "assert await tracker.flush()", ...fork]);

  const rows = await server.rows();
  assert.deepEqual(new Set(rows.map(({ agentName }) => agentName)), new Set(["CHIRON", "child"]));
});
