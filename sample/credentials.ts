/**
 * The sample's credentials: made-up keys of the shapes that their providers give, so that
 * section 3 has something to seal, to ask for and to find. One value is used in dev and in
 * prod, and one ends in nine days. They are added once, all or none; who removes one keeps
 * it removed.
 */
import { rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { z } from "zod";

import type { App } from "#app.ts";
import { insertSealed } from "#domains/credentials/credentials.ts";
import { readFields } from "#domains/credentials/fields.ts";
import { requireProvider } from "#domains/credentials/registry.ts";
import { NewCredential } from "#domains/credentials/schema.ts";
import { transaction } from "#store/database.ts";

const by = { name: "sample" };
const note = "A made-up key of the sample platform";
const dayMs = 24 * 60 * 60 * 1000;

/** `directory` is the sample's own; a file in it says that they were added. A second call changes nothing. */
export async function ensureSampleCredentials(
  app: Pick<App, "config" | "db" | "keys" | "now">,
  directory: string,
): Promise<void> {
  const added = join(directory, "credentials.added");
  if (await exists(added)) return;
  const parts = await Promise.all(
    listCredentials(app.now()).map(async (given) => {
      const input = NewCredential.parse({ ...given, note });
      const known = await requireProvider(app, input.provider);
      return { input, known, read: readFields(known.provider, input.fields) };
    }),
  );
  // Killed between the two, the next call finds the names taken.
  await transaction(app.db, async (tx) => {
    for (const part of parts) await insertSealed(tx, app, part, by);
  });
  await writeFile(`${added}.making`, "");
  await rename(`${added}.making`, added);
}

function listCredentials(now: Date): z.input<typeof NewCredential>[] {
  const shared = { api_key: "sk-sample-made-up-used-in-dev-and-prod" };
  const token = "sample_made_up_".padEnd(40, "0");
  const inNineDays = new Date(now.getTime() + 9 * dayMs).toISOString();
  return [
    { name: "openai-prod", provider: "openai", environment: "prod", fields: shared },
    { name: "openai-dev", provider: "openai", environment: "dev", fields: shared },
    { name: "anthropic-prod", provider: "anthropic", fields: { api_key: "sk-ant-api03-sample-made-up" } },
    {
      ...{ name: "github", provider: "github", environment: "shared" },
      fields: { personal_access_token: `ghp_${token}` },
    },
    { name: "cloudflare-dns", provider: "cloudflare", fields: { api_token: token }, expires_at: inNineDays },
  ];
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return false;
      throw error;
    },
  );
}
