/** A program that rewraps prod's credentials and says a line after each batch. Argument: state directory. STORE_URL is the URL of the store's owner. */
import { rewrapCredentials } from "#domains/credentials/rewrap.ts";
import { Secret } from "#secrets/secret.ts";
import { openDatabase } from "#store/database.ts";
import { openKeyRing } from "#store/keys.ts";
import { openPool } from "#store/session.ts";

const [stateDir = ""] = process.argv.slice(2);
const db = openDatabase(openPool(new Secret(process.env["STORE_URL"] ?? "")));
const { signal } = new AbortController();
const progress = (text: string, done?: number): void => {
  process.stdout.write(`${text} ${String(done)}\n`);
};

await rewrapCredentials({ db, keys: await openKeyRing(db, stateDir) }, "prod", { signal, progress, batch: 200 });
await db.destroy();
