/**
 * What a hosted Supabase project keeps itself: its services migrate their own schemas,
 * in their own time, and a user may not touch them. A mirror leaves them alone, except
 * the policies and triggers that users put on their tables.
 */
import { type Catalog, catalogKey, type CatalogObject } from "./catalog.ts";

const schemas = new Set([
  "_analytics",
  "_realtime",
  "_supavisor",
  "auth",
  "cron",
  "etl",
  "extensions",
  "graphql",
  "graphql_public",
  "net",
  "pgbouncer",
  "pgmq",
  "pgmq_public",
  "pgsodium",
  "pgsodium_masks",
  "pgtle",
  "realtime",
  "storage",
  "supabase_functions",
  "supabase_migrations",
  "vault",
]);
const extensions = new Set(["pg_graphql", "pg_stat_statements", "pgsodium", "supabase_vault"]);
const userKinds = new Set(["policy", "trigger"]);

function isSupabase({ objects }: Catalog): boolean {
  const names = new Set(objects.filter(({ kind }) => kind === "schema").map(({ identity }) => identity));
  const isOwned = objects.some(({ kind, definition }) => kind === "schema" && definition.includes('"supabase_'));
  return names.has("auth") && names.has("storage") && isOwned;
}

/** Keys of the platform's own objects; none when it is no Supabase project. */
export function listPlatformKeys(catalog: Catalog): Set<string> {
  const own = new Set<string>();
  if (!isSupabase(catalog)) return own;
  const byKey = new Map(catalog.objects.map((object) => [catalogKey(object), object]));
  for (const object of catalog.objects) if (isPlatformObject(object, byKey)) own.add(catalogKey(object));
  return own;
}

function isPlatformObject(object: CatalogObject, byKey: ReadonlyMap<string, CatalogObject>): boolean {
  if (object.kind === "default privilege") return /\bsupabase_/.test(object.identity);
  for (let current: CatalogObject | undefined = object; current !== undefined;) {
    if (userKinds.has(current.kind)) return false;
    if (current.kind === "schema" && schemas.has(current.identity)) return true;
    if (current.kind === "extension" && extensions.has(current.identity)) return true;
    const [parent]: string[] = current.parents;
    current = parent === undefined ? undefined : byKey.get(parent);
  }
  return false;
}
