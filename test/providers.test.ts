import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { programRoot } from "#config/state-directory.ts";
import { allProviders } from "#providers/all.ts";
import { Provider, type Rule } from "#providers/provider.ts";

import { startPlayedService } from "./played-service.ts";
import type { PlayedProvider } from "./providers/played-provider.ts";

/** Those over a socket of their own kind are played by the tests of their check. */
const withoutHttp = new Set(["generic_postgres", "generic_smtp"]);

function isPlayed(value: unknown): value is PlayedProvider {
  return typeof value === "object" && value !== null && "cases" in value && "provider" in value;
}

async function loadPlayed(): Promise<Map<string, PlayedProvider>> {
  const folder = join(programRoot, "test", "providers");
  const played = new Map<string, PlayedProvider>();
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".ts"))) {
    const loaded: Record<string, unknown> = await import(join(folder, name));
    for (const value of Object.values(loaded).filter(isPlayed)) played.set(value.provider, value);
  }
  return played;
}

function playedOf(all: Map<string, PlayedProvider>, { name }: Provider): PlayedProvider {
  const played = all.get(name);
  assert.ok(played, `nobody plays ${name}`);
  return played;
}

const overHttp = allProviders.filter(({ name }) => !withoutHttp.has(name));

test("every provider is played, and what is played is a provider", async () => {
  const played = await loadPlayed();

  assert.equal(allProviders.length, 77);
  assert.deepEqual([...played.keys()].toSorted(), overHttp.map(({ name }) => name).toSorted());
});

const secret = { type: "secret", required: true };
const open = { type: "string", required: true };
const apiKey = { type: "api_key", fields: { api_key: secret } };
const googleClient = {
  type: "oauth2",
  fields: { client_id: open, client_secret: secret, refresh_token: secret },
};

/** What the specification's registry has, word by word; a provider may have optional fields besides. */
const specified: Record<string, { type: string; fields: Record<string, { type: string; required: boolean }> }> = {
  openai: apiKey,
  anthropic: apiKey,
  google_ai: apiKey,
  replicate: { type: "api_key", fields: { api_token: secret } },
  fal_ai: apiKey,
  elevenlabs: apiKey,
  google_oauth: googleClient,
  google_drive: googleClient,
  google_sheets: googleClient,
  gmail: googleClient,
  github: { type: "api_key", fields: { personal_access_token: secret } },
  telegram: { type: "api_key", fields: { bot_token: secret } },
  sendgrid: apiKey,
  cloudflare: { type: "api_key", fields: { api_token: secret } },
  supabase: { type: "api_key", fields: { project_url: open, anon_key: open, service_role_key: secret } },
  stripe: { type: "api_key", fields: { secret_key: secret, publishable_key: open } },
  midjourney: { type: "api_key", fields: { discord_token: secret, server_id: open } },
  runway: apiKey,
};

test("the specification's providers come first, with its names, types and fields", () => {
  const names = Object.keys(specified);
  const described = allProviders.slice(0, names.length).map(({ name, type, fields }) => {
    const ours = Object.entries(fields).map(
      ([field, known]) => [field, { type: known.type, required: known.required }] as const,
    );
    const isSpecified = (field: string): boolean => Object.hasOwn(specified[name]?.fields ?? {}, field);
    return [
      name,
      { type, fields: Object.fromEntries(ours.filter(([field, { required }]) => required || isSpecified(field))) },
    ];
  });

  assert.deepEqual(Object.fromEntries(described), specified);
  assert.deepEqual(
    described.map(([name]) => name),
    names,
  );
});

for (const provider of overHttp) {
  test(`${provider.name} asks as it is documented, and every documented answer means what it says`, async (t) => {
    const service = await startPlayedService(t);
    const faults: string[] = [];
    for (const played of playedOf(await loadPlayed(), provider).cases) {
      const { answer, faults: asked } = await service.play(provider, played);
      const { verdict, expiresAt, scopes, identity } = answer;
      const told = { verdict, ...(played.expiresAt === undefined ? {} : { expiresAt }) };
      const more = {
        ...(played.scopes === undefined ? {} : { scopes: scopes?.toSorted() }),
        ...(played.identity === undefined ? {} : { identity }),
      };
      const wanted = {
        verdict: played.verdict,
        ...(played.expiresAt === undefined ? {} : { expiresAt: new Date(played.expiresAt).toISOString() }),
        ...(played.scopes === undefined ? {} : { scopes: played.scopes.toSorted() }),
        ...(played.identity === undefined ? {} : { identity: played.identity }),
      };
      const got = JSON.stringify({ ...told, ...more });
      if (got !== JSON.stringify(wanted)) asked.push(`${got} instead of ${JSON.stringify(wanted)}`);
      faults.push(...asked.map((fault) => `${played.name}: ${fault}`));
    }

    assert.deepEqual(faults, []);
  });
}

/** The provider without one of its rules. */
function withoutRule(provider: Provider, step: number, rule: number): Provider {
  const { check } = provider;
  if (check.kind !== "http") return provider;
  const steps = check.steps.map((known, place) =>
    place === step ? { ...known, rules: known.rules.toSpliced(rule, 1) } : known,
  );
  return { ...provider, check: { ...check, steps } };
}

function listRules(provider: Provider): { step: number; rule: number; text: string }[] {
  if (provider.check.kind !== "http") return [];
  return provider.check.steps.flatMap(({ rules }, step) =>
    rules.map((rule: Rule, place) => ({ step, rule: place, text: JSON.stringify(rule) })),
  );
}

for (const provider of overHttp) {
  test(`no rule of ${provider.name} can be taken away without an answer that means something else`, async (t) => {
    const service = await startPlayedService(t);
    const { cases } = playedOf(await loadPlayed(), provider);
    const idle: string[] = [];
    for (const { step, rule, text } of listRules(provider)) {
      const cut = withoutRule(provider, step, rule);
      let isNeeded = false;
      for (const played of cases) {
        const { answer, faults } = await service.play(cut, played);
        isNeeded ||= answer.verdict !== played.verdict || faults.length > 0;
        if (isNeeded) break;
      }
      if (!isNeeded) idle.push(`step ${step}: ${text}`);
    }

    assert.deepEqual(idle, []);
  });
}

const page = "<!DOCTYPE html><html><body>Access denied</body></html>";
const generic = [
  { name: "a page of a firewall", status: 403, headers: { "content-type": "text/html" }, body: page },
  { name: "a page without its type", status: 401, headers: { "content-type": "text/plain" }, body: page },
  { name: "too many requests", status: 429, headers: { "retry-after": "17" }, body: {} },
  { name: "too many requests, without a word", status: 429, headers: {}, body: {} },
  { name: "a fault", status: 500, headers: {}, body: {} },
  { name: "no capacity", status: 503, headers: {}, body: "busy" },
  { name: "a redirect", status: 302, headers: { location: "https://elsewhere.example.com/" }, body: "" },
  { name: "a status that nobody knows", status: 418, headers: {}, body: {} },
];

test("no fault of a service and no page on the way makes a key dead, and none makes it live", async (t) => {
  const service = await startPlayedService(t);
  const all = await loadPlayed();
  const proved: string[] = [];
  for (const provider of overHttp) {
    for (const played of playedOf(all, provider)
      .cases.filter(({ exchanges }) => exchanges.length > 0)
      .slice(0, 1)) {
      for (const { name, status, headers, body } of generic) {
        const exchanges = played.exchanges
          .slice(0, 1)
          .map((exchange) => ({ ...exchange, answer: { status, headers, body } }));
        const { answer } = await service.play(provider, { ...played, exchanges });
        const isProof = ["valid", "insufficient_scope", "invalid", "expired", "revoked"].includes(answer.verdict);
        if (isProof) proved.push(`${provider.name}: ${name} is ${answer.verdict}`);
        if (status === 429 && answer.verdict !== "rate_limited")
          proved.push(`${provider.name}: ${name} is ${answer.verdict}`);
        if (name === "too many requests" && answer.retryAfterS !== 17)
          proved.push(`${provider.name}: forgets when to come again`);
      }
    }
  }

  assert.deepEqual(proved, []);
});

test("the form refuses a dead verdict from a fault of the service, and keys that it does not know", () => {
  const [openai] = allProviders;
  assert.ok(openai?.check.kind === "http");
  const [step] = openai.check.steps;
  assert.ok(step);
  const withRule = (rule: unknown) => ({ ...openai, check: { kind: "http", steps: [{ ...step, rules: [rule] }] } });

  for (const status of [429, 500, 503, 408, 425]) {
    assert.equal(Provider.safeParse(withRule({ status: [status], verdict: "invalid" })).success, false, String(status));
  }
  assert.equal(Provider.safeParse({ ...openai, min_intervall_s: 60 }).success, false);
  assert.equal(Provider.safeParse(withRule({ statuss: [401], verdict: "invalid" })).success, false);
});
