/**
 * A program that sends what is due. The service that it sends to kills it before it
 * hears an answer. Arguments: state directory, configuration as JSON. STORE_URL is
 * the URL of the store's owner.
 */
import { join } from "node:path";

import { Config } from "#config/schema.ts";
import { deliverDue } from "#domains/notifications/delivery.ts";
import { Secret } from "#secrets/secret.ts";
import { openDatabase } from "#store/database.ts";
import { openKeyRing } from "#store/keys.ts";
import { openPool } from "#store/session.ts";
import { runProgram } from "#system/run.ts";

const [stateDir = "", config = ""] = process.argv.slice(2);
const db = openDatabase(openPool(new Secret(process.env["STORE_URL"] ?? "")));
const { signal } = new AbortController();

await deliverDue(
  {
    config: Config.parse(JSON.parse(config)),
    configSha256: "0".repeat(64),
    configPath: join(stateDir, "leveredge.yaml"),
    programVersion: "1.0.0",
    stateDir,
    db,
    keys: await openKeyRing(db, stateDir),
    run: runProgram,
    now: () => new Date(),
    openReference: () => Promise.resolve(new Secret("the-webhook-secret")),
    signal,
    close: () => Promise.resolve(),
  },
  { signal },
);
