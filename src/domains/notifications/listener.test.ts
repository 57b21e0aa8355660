import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

import type { App } from "#app.ts";
import { programRoot } from "#config/state-directory.ts";
import { runProgram } from "#system/run.ts";
import { testApp, testOwnedApp } from "#test/app.ts";
import { startOutsideServer } from "#test/outside-server.ts";

import { deliverDue } from "./delivery.ts";
import { type Listener, startListener } from "./listener.ts";
import { notify } from "./notifications.ts";
import { listNotifications } from "./queries.ts";

const everything = { state: undefined, before: undefined, limit: 200 };

async function open(
  t: TestContext,
  settings: Record<string, unknown> = {},
): Promise<{ app: App; listener: Listener; url: string }> {
  const app = await testApp(t, {
    notifications: { channels: { telegram: { bot_token: "env:PATH", chat_id: "12345" } }, listen: true },
    ...settings,
  });
  const listener = await startListener(app, { port: 0, requestWithinMs: 1_000 });
  t.after(() => listener.stop());
  return { app, listener, url: `http://localhost:${listener.port}/notify` };
}

function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

test("the specification's final curl, word for word, delivers", async (t) => {
  const telegram = await startOutsideServer(t, () => ({ status: 200, body: '{"ok":true,"result":{"message_id":1}}' }));
  const { app, listener } = await open(t, { outside: { telegram: { url: telegram.url, allow_private: true } } });
  const home = await mkdtemp(join(tmpdir(), "leveredge-curl-"));
  t.after(() => rm(home, { recursive: true }));
  // The command says port 8014; this host may have a HERMES there.
  await writeFile(join(home, ".curlrc"), `connect-to = "localhost:8014:127.0.0.1:${listener.port}"\n`);

  const { stdout } = await runProgram("bash", [join(programRoot, "test", "fixtures", "notify-curl.sh")], {
    timeoutMs: 20_000,
    env: { HOME: home },
  });
  await deliverDue(app, { signal: new AbortController().signal });

  const answer: unknown = JSON.parse(stdout);
  assert.ok(typeof answer === "object" && answer !== null && "status" in answer && answer.status === "accepted");
  const [asked] = telegram.asked;
  const sent: unknown = JSON.parse(asked?.body ?? "null");
  assert.ok(typeof sent === "object" && sent !== null && "text" in sent && "chat_id" in sent);
  assert.equal(sent.chat_id, "12345");
  assert.match(String(sent.text), /^🔧 MEGA GSD Complete!\n\n✅ Database mirroring configured\n/);
});

test("what is wrong with a message is said, and nothing of it is kept", async (t) => {
  const { app, url } = await open(t);

  const answers = await Promise.all([
    post(url, "{not json"),
    post(url, { channel: "telegram" }),
    post(url, { channel: "telegram", message: "x", priority: "shouting" }),
    post(url, { channel: "telegram", message: "x", more: 1 }),
    post(url, { channel: "pager", message: "x" }),
    post(url, { message: "x" }, { "content-type": "text/plain" }),
    fetch(url),
    fetch(url.replace("/notify", "/anything"), { method: "POST" }),
  ]);

  assert.deepEqual(
    answers.map(({ status }) => status),
    [400, 400, 400, 400, 404, 400, 404, 404],
  );
  const pager: unknown = await answers[4]?.json();
  assert.match(JSON.stringify(pager), /there is no channel \\"pager\\" \(configured: telegram\)/);
  assert.deepEqual(await listNotifications(app.db, everything), []);
});

test("browsers and foreign names are refused", async (t) => {
  const { app, listener, url } = await open(t);
  const message = { channel: "telegram", message: "x" };

  const page = await post(url, message, { origin: "https://evil.example" });
  const { stdout } = await runProgram(
    "curl",
    [
      "-s",
      "-H",
      "Host: evil.example",
      "-H",
      "Content-Type: application/json",
      "-d",
      JSON.stringify(message),
      `http://127.0.0.1:${listener.port}/notify`,
    ],
    { timeoutMs: 10_000 },
  );

  assert.equal(page.status, 403);
  assert.match(stdout, /"forbidden"/);
  assert.deepEqual(await listNotifications(app.db, everything), []);
});

test("ten megabytes are refused, and a client that does not go on is cut off", async (t) => {
  const { app, listener, url } = await open(t);

  const large = await post(url, { channel: "telegram", message: "x".repeat(10 * 1024 * 1024) }).catch(() => undefined);
  const slow = connect(listener.port, "127.0.0.1");
  slow.on("error", () => undefined).resume();
  slow.write(
    "POST /notify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
  );
  await once(slow, "close");

  assert.ok(large === undefined || large.status === 400);
  assert.deepEqual(await listNotifications(app.db, everything), []);
});

test("a store that is away is told to the log, and to the client without its words", async (t) => {
  const app = await testApp(t, { notifications: { channels: { file: { path: "/nonexistent/file" } } } });
  const faults: unknown[] = [];
  const listener = await startListener(app, { port: 0, onError: (error) => faults.push(error) });
  t.after(() => listener.stop());
  await app.db.destroy();

  const answer = await post(`http://localhost:${listener.port}/notify`, { message: "x" });

  assert.deepEqual([answer.status, faults.length], [500, 1]);
  assert.deepEqual(await answer.json(), { error: { code: "internal", message: "the message could not be taken" } });
});

test("a script in a loop is slowed down", async (t) => {
  const { url } = await open(t);

  const statuses: number[] = [];
  for (let batch = 0; batch < 16; batch += 1) {
    const sent = Array.from({ length: 10 }, () => post(url, { channel: "telegram", message: "again" }));
    statuses.push(...(await Promise.all(sent)).map(({ status }) => status));
  }

  assert.ok(statuses.slice(0, 120).every((status) => status === 202));
  assert.ok(statuses.includes(429));
});

test("where a HERMES answers already its channels are used; another program there is none", async (t) => {
  const taken: string[] = [];
  const hermes = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString("utf8")));
    request.on("end", () => {
      const isHealth = request.method === "GET" && request.url === "/health";
      if (body !== "{}" && body !== "") taken.push(body);
      response.statusCode = isHealth ? 200 : body === "{}" ? 422 : 200;
      response.setHeader("content-type", "application/json");
      response.end(isHealth ? '{"status":"healthy","agent":"HERMES"}' : "{}");
    });
  });
  hermes.listen(0, "127.0.0.1");
  await once(hermes, "listening");
  t.after(() => hermes.close());
  const address = hermes.address();
  assert.ok(typeof address === "object" && address !== null);
  const other = await startOutsideServer(t, () => ({ status: 404, body: "<html>" }));
  const app = await testApp(t, { notifications: { listen: true } });

  const listener = await startListener(app, { port: address.port });
  const besideOther = await startListener(app, { port: other.port });
  await notify(app, { message: "hello", priority: "high", title: "", channel: undefined }, "test");
  await deliverDue(app, { signal: new AbortController().signal, hermesPort: address.port });

  assert.deepEqual([listener.state, besideOther.state], ["forwarding", "taken"]);
  assert.deepEqual(
    taken.map((body): unknown => JSON.parse(body)),
    [{ channel: "telegram", message: "hello", priority: "high" }],
  );
});

test("a sender that is killed after the message left, and before it noted it, sends it again with the same id", async (t) => {
  let sender: ChildProcess | undefined;
  const server = await startOutsideServer(t, () => {
    if (sender === undefined) return { status: 200 };
    sender.kill("SIGKILL");
    sender = undefined;
    return undefined;
  });
  const settings = {
    notifications: { channels: { webhook: { url: "https://hook.example/x", secret: "env:PATH" } } },
    outside: { webhook: { url: server.url, allow_private: true } },
  };
  const { app, ownerUrl } = await testOwnedApp(t, settings);
  await notify(app, { message: "hello", priority: "high", title: "", channel: undefined }, "test");

  sender = spawn(
    process.execPath,
    [
      join(programRoot, "test", "killed-sender.ts"),
      app.stateDir,
      JSON.stringify({ platform: app.config.platform, ...settings }),
    ],
    { env: { STORE_URL: ownerUrl.reveal(), PATH: "/usr/bin:/bin" }, stdio: ["ignore", "inherit", "inherit"] },
  );
  const [, signal] = await once(sender, "exit");
  const later = { ...app, now: () => new Date(Date.now() + 10 * 60_000) };
  await deliverDue(later, { signal: new AbortController().signal });

  assert.equal(signal, "SIGKILL");
  const ids = server.asked.map(({ headers }) => headers["webhook-id"]);
  assert.equal(ids.length, 2);
  assert.equal(ids[0], ids[1]);
});
