/** SQL of the registry of providers. */
import { type RawBuilder, sql } from "kysely";
import { z } from "zod";

import { type Provider, StoredProvider } from "#providers/provider.ts";
import { type Db, many, maybe } from "#store/database.ts";

/** A provider as the platform knows its table. */
export const ProviderRow = z.object({
  id: z.int(),
  providerName: z.string(),
  providerType: z.string(),
  baseUrl: z.string().nullable(),
  authEndpoint: z.string().nullable(),
  tokenEndpoint: z.string().nullable(),
  docsUrl: z.string().nullable(),
  requiredScopes: z.array(z.string()).nullable(),
  credentialFields: z.record(z.string(), z.object({ type: z.string(), required: z.boolean() })).nullable(),
  validationEndpoint: z.string().nullable(),
  createdAt: z.string(),
  updatedAt: z.string(),
});
export type ProviderRow = z.output<typeof ProviderRow>;

export type ProviderSource = "built-in" | "configuration" | "api";

const providerColumns = sql`
  id, provider_name, provider_type, base_url, auth_endpoint, token_endpoint, docs_url, required_scopes,
  credential_fields, validation_endpoint, created_at, updated_at`;

export function listProviderRows(db: Db): Promise<ProviderRow[]> {
  return many(db, ProviderRow, sql`select ${providerColumns} from aegis_providers order by provider_name`);
}

export function findProviderRow(db: Db, name: string): Promise<ProviderRow | undefined> {
  return maybe(db, ProviderRow, sql`select ${providerColumns} from aegis_providers where provider_name = ${name}`);
}

/** Definitions that were given over the API: they lie nowhere else. */
export function listApiDefinitions(db: Db): Promise<{ definition: Provider }[]> {
  return many(
    db,
    z.object({ definition: StoredProvider }),
    sql`select definition from aegis_providers where source = 'api' order by provider_name`,
  );
}

export function findApiDefinition(db: Db, name: string): Promise<{ definition: Provider } | undefined> {
  return maybe(
    db,
    z.object({ definition: StoredProvider }),
    sql`select definition from aegis_providers where source = 'api' and provider_name = ${name}`,
  );
}

/** All that the table has of a provider. */
export type RegisteredProvider = {
  provider: Provider;
  credentialFields: Record<string, { type: string; required: boolean }>;
  validationEndpoint: string | null;
  source: ProviderSource;
};

const registered = sql`
  provider_type, base_url, auth_endpoint, token_endpoint, docs_url, required_scopes, credential_fields,
  validation_endpoint, definition, source`;

function asRecordset(providers: readonly RegisteredProvider[]): RawBuilder<unknown> {
  const rows = providers.map(({ provider, credentialFields, validationEndpoint, source }) => ({
    provider_name: provider.name,
    provider_type: provider.type,
    base_url: provider.base_url,
    auth_endpoint: provider.auth_endpoint,
    token_endpoint: provider.token_endpoint,
    docs_url: provider.docs_url,
    required_scopes: provider.required_scopes,
    credential_fields: credentialFields,
    validation_endpoint: validationEndpoint,
    definition: provider,
    source,
  }));
  return sql`
    jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as given (
      provider_name text, provider_type text, base_url text, auth_endpoint text, token_endpoint text, docs_url text,
      required_scopes text[], credential_fields jsonb, validation_endpoint text, definition jsonb, source text
    )`;
}

/** Names of those that have no row, or one that says otherwise in any column. */
export function listUnequalProviders(
  db: Db,
  providers: readonly RegisteredProvider[],
): Promise<{ providerName: string }[]> {
  return many(
    db,
    z.object({ providerName: z.string() }),
    sql`
    select given.provider_name
    from ${asRecordset(providers)}
    where not exists (
      select from (select provider_name as name, ${registered} from aegis_providers) p
      where p.name = given.provider_name
        and (p.provider_type, p.base_url, p.auth_endpoint, p.token_endpoint, p.docs_url, p.required_scopes,
             p.credential_fields, p.validation_endpoint, p.definition, p.source)
          is not distinct from
            (given.provider_type, given.base_url, given.auth_endpoint, given.token_endpoint, given.docs_url,
             given.required_scopes, given.credential_fields, given.validation_endpoint, given.definition, given.source)
    )
    order by given.provider_name`,
  );
}

/** Made or brought up to date, in the order of their names. */
export function upsertProviders(
  tx: Db,
  providers: readonly RegisteredProvider[],
): Promise<{ providerName: string; isNew: boolean }[]> {
  return many(
    tx,
    z.object({ providerName: z.string(), isNew: z.boolean() }),
    sql`
    insert into aegis_providers as p (provider_name, ${registered})
    select provider_name, ${registered} from ${asRecordset(providers)} order by provider_name
    on conflict (provider_name) do update
    set provider_type = excluded.provider_type, base_url = excluded.base_url,
        auth_endpoint = excluded.auth_endpoint, token_endpoint = excluded.token_endpoint,
        docs_url = excluded.docs_url, required_scopes = excluded.required_scopes,
        credential_fields = excluded.credential_fields, validation_endpoint = excluded.validation_endpoint,
        definition = excluded.definition, source = excluded.source, updated_at = now()
    returning provider_name, xmax = 0 as is_new`,
  );
}

/** How many credentials each provider has. */
export function countCredentialsByProvider(db: Db): Promise<{ provider: string; credentials: number }[]> {
  return many(
    db,
    z.object({ provider: z.string(), credentials: z.int() }),
    sql`select provider, count(*) as credentials from aegis_credentials group by provider`,
  );
}
