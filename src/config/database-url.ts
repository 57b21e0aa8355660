import { resolve } from "node:path";

import { AppError } from "#errors.ts";
import { Secret } from "#secrets/secret.ts";

import { readVariable } from "./environment.ts";
import { openReference, parseReference } from "./references.ts";

/** The store's database: DATABASE_URL holds the URL itself, or the file that holds it. Undefined: the embedded server. */
export async function readDatabaseUrl(): Promise<Secret | undefined> {
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
