import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { type TestContext, test } from "node:test";
import { inspect } from "node:util";

import { AppError } from "#errors.ts";
import { createOutbound } from "#outbound/outbound.ts";
import { Secret } from "#secrets/secret.ts";
import { type Answer, type OutsideServer, startOutsideServer } from "#test/outside-server.ts";

import { type ChannelName, type Channels, openChannel } from "./all.ts";
import type { Message, SendContext, Sender, SendResult } from "./channel.ts";

const secrets: Record<string, string> = {
  "env:BOT": "123456789:AAH-secret-of-the-bot-0123456789abcd",
  "env:SLACK": "https://hooks.slack.com/services/T0/B0/slacksecret",
  "env:DISCORD": "https://discord.com/api/webhooks/1/discordsecret",
  "env:NTFY": "tk_ntfysecret",
  "env:WEBHOOK": "whsec_d2ViaG9va3NlY3JldA==",
};

const channels: Channels = {
  telegram: { bot_token: "env:BOT", chat_id: "12345" },
  slack: { webhook_url: "env:SLACK" },
  discord: { webhook_url: "env:DISCORD" },
  ntfy: { url: "https://ntfy.sh", topic: "ops", token: "env:NTFY" },
  webhook: { url: "https://receiver.example/hook", secret: "env:WEBHOOK" },
};

const message: Message = {
  id: "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
  severity: "high",
  title: "backup set chronos is damaged",
  text: "Look at it: leveredge backups list <now> & then",
  at: "2026-11-22T03:00:00.000Z",
};

type Opened = { sender: Sender; server: OutsideServer };

async function open(t: TestContext, name: ChannelName, answer: (index: number) => Answer): Promise<Opened> {
  const server: OutsideServer = await startOutsideServer(t, () => answer(server.asked.length - 1));
  const outbound = createOutbound({
    outside: { [name]: { url: server.url, allow_private: true } },
    userAgent: "leveredge/test",
  });
  t.after(() => outbound.close());
  const openReference = (reference: string) => Promise.resolve(new Secret(secrets[reference] ?? ""));
  const sender = await openChannel(name, channels, { outbound, openReference });
  assert.ok(sender !== undefined);
  return { sender, server };
}

function context(sentParts = 0): SendContext & { parts: number[] } {
  const parts: number[] = [];
  return {
    signal: AbortSignal.timeout(20_000),
    sentParts,
    parts,
    onPart: (sent) => {
      parts.push(sent);
      return Promise.resolve();
    },
  };
}

function bodyOf(server: OutsideServer, index = 0): Record<string, unknown> {
  const body: unknown = JSON.parse(server.asked[index]?.body ?? "null");
  assert.ok(typeof body === "object" && body !== null);
  return { ...body };
}

const accepted: Record<string, Answer> = {
  telegram: { status: 200, body: '{"ok":true,"result":{"message_id":77}}' },
  slack: { status: 200, body: "ok" },
  discord: { status: 200, body: '{"id":"88"}' },
  ntfy: { status: 200, body: '{"id":"abc"}' },
  webhook: { status: 204 },
};

test("telegram is asked as its API wants it, the title bold by position", async (t) => {
  const { sender, server } = await open(t, "telegram", () => accepted["telegram"] ?? { status: 500 });

  const result = await sender.send(message, context());

  assert.deepEqual(result, { state: "sent", remoteId: "77" });
  assert.equal(server.asked[0]?.url, `/bot${secrets["env:BOT"]}/sendMessage`);
  assert.deepEqual(bodyOf(server), {
    chat_id: "12345",
    text: `${message.title}\n\n${message.text}`,
    link_preview_options: { is_disabled: true },
    entities: [{ type: "bold", offset: 0, length: message.title.length }],
  });
});

test("4,096 characters are one message of telegram, 4,097 are two, and an emoji on the border stays whole", async (t) => {
  const { sender, server } = await open(t, "telegram", () => accepted["telegram"] ?? { status: 500 });
  const send = (text: string) => sender.send({ ...message, title: "", text }, context());

  await send("x".repeat(4096));
  assert.equal(server.asked.length, 1);
  await send("x".repeat(4097));
  assert.equal(server.asked.length, 3);
  await send(`${"x".repeat(4095)}🔧 end`);

  const texts = server.asked.slice(3).map(({ body }) => String((JSON.parse(body) as { text: unknown }).text));
  assert.deepEqual(texts, ["x".repeat(4095), "🔧 end"]);
});

test("a long message goes on after the part that an earlier attempt has sent", async (t) => {
  const { sender, server } = await open(t, "telegram", (index) =>
    index === 1 ? { status: 502 } : (accepted["telegram"] ?? { status: 500 }),
  );
  const long = { ...message, title: "", text: `${"a".repeat(4096)}${"b".repeat(4096)}${"c".repeat(10)}` };

  const first = context();
  const failed = await sender.send(long, first);
  const second = context(first.parts.at(-1));
  const sent = await sender.send(long, second);

  assert.equal(failed.state, "retry");
  assert.deepEqual([first.parts, second.parts], [[1], [2, 3]]);
  assert.equal(sent.state, "sent");
  assert.deepEqual(
    server.asked.map(({ body }) => String((JSON.parse(body) as { text: unknown }).text)[0]),
    ["a", "b", "b", "c"],
  );
});

test("a part without a word in it is left out: it would be refused", async (t) => {
  const { sender, server } = await open(t, "telegram", () => accepted["telegram"] ?? { status: 500 });

  const result = await sender.send({ ...message, title: "", text: `begin${"\n".repeat(9000)}end` }, context());

  assert.equal(result.state, "sent");
  assert.equal(server.asked.length, 2);
  assert.match(String(bodyOf(server, 1)["text"]), /end$/);
});

test("what telegram cannot parse is sent again at once as plain text", async (t) => {
  const refusal = '{"ok":false,"error_code":400,"description":"Bad Request: can\'t parse entities: unexpected end"}';
  const { sender, server } = await open(t, "telegram", (index) =>
    index === 0 ? { status: 400, body: refusal } : (accepted["telegram"] ?? { status: 500 }),
  );

  const result = await sender.send(message, context());

  assert.equal(result.state, "sent");
  assert.equal(bodyOf(server, 1)["entities"], undefined);
  assert.equal(bodyOf(server, 1)["text"], bodyOf(server, 0)["text"]);
});

/** What each channel says, and what it means. */
const answers: {
  channel: ChannelName;
  answer: Answer;
  expected: SendResult["state"];
  why?: RegExp;
  afterMs?: number;
}[] = [
  {
    channel: "telegram",
    answer: { status: 429, body: '{"ok":false,"description":"Too Many Requests","parameters":{"retry_after":51}}' },
    expected: "retry",
    afterMs: 51_000,
  },
  { channel: "telegram", answer: { status: 502, body: "<html>" }, expected: "retry" },
  { channel: "telegram", answer: { status: 200, body: "<html>portal</html>" }, expected: "retry" },
  {
    channel: "telegram",
    answer: { status: 400, body: '{"ok":false,"description":"Bad Request: chat not found"}' },
    expected: "blocked",
    why: /chat not found/,
  },
  {
    channel: "telegram",
    answer: { status: 403, body: '{"ok":false,"description":"Forbidden: bot was blocked by the user"}' },
    expected: "blocked",
    why: /blocked/,
  },
  {
    channel: "telegram",
    answer: { status: 401, body: '{"ok":false,"description":"Unauthorized"}' },
    expected: "blocked",
    why: /check bot_token/,
  },
  {
    channel: "telegram",
    answer: { status: 400, body: '{"ok":false,"description":"group","parameters":{"migrate_to_chat_id":-1001}}' },
    expected: "blocked",
    why: /-1001/,
  },
  { channel: "slack", answer: { status: 429, headers: { "retry-after": "30" } }, expected: "retry", afterMs: 30_000 },
  { channel: "slack", answer: { status: 404, body: "no_service" }, expected: "blocked", why: /no_service/ },
  { channel: "slack", answer: { status: 400, body: "invalid_payload" }, expected: "permanent", why: /invalid_payload/ },
  { channel: "slack", answer: { status: 500, body: "rollup_error" }, expected: "retry" },
  { channel: "discord", answer: { status: 429, body: '{"retry_after":0.65}' }, expected: "retry", afterMs: 650 },
  {
    channel: "discord",
    answer: { status: 404, body: '{"message":"Unknown Webhook","code":10015}' },
    expected: "blocked",
    why: /Unknown Webhook/,
  },
  { channel: "ntfy", answer: { status: 429, headers: { "retry-after": "5" } }, expected: "retry", afterMs: 5_000 },
  { channel: "ntfy", answer: { status: 403, body: '{"error":"forbidden"}' }, expected: "permanent" },
  { channel: "webhook", answer: { status: 410 }, expected: "blocked" },
  { channel: "webhook", answer: { status: 307, headers: { location: "/x" } }, expected: "blocked", why: /redirect/ },
  { channel: "webhook", answer: { status: 503 }, expected: "retry" },
];

for (const { channel, answer, expected, why, afterMs } of answers) {
  test(`${channel} that answers ${answer.status} ${answer.body ?? ""} means ${expected}`, async (t) => {
    const { sender } = await open(t, channel, () => answer);

    const result = await sender.send(message, context());

    assert.equal(result.state, expected);
    if (result.state !== "sent" && why !== undefined) assert.match(result.why, why);
    if (result.state === "retry" && afterMs !== undefined) assert.equal(result.retryAfterMs, afterMs);
  });
}

test("slack gets its characters escaped and the title bold", async (t) => {
  const { sender, server } = await open(t, "slack", () => accepted["slack"] ?? { status: 500 });

  await sender.send(message, context());

  assert.equal(server.asked[0]?.url, "/services/T0/B0/slacksecret");
  assert.deepEqual(bodyOf(server), {
    text: "*backup set chronos is damaged*\n\nLook at it: leveredge backups list &lt;now&gt; &amp; then",
  });
});

test("discord mentions nobody, and 2,001 characters are two messages", async (t) => {
  const { sender, server } = await open(t, "discord", () => accepted["discord"] ?? { status: 500 });

  const result = await sender.send({ ...message, title: "", text: "@everyone ".repeat(201).slice(0, 2001) }, context());

  assert.deepEqual(result, { state: "sent", remoteId: "88" });
  assert.equal(server.asked.length, 2);
  assert.equal(server.asked[0]?.url, "/api/webhooks/1/discordsecret?wait=true");
  assert.deepEqual(bodyOf(server)["allowed_mentions"], { parse: [] });
});

test("ntfy gets topic, priority and the id, and 4,097 bytes are two messages", async (t) => {
  const { sender, server } = await open(t, "ntfy", () => accepted["ntfy"] ?? { status: 500 });

  await sender.send({ ...message, text: `${"é".repeat(2048)}x` }, context());

  assert.equal(server.asked[0]?.headers.authorization, "Bearer tk_ntfysecret");
  const { message: first, ...rest } = bodyOf(server);
  assert.equal(first, "é".repeat(2048));
  assert.deepEqual(rest, { topic: "ops", title: message.title, priority: 4, sequence_id: message.id });
  assert.equal(bodyOf(server, 1)["message"], "x");
});

test("a webhook is signed over id, time and body, and a second attempt has the same id", async (t) => {
  const { sender, server } = await open(t, "webhook", () => accepted["webhook"] ?? { status: 500 });

  await sender.send(message, context());
  await sender.send(message, context());

  const [first, second] = server.asked;
  const { "webhook-id": id, "webhook-timestamp": at, "webhook-signature": signature } = first?.headers ?? {};
  const expected = createHmac("sha256", "webhooksecret")
    .update(`${String(id)}.${String(at)}.${first?.body}`)
    .digest("base64");
  assert.equal(signature, `v1,${expected}`);
  assert.equal(id, message.id);
  assert.equal(second?.headers["webhook-id"], message.id);
});

test("no result of a channel holds its secret, even when the other side repeats it", async (t) => {
  for (const channel of ["telegram", "slack", "discord", "ntfy", "webhook"] as const) {
    const server: OutsideServer = await startOutsideServer(t, ({ url, headers }) => ({
      status: 400,
      body: JSON.stringify({ ok: false, description: `${url} ${headers.authorization}` }),
    }));
    const outbound = createOutbound({
      outside: { [channel]: { url: server.url, allow_private: true } },
      userAgent: "x",
    });
    t.after(() => outbound.close());
    const openReference = (reference: string) => Promise.resolve(new Secret(secrets[reference] ?? ""));
    const sender = await openChannel(channel, channels, { outbound, openReference });

    const shown = inspect(await sender?.send(message, context()), { depth: 9 });

    for (const part of ["secret-of-the-bot", "slacksecret", "discordsecret", "ntfysecret"]) {
      assert.ok(!shown.includes(part), `${channel}: ${shown}`);
    }
  }
});

test("a channel that cannot be reached is tried again; one whose reference does not open is blocked", async () => {
  const outbound = createOutbound({
    outside: { slack: { url: "http://127.0.0.1:1", allow_private: true } },
    userAgent: "x",
  });
  const openReference = (reference: string) => Promise.resolve(new Secret(secrets[reference] ?? ""));
  const failing = () => Promise.reject(new AppError("unavailable", "vault:slack/url cannot be opened"));

  const sender = await openChannel("slack", channels, { outbound, openReference });
  const result = await sender?.send(message, context());

  assert.equal(result?.state, "retry");
  await assert.rejects(openChannel("slack", channels, { outbound, openReference: failing }), /cannot be opened/);
  await outbound.close();
});
