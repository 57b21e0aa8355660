/**
 * A program that tells the ledger calls, each under an id of its own, and prints the
 * ids of those that were acknowledged; what comes in the middle is the test's SIGKILL.
 * Arguments: prefix of the ids, how many. STORE_URL is the URL of the store's owner.
 */
import { Config } from "#config/schema.ts";
import { createLedger } from "#domains/usage/ledger.ts";
import { Secret } from "#secrets/secret.ts";
import { openDatabase } from "#store/database.ts";
import { openPool } from "#store/session.ts";

import { tellCalls } from "./calls.ts";

const [prefix = "", count = "0"] = process.argv.slice(2);
const app = {
  config: Config.parse({ platform: { name: "Test", root: "/srv/platform" } }),
  db: openDatabase(openPool(new Secret(process.env["STORE_URL"] ?? ""))),
  now: () => new Date(),
};

await tellCalls(createLedger(app, { mostAtOnce: 100 }), {
  ids: Array.from({ length: Number(count) }, (_, index) => `${prefix}-${index}`),
  onAcknowledged: (ids) => process.stdout.write(`${ids.join("\n")}\n`),
});
await app.db.destroy();
