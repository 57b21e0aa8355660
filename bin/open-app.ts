/** What a command works with: configuration, then store, then keys. Whatever was opened before a failure is closed. */
import { resolve } from "node:path";

import type { App } from "#app.ts";
import type { GlobalOptions } from "#cli/command.ts";
import { requireConfigFile } from "#config/config-file.ts";
import { readVariable } from "#config/environment.ts";
import { loadConfig } from "#config/load.ts";
import { openReference, parseReference } from "#config/references.ts";
import { resolveStateDirectory } from "#config/state-directory.ts";
import { AppError } from "#errors.ts";
import { Secret } from "#secrets/secret.ts";
import { openKeyRing } from "#store/keys.ts";
import { openStore } from "#store/store.ts";
import { runProgram } from "#system/run.ts";

import { readVersion } from "#config/program-version.ts";

/** The part of the app that no store is needed for. */
export type HostParts = Omit<App, "db" | "keys" | "close">;

/** Opens everything; the caller closes it. */
export async function openApp(global: GlobalOptions, signal: AbortSignal): Promise<App> {
  return (await openServerApp(global, signal)).app;
}

/** The same for the server, which prepares the queue as the owner of the store. */
export async function openServerApp(
  global: GlobalOptions,
  signal: AbortSignal,
): Promise<{ app: App; ownerUrl: Secret }> {
  const parts = await openHostParts(global, signal);
  const { ownerUrl, ...store } = await openStoreParts(parts.stateDir, signal);
  return { app: { ...parts, ...store }, ownerUrl };
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
): Promise<Pick<App, "db" | "keys" | "close"> & { ownerUrl: Secret }> {
  const store = await openStore({
    directory: stateDir,
    databaseUrl: await readDatabaseUrl(),
    runtimeDirectory: readVariable("XDG_RUNTIME_DIR"),
    appliedBy: `leveredge ${readVersion()}`,
    signal,
  });
  try {
    const keys = await openKeyRing(store.db, stateDir);
    return { db: store.db, keys, ownerUrl: store.ownerUrl, close: () => store.close() };
  } catch (cause) {
    await store.close();
    throw cause;
  }
}

/** DATABASE_URL holds the URL itself, or the file that holds it. */
async function readDatabaseUrl(): Promise<Secret | undefined> {
  const value = readVariable("DATABASE_URL");
  if (value === undefined) return undefined;
  switch (parseReference(value)?.kind) {
    case undefined:
      return new Secret(value);
    case "env":
    case "file":
      return openReference(value, resolve("leveredge.yaml"));
    case "vault":
      throw new AppError("invalid_input", "DATABASE_URL is a vault: reference, but the vault lies in that database", {
        hint: "Set DATABASE_URL to the URL or to file:PATH.",
      });
  }
}
