import { AppError } from "#errors.ts";
import { type KeySource, describeKeySource, parseKeySource } from "#secrets/key-source.ts";

import { readVariable } from "./environment.ts";
import type { Config } from "./schema.ts";

/** Where this program was told to take the unseal key from; `spec` instead of what the environment says. */
export function findKeySource(stateDirectory: string, spec = readVariable("LEVEREDGE_UNSEAL_KEY")): KeySource {
  return parseKeySource(spec, stateDirectory, readVariable);
}

/** A variable is no place for the key of a platform that has a prod: it stays readable in /proc whatever is done. */
export function refuseOpenKey(source: KeySource, config: Pick<Config, "environments"> | undefined): void {
  if (source.kind !== "env" || config?.environments.prod === undefined) return;
  throw new AppError(
    "sealed",
    `${describeKeySource(source)} may hold the unseal key of a dev platform only, and prod is configured`,
    {
      hint: "Put the key into a file with mode 0400 and set LEVEREDGE_UNSEAL_KEY=file:PATH.",
    },
  );
}
