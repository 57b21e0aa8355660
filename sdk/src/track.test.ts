import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test, type TestContext } from "node:test";

import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";

import { openClient, type Provider, type RecordedAnswer, startLedger, startProvider } from "../test/http-server.ts";
import * as recorded from "../test/recorded-answers.ts";
import { type Call, type Problem, track, trackFetch, type TrackOptions } from "./usage.ts";

const messages = [{ role: "user" as const, content: "What is Oslo?" }];

type Scene = {
  provider: Provider;
  options: TrackOptions;
  problems: Problem[];
  /** Every call that was recorded, once the ledger has them. */
  settle(): Promise<Call[]>;
};

async function setScene(t: TestContext, ...answers: RecordedAnswer[]): Promise<Scene> {
  const provider = await startProvider(t, ...answers);
  const ledger = await startLedger(t);
  const problems: Problem[] = [];
  const usage = openClient(t, ledger.url, { onProblem: (problem) => problems.push(problem) });
  return {
    provider,
    problems,
    options: { usage, agent: "SCHOLAR" },
    async settle() {
      await usage.flush();
      return ledger.calls;
    },
  };
}

function openAi({ provider, options }: Scene, settings: object = {}): OpenAI {
  return track(
    new OpenAI({ apiKey: "sk-test", baseURL: `${provider.origin}/v1`, maxRetries: 0, ...settings }),
    options,
  );
}

async function joinBytes(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all).toString("utf8");
}

test("a call that the package tries again is one call", async (t) => {
  const scene = await setScene(t, recorded.openAiResponses.error, recorded.openAiChat.json);
  const client = openAi(scene, { maxRetries: 2 });

  await client.chat.completions.create({ model: "gpt-5", messages });

  assert.equal(scene.provider.requests.length, 2);
  assert.equal((await scene.settle()).length, 1);
});

test("a client that is tracked twice counts once, with the last options", async (t) => {
  const scene = await setScene(t, recorded.openAiChat.json, recorded.google.json);
  const twice = track(openAi(scene), { ...scene.options, agent: "SECOND" });
  const gemini = new GoogleGenAI({ apiKey: "k", httpOptions: { baseUrl: scene.provider.origin } });

  await twice.chat.completions.create({ model: "gpt-5", messages });
  await track(track(gemini, scene.options), { ...scene.options, agent: "SECOND" }).models.generateContent({
    model: "gemini-2.5-pro",
    contents: "x",
  });

  assert.deepEqual(
    (await scene.settle()).map(({ agent_name }) => agent_name),
    ["SECOND", "SECOND"],
  );
});

test("the client that was given stays untracked, and its copy has its settings", async (t) => {
  const scene = await setScene(t, recorded.anthropic.json);
  const plain = new Anthropic({
    apiKey: "k",
    baseURL: scene.provider.origin,
    defaultHeaders: { "x-team": "a" },
    maxRetries: 0,
  });
  const tracked = track(plain, scene.options);
  const request = { model: "claude-x", max_tokens: 10, messages };

  await plain.messages.create(request);
  await tracked.messages.create(request);

  assert.ok(tracked instanceof Anthropic);
  assert.equal(tracked.baseURL, plain.baseURL);
  assert.equal((await scene.settle()).length, 1);
});

test("a stream without counts is booked with an estimate that is marked as one", async (t) => {
  const scene = await setScene(t, recorded.openAiChat.withoutUsage);
  const stream = await openAi(scene).chat.completions.create({ model: "gpt-5", messages, stream: true });
  for await (const _ of stream);

  const [call] = await scene.settle();

  assert.deepEqual([call?.input_tokens, call?.output_tokens, call?.is_estimated], [4, 4, true]);
});

test("leaving a stream reaches the provider", async (t) => {
  const scene = await setScene(t, recorded.stalled(recorded.anthropic.stream, 3));
  const client = track(new Anthropic({ apiKey: "k", baseURL: scene.provider.origin }), scene.options);
  const stream = await client.messages.create({ model: "claude-x", max_tokens: 10, messages, stream: true });

  for await (const event of stream) if (event.type === "content_block_start") break;

  await scene.provider.left;
  assert.equal((await scene.settle())[0]?.is_estimated, true);
});

test("an abort signal reaches the provider and the caller as it would without tracking", async (t) => {
  const scene = await setScene(t, recorded.stalled(recorded.google.stream, 1));
  const client = track(
    new GoogleGenAI({ apiKey: "k", httpOptions: { baseUrl: scene.provider.origin } }),
    scene.options,
  );
  const stop = new AbortController();
  const stream = await client.models.generateContentStream({
    model: "gemini-2.5-pro",
    contents: "x",
    config: { abortSignal: stop.signal },
  });

  await assert.rejects(
    async () => {
      for await (const _ of stream) stop.abort();
    },
    { name: "AbortError" },
  );

  await scene.provider.left;
  assert.equal((await scene.settle())[0]?.is_estimated, true);
});

test("chunks are passed on when they come: the first is read while the provider still holds the rest", async (t) => {
  const scene = await setScene(t, recorded.stalled(recorded.openAiChat.stream, 2));
  const client = openAi(scene);
  const stream = await client.chat.completions.create({ model: "gpt-5", messages, stream: true });
  const chunks = stream[Symbol.asyncIterator]();

  await chunks.next();
  const second = await chunks.next();

  // The answer has not ended: only what came could have been read.
  assert.equal(second.value?.choices[0]?.delta.content, "Oslo is ");
  await chunks.return?.();
});

test("embeddings and images are booked with the model of the request where the answer names none", async (t) => {
  const image = recorded.json({
    created: 1,
    data: [],
    usage: { input_tokens: 50, output_tokens: 4160, total_tokens: 4210 },
  });
  const vector = { object: "embedding", index: 0, embedding: [0.5] };
  const embedding = {
    object: "list",
    model: "text-embedding-3-small",
    data: [vector],
    usage: { prompt_tokens: 8, total_tokens: 8 },
  };
  const scene = await setScene(t, image, recorded.json(embedding));
  const client = openAi(scene);

  await client.images.generate({ model: "gpt-image-1", prompt: "Oslo" });
  await client.embeddings.create({ model: "text-embedding-3-small", input: "Oslo", encoding_format: "float" });

  assert.deepEqual(
    (await scene.settle()).map(({ model, input_tokens, output_tokens }) => [model, input_tokens, output_tokens]),
    [
      ["gpt-image-1", 50, 4160],
      ["text-embedding-3-small", 8, 0],
    ],
  );
});

test("a transcription takes its model from the form, and one that is billed by its seconds is told of", async (t) => {
  const tokens = {
    type: "tokens",
    input_tokens: 14,
    output_tokens: 9,
    total_tokens: 23,
    input_token_details: { audio_tokens: 14 },
  };
  const seconds = { type: "duration", seconds: 9 };
  const scene = await setScene(
    t,
    recorded.json({ text: "x", usage: tokens }),
    recorded.json({ text: "x", usage: seconds }),
  );
  const client = openAi(scene);
  const speech = (): File => new File(["sound"], "speech.wav");

  await client.audio.transcriptions.create({ model: "gpt-4o-transcribe", file: speech() });
  await client.audio.transcriptions.create({ model: "whisper-1", file: speech() });

  const [call, ...others] = await scene.settle();
  assert.deepEqual([call?.model, call?.audio_input_tokens, others.length], ["gpt-4o-transcribe", 14, 0]);
  assert.deepEqual(
    scene.problems.map(({ kind }) => kind),
    ["unread"],
  );
});

test("OpenRouter's own cost is booked, and no other provider's word for it", async (t) => {
  const body = {
    id: "gen-1",
    model: "openai/gpt-5",
    choices: [],
    usage: { prompt_tokens: 1, completion_tokens: 1, cost: 0.25 },
  };
  const scene = await setScene(t, recorded.json(body));
  const request = { model: "openai/gpt-5", messages };

  await track(openAi(scene), { ...scene.options, provider: "openrouter" }).chat.completions.create(request);
  await openAi(scene).chat.completions.create(request);

  assert.deepEqual(
    (await scene.settle()).map(({ provider_cost_usd }) => provider_cost_usd),
    [0.25, undefined],
  );
});

test("a response made in the background is booked when it is there", async (t) => {
  const waiting = { id: "resp_1", object: "response", status: "queued", output: [], usage: null, model: "gpt-5" };
  const scene = await setScene(t, recorded.json(waiting), recorded.json(waiting), recorded.openAiResponses.json);
  const client = openAi(scene);

  await client.responses.create({ model: "gpt-5", input: "x", background: true });
  await client.responses.retrieve("resp_1");
  await client.responses.retrieve("resp_1");

  assert.deepEqual(
    (await scene.settle()).map(({ output_tokens }) => output_tokens),
    [420],
  );
});

test("a tracked fetch is the fetch: what is no call passes unseen, and every way to read a body gives its bytes", async (t) => {
  const scene = await setScene(t, recorded.openAiChat.json);
  const fetch = trackFetch(scene.options);
  const text = recorded.openAiChat.json.chunks.join("");
  const ask = (path: string): Promise<Response> =>
    fetch(`${scene.provider.origin}${path}`, { method: "POST", body: "{}" });
  const ways: ((response: Response) => Promise<string>)[] = [
    (response) => response.text(),
    async (response) => JSON.stringify(await response.json()),
    async (response) => new TextDecoder().decode(await response.arrayBuffer()),
    async (response) => (await response.blob()).text(),
    (response) => response.clone().text(),
    (response) => new Response(response.body).text(),
    (response) => joinBytes(response.body ?? []),
    (response) => joinBytes(response.body?.tee()[1] ?? []),
    (response) => joinBytes(response.body?.pipeThrough(new TransformStream()) ?? []),
    (response) => joinBytes(Readable.fromWeb(response.body ?? new ReadableStream())),
    async (response) => {
      const sink = new TransformStream();
      const read = joinBytes(sink.readable);
      await response.body?.pipeTo(sink.writable);
      return read;
    },
  ];

  for (const read of ways) assert.equal(await read(await ask("/v1/chat/completions")), text);
  assert.equal(await (await ask("/v1/models")).text(), text);

  assert.equal((await scene.settle()).length, ways.length);
});

test("who reads on where another reader let go is part of the same call", async (t) => {
  const scene = await setScene(t, recorded.openAiChat.stream);
  const pieces = recorded.openAiChat.stream.chunks;
  const fetch = trackFetch({
    ...scene.options,
    fetch: async () => {
      const body = ReadableStream.from(pieces.map((piece) => Buffer.from(piece)));
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    },
  });
  const ask = async (): Promise<ReadableStream<Uint8Array>> => {
    const { body } = await fetch("https://api.openai.com/v1/chat/completions", { method: "POST", body: "{}" });
    return body ?? new ReadableStream();
  };
  const [held, looped] = [await ask(), await ask()];

  const reader = held.getReader();
  await reader.read();
  reader.releaseLock();
  const rest = await joinBytes(held);
  for await (const _ of looped.values({ preventCancel: true })) break;
  const restOfLoop = await joinBytes(looped);

  assert.deepEqual([rest, restOfLoop], [pieces.slice(1).join(""), pieces.slice(1).join("")]);
  assert.deepEqual(
    (await scene.settle()).map(({ output_tokens, is_estimated }) => [output_tokens, is_estimated]),
    [
      [300, undefined],
      [300, undefined],
    ],
  );
});

test("a body is the same object each time, and giving it up unread or in the middle reaches the provider", async (t) => {
  const scene = await setScene(t, recorded.stalled(recorded.anthropic.stream, 3));
  const fetch = trackFetch(scene.options);
  const ask = (): Promise<Response> => fetch(`${scene.provider.origin}/v1/messages`, { method: "POST", body: "{}" });
  const [unread, begun] = [await ask(), await ask()];

  assert.equal(unread.body, unread.body);
  assert.ok(unread.body instanceof ReadableStream && unread instanceof Response);
  await unread.body.cancel();
  const reader = begun.body?.getReader();
  await reader?.read();
  await reader?.cancel();

  await scene.provider.left;
  assert.deepEqual(
    (await scene.settle()).map(({ model, is_estimated }) => [model, is_estimated]),
    [
      ["unknown", true],
      ["claude-sonnet-4-5-20250929", true],
    ],
  );
});

test("a recorder that fails does not reach the caller", async (t) => {
  const scene = await setScene(t, recorded.openAiChat.json);
  const problems: Problem[] = [];
  const usage = {
    record: () => {
      throw new Error("broken");
    },
    report: (problem: Problem) => void problems.push(problem),
  };
  const client = track(openAi(scene), { usage, agent: "X" });

  const answer = await client.chat.completions.create({ model: "gpt-5", messages });

  assert.equal(answer.choices.length, 1);
  assert.equal(problems[0]?.kind, "unread");
});

test("a client of another kind is refused with the way that there is", () => {
  assert.throws(
    () => track({}, { agent: "X", usage: { record: () => undefined, report: () => undefined } }),
    /trackFetch/,
  );
});
