/**
 * A program that calls a model again and again, tracked or not, and prints the
 * processor's microseconds that a call took its thread. The answers come without a
 * network, whose spread would hide the figure.
 *
 *     node bench/sdk-caller.ts SCENE tracked|untracked LEDGER-URL SPOOL-DIRECTORY
 */
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

import { track, UsageClient } from "../sdk/src/usage.ts";
import { anthropic, openAiChat } from "../sdk/test/recorded-answers.ts";

const calls = 1_000;
const warmUps = 4;
const rounds = 12;
const streamChunks = 50;

const settings = { apiKey: "k", maxRetries: 0 };
const messages = [{ role: "user" as const, content: "What is Oslo? ".repeat(150) }];
const [first = "", second = "", ...others] = openAiChat.stream.chunks;
const longStream = [first, ...Array.from({ length: streamChunks }, () => second), ...others];

/** Each piece comes by itself, as from a network. */
function answerWith(type: string, pieces: readonly string[]): typeof fetch {
  const bytes = pieces.map((piece) => new TextEncoder().encode(piece));
  return async () => {
    let next = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        const piece = bytes[next];
        next += 1;
        if (piece === undefined) controller.close();
        else controller.enqueue(piece);
      },
    });
    return new Response(body, { headers: { "content-type": type } });
  };
}

const [scene = "", mode, url = "", spoolDirectory] = process.argv.slice(2);
const isTracked = mode === "tracked";
const usage = new UsageClient({ url, token: "bench", spoolDirectory });
const prepare = <Client extends object>(client: Client): Client =>
  isTracked ? track(client, { usage, agent: "BENCH", operation: "bench" }) : client;

function readStream(pieces: readonly string[]): () => Promise<unknown> {
  const client = prepare(new OpenAI({ ...settings, fetch: answerWith("text/event-stream", pieces) }));
  return async () => {
    for await (const _ of await client.chat.completions.create({ model: "gpt-5", messages, stream: true }));
  };
}

/** How each scene makes one call. */
const scenes: Record<string, () => () => Promise<unknown>> = {
  "openai, JSON": () => {
    const fetch = answerWith("application/json", openAiChat.json.chunks);
    const client = prepare(new OpenAI({ ...settings, fetch }));
    return () => client.chat.completions.create({ model: "gpt-5", messages });
  },
  "openai, stream of 50 chunks": () => readStream([longStream.join("")]),
  "openai, the same one by one": () => readStream(longStream),
  "@anthropic-ai/sdk, JSON": () => {
    const fetch = answerWith("application/json", anthropic.json.chunks);
    const client = prepare(new Anthropic({ ...settings, fetch }));
    return () => client.messages.create({ model: "claude-x", max_tokens: 9, messages });
  },
};

const call = scenes[scene]?.();
if (call === undefined) throw new Error(`no scene ${scene}`);
const figures: number[] = [];
for (let round = 0; round < warmUps + rounds; round += 1) {
  const before = process.threadCpuUsage();
  for (let made = 0; made < calls; made += 1) await call();
  await usage.flush();
  const { user, system } = process.threadCpuUsage(before);
  if (round >= warmUps) figures.push((user + system) / calls);
}
await usage.close();
// What disturbs a round only adds to it.
console.log(Math.min(...figures));
