/** An app for tests: a store of the test's own, a state directory and a platform root, everything else real. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

import type { App } from "#app.ts";
import { Config } from "#config/schema.ts";
import { openAnyReference } from "#domains/credentials/references.ts";
import type { Secret } from "#secrets/secret.ts";
import { openKeyRing } from "#store/keys.ts";
import { runProgram } from "#system/run.ts";
import { testDatabase } from "#test/database.ts";

/** The platform's root exists and is empty. */
export async function testApp(t: TestContext, settings: Record<string, unknown> = {}): Promise<App> {
  return (await testOwnedApp(t, settings)).app;
}

/** The same with the URL of its store's owner, as `leveredge serve` has it. */
export async function testOwnedApp(
  t: TestContext,
  settings: Record<string, unknown> = {},
): Promise<{ app: App; ownerUrl: Secret }> {
  const directory = await mkdtemp(join(tmpdir(), "app-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const [root, stateDir] = [join(directory, "platform"), join(directory, "state")];
  await mkdir(root);
  await mkdir(stateDir, { mode: 0o700 });
  const { db, ownerUrl } = await testDatabase(t);
  const configPath = join(directory, "leveredge.yaml");
  const app: App = {
    config: Config.parse({ platform: { name: "Test", root }, ...settings }),
    configSha256: "0".repeat(64),
    configPath,
    programVersion: "1.0.0",
    stateDir,
    db,
    keys: await openKeyRing(db, stateDir),
    run: runProgram,
    now: () => new Date(),
    openReference: (reference) => openAnyReference(app, reference),
    signal: new AbortController().signal,
    close: () => Promise.resolve(),
  };
  return { app, ownerUrl };
}
