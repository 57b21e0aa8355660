/**
 * What tracking costs a call: the real `openai` and `@anthropic-ai/sdk` with the same
 * answer, once tracked and once not, with sending to a ledger, its spool on disk and the
 * last flush in it. The answers come without a network, whose spread would hide the figure,
 * and what counts is the processor's time of the caller's thread: other programs disturb it less.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

import { track, UsageClient } from "../sdk/src/usage.ts";
import { anthropic, openAiChat } from "../sdk/test/recorded-answers.ts";
import { median } from "./measure.ts";

const limitUs = 50;
const streamChunks = 50;
const calls = 1_000;
const warmUps = 3;
const rounds = 15;

/** Takes everything, in a process of its own. */
const ledgerProgram = `
  const server = require("node:http").createServer(async (request, reply) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    const receipts = JSON.parse(text).calls.map((_, index) => ({ index, state: "recorded" }));
    reply.setHeader("content-type", "application/json").end(JSON.stringify({ receipts }));
  });
  server.listen(0, "127.0.0.1", () => console.log(server.address().port));`;

const messages = [{ role: "user" as const, content: "What is Oslo? ".repeat(150) }];

function answerWith(type: string, body: string): typeof fetch {
  return async () => new Response(body, { headers: { "content-type": type } });
}

const settings = { apiKey: "k", maxRetries: 0 };
const [first = "", second = "", ...others] = openAiChat.stream.chunks;
const longStream = [first, ...Array.from({ length: streamChunks }, () => second), ...others].join("");
const openAi = new OpenAI({ ...settings, fetch: answerWith("application/json", openAiChat.json.chunks.join("")) });
const streaming = new OpenAI({ ...settings, fetch: answerWith("text/event-stream", longStream) });
const claude = new Anthropic({ ...settings, fetch: answerWith("application/json", anthropic.json.chunks.join("")) });

async function measure(title: string, ask: (tracked: boolean) => Promise<unknown>, usage: UsageClient): Promise<void> {
  /** Microseconds of the processor for one call. */
  const round = async (isTracked: boolean): Promise<number> => {
    const before = process.threadCpuUsage();
    for (let call = 0; call < calls; call += 1) await ask(isTracked);
    if (isTracked) await usage.flush();
    const { user, system } = process.threadCpuUsage(before);
    return (user + system) / calls;
  };
  for (let index = 0; index < warmUps; index += 1) {
    await round(true);
    await round(false);
  }
  const tracked: number[] = [];
  const untracked: number[] = [];
  for (let index = 0; index < rounds; index += 1) {
    untracked.push(await round(false));
    tracked.push(await round(true));
  }
  // What disturbs a round only adds to it: the best of each are compared, and the middle ones shown.
  const us = Math.min(...tracked) - Math.min(...untracked);
  const middleUs = median(tracked) - median(untracked);
  const beside = `medians ${middleUs.toFixed(0)} us; untracked ${Math.min(...untracked).toFixed(0)} us`;
  console.log(
    `${title}: ${us.toFixed(1)} us a call (${beside}), limit ${limitUs} us, ratio ${(us / limitUs).toFixed(2)}`,
  );
}

const ledger = spawn(process.execPath, ["--eval", ledgerProgram], { stdio: ["ignore", "pipe", "inherit"] });
const directory = await mkdtemp(join(tmpdir(), "leveredge-bench-"));
try {
  const [port] = await once(ledger.stdout, "data");
  const url = `http://127.0.0.1:${String(port).trim()}`;
  const usage = new UsageClient({ url, token: "bench", spoolDirectory: directory });
  const options = { usage, agent: "BENCH", operation: "bench" };
  const trackedOpenAi = track(openAi, options);
  const trackedStreaming = track(streaming, options);
  const trackedClaude = track(claude, options);
  const chat = { model: "gpt-5", messages };
  await measure("openai, JSON", (tracked) => (tracked ? trackedOpenAi : openAi).chat.completions.create(chat), usage);
  await measure(
    `openai, stream of ${streamChunks} chunks`,
    async (tracked) => {
      const client = tracked ? trackedStreaming : streaming;
      for await (const _ of await client.chat.completions.create({ ...chat, stream: true }));
    },
    usage,
  );
  await measure(
    "@anthropic-ai/sdk, JSON",
    (tracked) => (tracked ? trackedClaude : claude).messages.create({ model: "claude-x", max_tokens: 9, messages }),
    usage,
  );
  await usage.close();
} finally {
  ledger.kill();
  await rm(directory, { recursive: true });
}
