/** What the configuration says about migrations in the two databases. */
import type { Config } from "#config/schema.ts";
import { parseTableName } from "#config/table-name.ts";
import { AppError } from "#errors.ts";
import type { MigrationTable } from "#store/migrator.ts";

/** Where migrations are recorded, in both databases, and where their files lie. */
export type MigrationPlace = { table: MigrationTable; directory: string | undefined };

const defaultMigrationTable = { schema: "public", name: "schema_migrations" };

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
