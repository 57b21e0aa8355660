/** References of the configuration with the store open: those that lie in it open too. */
import type { App } from "#app.ts";
import { openReference, parseReference } from "#config/references.ts";
import type { Secret } from "#secrets/secret.ts";

type ReferenceApp = Pick<App, "config" | "configPath" | "db" | "keys" | "now">;

/** What `App` opens references with. */
export async function openAnyReference(app: ReferenceApp, reference: string): Promise<Secret> {
  const parsed = parseReference(reference);
  if (parsed?.kind !== "vault") return openReference(reference, app.configPath);
  // The definitions of all providers come with it: only who needs them loads them.
  const { openReferenceField } = await import("./vault.ts");
  return openReferenceField(app, parsed.credential, parsed.field);
}
