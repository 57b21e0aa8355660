/** What a command works with: configuration, then store, then keys. Whatever was opened before a failure is closed. */
import type { App } from "#app.ts";
import type { GlobalOptions } from "#cli/command.ts";
import { requireConfigFile } from "#config/config-file.ts";
import { readDatabaseUrl } from "#config/database-url.ts";
import { readVariable } from "#config/environment.ts";
import { findKeySource, refuseOpenKey } from "#config/key-source.ts";
import { loadConfig } from "#config/load.ts";
import type { Config } from "#config/schema.ts";
import { openReference } from "#config/references.ts";
import { resolveStateDirectory } from "#config/state-directory.ts";
import { openAnyReference } from "#domains/credentials/references.ts";
import { describeKeySource } from "#secrets/key-source.ts";
import { openKeys } from "#store/keys.ts";
import { openStore, type Store } from "#store/store.ts";
import { runProgram } from "#system/run.ts";

import { readVersion } from "#config/program-version.ts";

/** With what only a server needs: it prepares the queue as the owner of the store, and revives that. */
export type ServerParts = { app: App } & Pick<Store, "ownerUrl" | "revive">;

/** The part of the app that no store is needed for. */
export type HostParts = Omit<App, "db" | "keys" | "close">;

/** Opens everything; the caller closes it. */
export async function openApp(global: GlobalOptions, signal: AbortSignal): Promise<App> {
  return (await openServerApp(global, signal)).app;
}

/** The same for the server. */
export async function openServerApp(global: GlobalOptions, signal: AbortSignal): Promise<ServerParts> {
  const parts = await openHostParts(global, signal);
  const { ownerUrl, revive, ...store } = await openStoreParts(parts.stateDir, signal, parts.config);
  const source = findKeySource(parts.stateDir);
  if (source.kind === "env" && !global.quiet) {
    process.stderr.write(
      `warning: ${describeKeySource(source)} holds the unseal key, where other programs can read it\n`,
    );
  }
  return { app: withReferences({ ...parts, ...store }), ownerUrl, revive };
}

/** With the store open, references to what lies in it open too. */
export function withReferences(app: App): App {
  return { ...app, openReference: (reference) => openAnyReference(app, reference) };
}

export async function openHostParts(global: GlobalOptions, signal: AbortSignal): Promise<HostParts> {
  const { config, path, sha256 } = await loadConfig(requireConfigFile(global.config));
  return {
    config,
    configSha256: sha256,
    configPath: path,
    programVersion: readVersion(),
    stateDir: resolveStateDirectory(global.state),
    run: runProgram,
    now: () => new Date(),
    openReference: (reference) => openReference(reference, path),
    signal,
  };
}

/** The store and its keys, as every command that needs no configuration opens them too. */
export async function openStoreParts(
  stateDir: string,
  signal: AbortSignal,
  config?: Pick<Config, "environments">,
): Promise<Pick<App, "db" | "keys" | "close"> & Pick<Store, "ownerUrl" | "revive">> {
  const source = findKeySource(stateDir);
  refuseOpenKey(source, config);
  const store = await openStore({
    directory: stateDir,
    databaseUrl: await readDatabaseUrl(),
    runtimeDirectory: readVariable("XDG_RUNTIME_DIR"),
    appliedBy: `leveredge ${readVersion()}`,
    signal,
  });
  try {
    const { ring: keys } = await openKeys(store.db, source);
    return { db: store.db, keys, ownerUrl: store.ownerUrl, revive: () => store.revive(), close: () => store.close() };
  } catch (cause) {
    await store.close();
    throw cause;
  }
}
