/**
 * What a running program has. Functions take the part they need
 * (`Pick<App, "db" | "now">`), so that a signature lists its side effects.
 */
import type { Config } from "#config/schema.ts";
import type { KeyRing } from "#secrets/key-ring.ts";
import type { Secret } from "#secrets/secret.ts";
import type { Db } from "#store/database.ts";
import type { Run } from "#system/run.ts";

export type App = {
  config: Config;
  /** SHA-256 of the configuration file's bytes: a run notices when it changes. */
  configSha256: string;
  /** Absolute path of the configuration file. */
  configPath: string;
  programVersion: string;
  stateDir: string;
  /** The control plane's own database, as the application role. */
  db: Db;
  keys: KeyRing;
  /** Runs a program of this host. */
  run: Run;
  now: () => Date;
  /** Opens a reference (`env:`, `file:`); `not_found` names the reference, never the value. */
  openReference: (reference: string) => Promise<Secret>;
  signal: AbortSignal;
  /** Closes what this program opened; the embedded server goes on when others use it. */
  close: () => Promise<void>;
};
