/** A store with many credentials, written at once: what takes long with as many is measured and killed. */
import { sql } from "kysely";
import { z } from "zod";

import type { App } from "#app.ts";
import { addCredential } from "#domains/credentials/credentials.ts";
import { NewCredential } from "#domains/credentials/schema.ts";
import { sealCredential } from "#secrets/credential-seal.ts";
import { fingerprintOf } from "#secrets/credential-seal.ts";
import { Secret } from "#secrets/secret.ts";
import { many, run } from "#store/database.ts";

const origin = "https://api.openai.com:443";

/** Prod credentials c1, c2, … of OpenAI. Their one secret is what `valueOf` says. */
export async function addManyCredentials(app: App, count: number): Promise<void> {
  const by = { name: "test" };
  const first = { name: "first", provider: "openai", fields: { api_key: valueOf(0) } };
  await addCredential(app, NewCredential.parse(first), by);
  const rows = await many(
    app.db,
    z.object({ id: z.int(), uid: z.uuid(), place: z.int() }),
    sql`
    insert into aegis_credentials (credential_name, provider, environment, version, value_changed_at)
    select 'c' || n, 'openai', 'prod', 1, now() from generate_series(1, ${count}::integer) n
    returning id, uid, substr(credential_name, 2)::integer as place`,
  );
  for (let start = 0; start < rows.length; start += 1000) await insertValues(app, rows.slice(start, start + 1000));
}

export function valueOf(place: number): string {
  return `sk-test-${String(place).padStart(40, "0")}`;
}

async function insertValues(app: App, rows: readonly { id: number; uid: string; place: number }[]): Promise<void> {
  const sealed = rows.map(({ id, uid, place }) => {
    const secret = new Secret(valueOf(place));
    const at = { credentialId: uid, environment: "prod" as const, version: 1, origin };
    return { id, ...sealCredential(app.keys, at, { api_key: secret }), print: fingerprintOf(app.keys, secret) };
  });
  const versions = sealed.map(
    ({ id, dekId, kekVersion, wrapped, commitment }) =>
      sql`(${id}::integer, 1, 'prod', ${origin}, ${dekId}::uuid, ${kekVersion}::integer, ${wrapped}::bytea, ${commitment}::bytea, 'test')`,
  );
  await run(
    app.db,
    sql`
    insert into aegis_credential_version
      (credential_id, version, environment, origin, dek_id, kek_version, wrapped, commitment, created_by)
    values ${sql.join(versions)}`,
  );
  const fields = sealed.map(
    ({ id, fields: { api_key: blob }, print }) =>
      sql`(${id}::integer, 1, 'api_key', ${blob}::bytea, ${print.digest}::bytea, ${print.version}::integer)`,
  );
  await run(
    app.db,
    sql`
    insert into aegis_credential_field (credential_id, version, field, sealed, fingerprint, fingerprint_version)
    values ${sql.join(fields)}`,
  );
}
