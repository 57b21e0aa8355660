import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { removeCredential } from "#domains/credentials/credentials.ts";
import { listFindings } from "#domains/credentials/findings.ts";
import { readFields } from "#domains/credentials/fields.ts";
import { listCredentials } from "#domains/credentials/queries.ts";
import { requireProvider } from "#domains/credentials/registry.ts";
import { openForUse } from "#domains/credentials/vault.ts";
import { testApp } from "#test/app.ts";

import { ensureSampleCredentials } from "../sample/credentials.ts";

const names = ["anthropic-prod", "cloudflare-dns", "github", "openai-dev", "openai-prod"];

test("the sample's credentials have the shapes of their providers, and one is used twice and one ends soon", async (t) => {
  const app = await testApp(t);

  await ensureSampleCredentials(app, app.stateDir);

  const credentials = await listCredentials(app.db);
  assert.deepEqual(
    credentials.map(({ credentialName }) => credentialName),
    names,
  );
  for (const credential of credentials) {
    const { provider } = await requireProvider(app, credential.provider);
    const { fields } = await openForUse(app, credential, { name: "test" });
    assert.deepEqual(readFields(provider, fields).warnings, [], credential.credentialName);
  }
  const texts = (await listFindings(app)).map(({ text }) => text).filter((text) => !text.includes("never checked"));
  assert.match(texts.join("\n"), /^credential cloudflare-dns expires on [\d-]+\n.*openai-dev.*openai-prod/);
});

test("they are added once: what is removed stays away, and a kill before it is noted adds nothing twice", async (t) => {
  const app = await testApp(t);
  await ensureSampleCredentials(app, app.stateDir);
  const list = async () =>
    (await listCredentials(app.db)).map(({ credentialName, version }) => [credentialName, version]);

  await removeCredential(app, "github", { name: "test" });
  await ensureSampleCredentials(app, app.stateDir);
  const afterRemoval = await list();
  await removeCredential(app, "openai-dev", { name: "test" });
  await rm(join(app.stateDir, "credentials.added"));
  await ensureSampleCredentials(app, app.stateDir);

  assert.deepEqual(
    afterRemoval,
    names.filter((name) => name !== "github").map((name) => [name, 1]),
  );
  assert.deepEqual(
    await list(),
    names.map((name) => [name, 1]),
  );
});
