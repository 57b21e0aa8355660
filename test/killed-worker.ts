/**
 * A worker that begins a hardening run and says so in the middle of its step; what
 * comes then is the test's SIGKILL. Arguments: state directory, platform's root.
 * STORE_URL is the URL of the store's owner.
 */
import { join } from "node:path";

import type { App } from "#app.ts";
import { Config } from "#config/schema.ts";
import { hardeningDomain } from "#domains/hardening/domain.ts";
import { requestRun } from "#domains/hardening/queued-run.ts";
import { startWorker } from "#jobs/worker.ts";
import { Secret } from "#secrets/secret.ts";
import { openDatabase } from "#store/database.ts";
import { openKeyRing } from "#store/keys.ts";
import { openPool } from "#store/session.ts";
import { runProgram } from "#system/run.ts";

import { singleStepDomain } from "./small-section.ts";

const [stateDir = "", root = ""] = process.argv.slice(2);
const ownerUrl = new Secret(process.env["STORE_URL"] ?? "");
const db = openDatabase(openPool(ownerUrl));
const app: App = {
  config: Config.parse({ platform: { name: "Test", root } }),
  configSha256: "0".repeat(64),
  configPath: join(stateDir, "leveredge.yaml"),
  programVersion: "1.0.0",
  stateDir,
  db,
  keys: await openKeyRing(db, stateDir),
  run: runProgram,
  now: () => new Date(),
  openReference: () => Promise.reject(new Error("nothing is referred to")),
  signal: new AbortController().signal,
  close: () => Promise.resolve(),
};

const requested = Promise.withResolvers<unknown>();
const domain = singleStepDomain({
  apply: async () => {
    process.stdout.write(JSON.stringify(await requested.promise));
    return new Promise(() => undefined);
  },
});
const { jobs } = await startWorker(app, [hardeningDomain([domain])], {
  ownerUrl,
  onError: (error) => process.stderr.write(`${error.message}\n`),
});
requested.resolve(await requestRun({ ...app, jobs }, [domain], { onlySection: undefined, actor: "user:damon" }));
