/**
 * A program that rotates a credential at its provider and is killed on the way.
 * Arguments: state directory, configuration as JSON, name of the credential, name of the
 * credential that manages keys. STORE_URL is the URL of the store's owner.
 */
import { join } from "node:path";

import { Config } from "#config/schema.ts";
import { rotateAtProvider } from "#domains/credentials/rotation.ts";
import { withCheckTools } from "#domains/credentials/sweep.ts";
import { Secret } from "#secrets/secret.ts";
import { openDatabase } from "#store/database.ts";
import { openKeyRing } from "#store/keys.ts";
import { openPool } from "#store/session.ts";

const [stateDir = "", config = "", name = "", manager = ""] = process.argv.slice(2);
const db = openDatabase(openPool(new Secret(process.env["STORE_URL"] ?? "")));
const app = {
  config: Config.parse(JSON.parse(config)),
  configPath: join(stateDir, "leveredge.yaml"),
  programVersion: "1.0.0",
  db,
  keys: await openKeyRing(db, stateDir),
  now: () => new Date(),
};
const { signal } = new AbortController();
const wish = { graceS: 0, ...(manager === "" ? {} : { manager }) };
const rotated = await withCheckTools(app, (tools) =>
  rotateAtProvider(app, tools, name, wish, { requestedBy: "test", signal, progress: () => undefined }),
);
process.stdout.write(`${rotated.state}\n`);
await db.destroy();
