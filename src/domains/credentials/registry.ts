/**
 * The registry of providers: the built-in definitions, those of `leveredge.yaml`
 * and those that came over the API, in one list. A definition of the configuration
 * takes the place of a built-in one of its name. The table `aegis_providers` is what
 * the platform sees of it, brought up to date by `seedProviders`.
 */
import type { App } from "#app.ts";
import { AppError } from "#errors.ts";
import { appendEvent } from "#events/events.ts";
import { allProviders } from "#providers/all.ts";
import { listDefinitionFaults } from "#providers/definition-faults.ts";
import type { Provider } from "#providers/provider.ts";
import { type Db, transaction } from "#store/database.ts";

import { describeUnknown } from "./fields.ts";
import {
  findApiDefinition,
  listApiDefinitions,
  listUnequalProviders,
  type ProviderSource,
  type RegisteredProvider,
  upsertProviders,
} from "./provider-queries.ts";

export type KnownProvider = {
  provider: Provider;
  source: ProviderSource;
  /** What has the same name and is not used for that. */
  replaces?: "built-in";
};

type RegistryApp = Pick<App, "config" | "db">;

/** Every provider, by name. */
export async function listProviders(app: RegistryApp): Promise<KnownProvider[]> {
  const known = new Map<string, KnownProvider>();
  for (const { definition } of await listApiDefinitions(app.db)) {
    known.set(definition.name, { provider: definition, source: "api" });
  }
  for (const provider of allProviders) known.set(provider.name, { provider, source: "built-in" });
  for (const provider of app.config.providers) known.set(provider.name, asConfigured(provider));
  return [...known.values()].toSorted((a, b) => (a.provider.name < b.provider.name ? -1 : 1));
}

/** The provider of that name; `not_found` names the nearest command. */
export async function requireProvider(app: RegistryApp, name: string): Promise<KnownProvider> {
  const configured = app.config.providers.find((provider) => provider.name === name);
  if (configured !== undefined) return asConfigured(configured);
  const builtIn = allProviders.find((provider) => provider.name === name);
  if (builtIn !== undefined) return { provider: builtIn, source: "built-in" };
  const stored = await findApiDefinition(app.db, name);
  if (stored !== undefined) return { provider: stored.definition, source: "api" };
  throw new AppError("not_found", `there is no provider ${describeUnknown(name)}`, {
    hint: "List them with: leveredge providers list",
  });
}

function asConfigured(provider: Provider): KnownProvider {
  const isBuiltIn = allProviders.some(({ name }) => name === provider.name);
  return { provider, source: "configuration", ...(isBuiltIn ? { replaces: "built-in" } : {}) };
}

/** Why a definition would not be taken today; undefined when it would. One that is stored may be older than a rule. */
export function findDefinitionFault(provider: Provider): string | undefined {
  const [fault] = listDefinitionFaults(provider);
  return fault === undefined ? undefined : `${fault.path.join(".")}: expected ${fault.message}`;
}

/** Brings the table up to date; answers the names of those that were new or changed. A second call changes nothing. */
export async function seedProviders(app: Pick<App, "config" | "db" | "keys">, by: { name: string }): Promise<string[]> {
  const providers = await listProviders(app);
  return transaction(app.db, async (tx) => {
    const changed = await register(tx, providers);
    if (changed.length > 0) {
      await appendEvent(tx, app.keys, {
        actor: by.name,
        action: "credentials.registry",
        target: "aegis_providers",
        outcome: "seeded",
        details: { providers: providers.length, changed: changed.length },
      });
    }
    return changed.map(({ providerName }) => providerName);
  });
}

/** Names of the providers whose rows are missing or are not as defined. */
export async function listUnregistered(app: RegistryApp): Promise<string[]> {
  const rows = await listUnequalProviders(app.db, (await listProviders(app)).map(toRow));
  return rows.map(({ providerName }) => providerName);
}

/** Its row, in the caller's transaction; undefined when it was so already. */
export async function registerProvider(
  tx: Db,
  known: KnownProvider,
): Promise<{ providerName: string; isNew: boolean } | undefined> {
  const [changed] = await register(tx, [known]);
  return changed;
}

/** Rows that are as they should be are not touched: an upsert would lock them, and all who add credentials wait. */
async function register(
  tx: Db,
  providers: readonly KnownProvider[],
): Promise<{ providerName: string; isNew: boolean }[]> {
  const rows = providers.map(toRow);
  const unequal = new Set((await listUnequalProviders(tx, rows)).map(({ providerName }) => providerName));
  if (unequal.size === 0) return [];
  return upsertProviders(
    tx,
    rows.filter(({ provider }) => unequal.has(provider.name)),
  );
}

function toRow({ provider, source }: KnownProvider): RegisteredProvider {
  return {
    provider,
    source,
    credentialFields: describeFields(provider),
    validationEndpoint: describeEndpoint(provider),
  };
}

/** Adds a provider, or changes one that came over the API before. */
export async function addProvider(
  app: Pick<App, "config" | "db" | "keys">,
  provider: Provider,
  by: { name: string },
): Promise<void> {
  const taken = [...allProviders, ...app.config.providers].find(({ name }) => name === provider.name);
  if (taken !== undefined) {
    throw new AppError("conflict", `provider ${provider.name} is one of the program's or of the configuration's`, {
      hint: "Give it another name.",
    });
  }
  await transaction(app.db, async (tx) => {
    const changed = await registerProvider(tx, { provider, source: "api" });
    if (changed === undefined) return;
    await appendEvent(tx, app.keys, {
      actor: by.name,
      action: "credentials.provider",
      target: provider.name,
      outcome: changed.isNew ? "added" : "changed",
      details: { type: provider.type, baseUrl: provider.base_url },
    });
  });
}

/** As the platform's table has it: `{"api_key": {"type": "secret", "required": true}}`. */
function describeFields({ fields }: Provider): Record<string, { type: string; required: boolean }> {
  return Object.fromEntries(Object.entries(fields).map(([name, { type, required }]) => [name, { type, required }]));
}

/** The path that the last step of the check asks: those before it fetch a token, or look at another key. */
function describeEndpoint({ check }: Provider): string | null {
  return check.kind === "http" ? (check.steps.at(-1)?.path ?? null) : null;
}
