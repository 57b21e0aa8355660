import assert from "node:assert/strict";
import { test } from "node:test";

import { sql } from "kysely";

import type { App } from "#app.ts";
import type { Step, StepContext, StepVerdict } from "#domain.ts";
import { allProviders } from "#providers/all.ts";
import { run } from "#store/database.ts";
import { json, keyOf, openCheckedCredentials } from "#test/checked-credentials.ts";

import { addProvider, listProviders, seedProviders } from "./registry.ts";
import { listProviderRows } from "./provider-queries.ts";
import { aegisProviders } from "./section.ts";

const context: StepContext = {
  stepId: undefined,
  signal: new AbortController().signal,
  progress: () => undefined,
};

function findStep(app: App, action: string): Step {
  const step = aegisProviders.steps(app.config).find((candidate) => candidate.action === action);
  assert.ok(step);
  return step;
}

async function carryOut(
  app: App,
  action: string,
): Promise<{ changes: string[]; summary: string; verdict: StepVerdict }> {
  const step = findStep(app, action);
  const plan = await step.plan(app, context);
  assert.equal(plan.state, "ready");
  if (plan.state === "ready" && plan.changes.length > 0) await step.apply(app, plan, context);
  return { changes: plan.changes, summary: plan.summary, verdict: await step.verify(app, context) };
}

test("the registry is seeded once, a row that somebody changed is put right, and the digest says so", async (t) => {
  const { app } = await openCheckedCredentials(t);
  const total = allProviders.length + 1;

  const first = await carryOut(app, "seed-providers");
  const second = await carryOut(app, "seed-providers");
  await run(
    app.db,
    sql`update aegis_providers set base_url = 'https://elsewhere.example' where provider_name = 'openai'`,
  );
  const tampered = await findStep(app, "seed-providers").verify(app, context);
  const third = await carryOut(app, "seed-providers");

  assert.equal(first.changes.length, total);
  assert.match(first.verdict.summary, new RegExp(`^${total} providers, digest [0-9a-f]{12}$`));
  assert.deepEqual([second.changes, second.summary], [[], `${total} providers are registered`]);
  assert.deepEqual([tampered.verified, tampered.summary], [false, "openai are not as defined"]);
  assert.deepEqual(third.changes, ["register openai"]);
  assert.deepEqual(third.verdict, first.verdict);
});

test("a provider of the configuration takes a built-in one's place; one of the API takes nobody's", async (t) => {
  const { app } = await openCheckedCredentials(t);
  const [definition] = app.config.providers;
  assert.ok(definition);
  app.config.providers = [definition, { ...definition, name: "openai", title: "Our own proxy" }];
  await addProvider(app, { ...definition, name: "of_the_api" }, { name: "user:test" });
  await assert.rejects(
    addProvider(app, { ...definition, name: "acme" }, { name: "user:test" }),
    /is one of the program's/,
  );

  await seedProviders(app, { name: "harden" });

  const known = new Map(
    (await listProviders(app)).map(({ provider, source }) => [provider.name, [provider.title, source]]),
  );
  assert.deepEqual(
    [known.get("openai"), known.get("of_the_api"), known.get("anthropic")?.[1]],
    [["Our own proxy", "configuration"], ["Acme", "api"], "built-in"],
  );
  assert.equal((await listProviderRows(app.db)).length, known.size);
  assert.deepEqual(await seedProviders(app, { name: "harden" }), []);
});

test("without credentials there is nothing to check and nothing loose", async (t) => {
  const { app } = await openCheckedCredentials(t);

  const { changes, verdict } = await carryOut(app, "check-credentials");

  assert.deepEqual(changes, []);
  assert.deepEqual([verdict.verified, verdict.summary, verdict.looseEnds], [true, "no credentials yet", []]);
});

test("without a network the step says that nobody is reachable, and calls no key dead", async (t) => {
  const { app, add } = await openCheckedCredentials(t, {
    // Nobody listens there.
    outside: { acme: { url: "http://127.0.0.1:1", allow_private: true } },
  });
  for (const name of ["a", "b"]) await add(name, { expires_at: "2035-01-01T00:00:00Z" });

  const { changes, verdict } = await carryOut(app, "check-credentials");

  assert.deepEqual(changes, ["check a at acme", "check b at acme"]);
  assert.equal(verdict.verified, true);
  assert.equal(verdict.summary, "2 credentials: 2 unknown; the providers of 2 are not reachable");
  assert.deepEqual(
    verdict.looseEnds.map(({ id, severity, text }) => [id, severity, text]),
    ["a", "b"].map((name) => [
      `check:credential ${name}`,
      "medium",
      `credential ${name} could not be checked: its provider is not reachable`,
    ]),
  );
});

test("dead keys are findings of a step that is verified, and the second run asks nobody within the interval", async (t) => {
  const { app, add, answers, letPass, server } = await openCheckedCredentials(t);
  const expires_at = "2035-01-01T00:00:00Z";
  await add("alive", { expires_at });
  await add("dying", { expires_at });
  answers.set(keyOf("alive"), json(200, {}));

  const first = await carryOut(app, "check-credentials");
  await letPass(61);
  const second = await carryOut(app, "check-credentials");
  const third = await carryOut(app, "check-credentials");

  assert.deepEqual(
    first.verdict.looseEnds.map(({ id, severity, text }) => [id, severity, text]),
    [["check:credential dying", "medium", "credential dying answered invalid once; a second check decides"]],
  );
  assert.deepEqual(second.changes, ["check dying at acme"]);
  assert.deepEqual(
    [second.verdict.verified, second.verdict.summary, second.verdict.looseEnds],
    [
      true,
      "2 credentials: 1 invalid, 1 valid",
      [
        {
          id: "check:credential dying",
          severity: "high",
          text: "credential dying is invalid",
          remedy: "leveredge credentials rotate dying",
        },
      ],
    ],
  );
  assert.deepEqual([third.changes, third.summary], [[], "none of 2 credentials is due for a check"]);
  assert.deepEqual(third.verdict, second.verdict);
  assert.equal(server.asked.length, 3);
});

test("a credential that nobody asked for fails the step", async (t) => {
  const { app, add } = await openCheckedCredentials(t);
  await add("one");

  const verdict = await findStep(app, "check-credentials").verify(app, context);

  assert.deepEqual([verdict.verified, verdict.summary], [false, "never asked for: one"]);
});
