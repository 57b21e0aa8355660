/** Plays what a service documents, on a real socket, and holds what it was asked against what it expects. */
import { generateKeyPairSync } from "node:crypto";
import type { TestContext } from "node:test";

import { createOutbound } from "#outbound/outbound.ts";
import { type CheckAnswer, checkFields, type CheckTools } from "#providers/ask.ts";
import type { Provider } from "#providers/provider.ts";
import { Secret } from "#secrets/secret.ts";

import { type AskedRequest, startOutsideServer } from "./outside-server.ts";
import type { PlayedCase, PlayedExchange } from "./providers/played-provider.ts";

export type Played = {
  answer: CheckAnswer;
  /** What was asked otherwise than the service expects; empty when all of it fits. */
  faults: string[];
};

export type PlayedService = { play(provider: Provider, played: PlayedCase): Promise<Played> };

/** One service for many cases, one after the other. */
export async function startPlayedService(t: TestContext): Promise<PlayedService> {
  let exchanges: readonly PlayedExchange[] = [];
  let turn = 0;
  const server = await startOutsideServer(t, () => {
    const exchange = exchanges[turn];
    turn += 1;
    if (exchange === undefined) return { status: 418, body: "nothing more was to be asked" };
    const { status, headers, body } = exchange.answer;
    const isText = typeof body === "string";
    const type = isText ? {} : { "content-type": "application/json" };
    return { status, headers: { ...type, ...headers }, body: isText ? body : JSON.stringify(body) };
  });
  const entry = { url: server.url, allow_private: true };
  return {
    play: async (provider, played) => {
      exchanges = played.exchanges;
      turn = 0;
      server.asked.length = 0;
      const outside = { [provider.name]: entry };
      const outbound = createOutbound({ outside, userAgent: "leveredge/test" });
      const urls: string[] = [];
      const tools: CheckTools = {
        outbound: {
          ...outbound,
          request: (asked) => {
            urls.push(asked.url);
            return outbound.request(asked);
          },
        },
        outside,
        now: () => new Date(),
      };
      try {
        const fields = Object.entries(played.fields).map(
          ([name, value]) => [name, new Secret(fillKey(value))] as const,
        );
        const signal = new AbortController().signal;
        const answer = await checkFields(tools, provider, Object.fromEntries(fields), { signal });
        return { answer, faults: listFaults(provider, played, server.asked, urls) };
      } finally {
        await outbound.close();
      }
    },
  };
}

const key = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs8", format: "pem" });

/** No private key stands in a fixture. */
function fillKey(value: string): string {
  if (value !== "{service_account_json}") return value;
  return JSON.stringify({
    type: "service_account",
    client_email: "fixture@fixture-lab.iam.gserviceaccount.com",
    private_key: key,
    private_key_id: "0".repeat(40),
    token_uri: "https://evil.example.com/token",
  });
}

function listFaults(
  provider: Provider,
  { exchanges, fields }: PlayedCase,
  asked: readonly AskedRequest[],
  urls: readonly string[],
): string[] {
  if (asked.length !== exchanges.length) {
    const told = asked.map(({ method, url }) => `${method} ${url}`).join(", ");
    return [`${asked.length} requests instead of ${exchanges.length}: ${told}`];
  }
  const secrets = Object.entries(fields).flatMap(([name, value]) =>
    provider.fields[name]?.type === "secret" ? [value] : [],
  );
  return exchanges.flatMap((expected, index) => {
    const request = asked[index];
    const url = urls[index];
    if (request === undefined || url === undefined) return [`request ${index + 1} is missing`];
    return compare(expected, request, new URL(url).origin, secrets).map((fault) => `request ${index + 1}: ${fault}`);
  });
}

function compare(expected: PlayedExchange, asked: AskedRequest, origin: string, secrets: readonly string[]): string[] {
  const faults: string[] = [];
  const differ = (what: string, wanted: unknown, got: unknown): void => {
    if (JSON.stringify(wanted) !== JSON.stringify(got)) {
      faults.push(`${what} is ${JSON.stringify(got)} instead of ${JSON.stringify(wanted)}`);
    }
  };
  differ("method", expected.method, asked.method);
  differ("origin", new URL(expected.origin).origin, origin);
  differ("path", expected.path, asked.url);
  for (const [name, value] of Object.entries(expected.headers ?? {})) differ(name, value, asked.headers[name]);
  const form = new URLSearchParams(asked.body);
  for (const [name, value] of Object.entries(expected.form ?? {})) differ(`form ${name}`, value, form.get(name));
  if (expected.json !== undefined) differ("json", expected.json, JSON.parse(asked.body));
  for (const [name, value] of Object.entries(asked.headers)) {
    const isExpected = expected.headers !== undefined && name in expected.headers;
    if (!isExpected && secrets.some((secret) => String(value).includes(secret))) faults.push(`${name} has the secret`);
  }
  return faults;
}
