/** The databases that the configuration names, and what is agreed about them there. */
import { userInfo } from "node:os";

import type { App } from "#app.ts";
import type { Config } from "#config/schema.ts";
import { parseTableName } from "#config/table-name.ts";
import { AppError } from "#errors.ts";
import type { MarkedEnvironment, MigrationTable } from "#store/migrator.ts";

import type { DatabaseTarget } from "./connection.ts";

/** Where migrations are recorded, in both databases, and where their files lie. */
export type MigrationPlace = { table: MigrationTable; directory: string | undefined };

const defaultMigrationTable = { schema: "public", name: "schema_migrations" };

/** Opens the reference of an environment's database; `not_found` when the configuration names none. */
export async function configuredTarget(
  app: Pick<App, "config" | "openReference">,
  environment: MarkedEnvironment,
): Promise<DatabaseTarget> {
  const configured = app.config.environments[environment];
  if (configured === undefined) {
    throw new AppError("not_found", `the configuration names no ${environment} database`, {
      hint: `Add environments.${environment}.database to leveredge.yaml.`,
    });
  }
  const via = configured.via?.split(/\s+/).filter((word) => word !== "") ?? [];
  return {
    label: environment,
    url: await app.openReference(configured.database),
    ...(via.length === 0 ? {} : { via }),
  };
}

/** `migrations` of the configuration, with its defaults. */
export function configuredMigrations(config: Config): MigrationPlace {
  const written = config.migrations?.table;
  const table = written === undefined ? defaultMigrationTable : parseTableName(written);
  if (table === undefined) {
    throw new AppError("invalid_input", `migrations.table ${JSON.stringify(written)} is not a table's name`, {
      hint: "Write schema.table in leveredge.yaml.",
    });
  }
  return { table, directory: config.migrations?.directory };
}

/** Who is recorded in `applied_by`: the user of this process. */
export function currentUser(): string {
  try {
    return userInfo().username;
  } catch {
    // A uid without an entry in the user database still has its number.
    return `uid ${process.getuid?.() ?? "unknown"}`;
  }
}
