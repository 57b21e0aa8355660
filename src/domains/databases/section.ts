/**
 * Section 1, database mirroring: dev's schema proven equal to prod's, with dev's
 * own migrations kept; reference rows copied; the newest backups restored for real;
 * the scripts for the platform's cron lines; `schema_migrations` in both databases.
 * Prod gets that table and nothing else, and only after every step of dev is verified.
 */
import type { Config } from "#config/schema.ts";
import type { Section, Step } from "#domain.ts";
import { backupFiles, listBackupSteps } from "#domains/backups/backups.ts";

/** What a step does, loaded when it is asked: the list of sections must not cost a start of the program. */
export type StepBody = Pick<Step, "plan" | "apply" | "verify">;

/** The script of the mirror's cron line, relative to the platform's root. */
export const syncSchemaPath = "shared/scripts/sync-schema.sh";

export const databaseMirroring: Section = {
  number: 1,
  title: "Database mirroring",
  wanted: (config) => hasDatabaseWork(config) || config.backups.length > 0,
  steps: listSteps,
  files: listScripts,
};

/** The scripts that the section installs, relative to the platform's root. */
export function listScripts(config: Pick<Config, "mirror" | "backups">): string[] {
  return [...(config.mirror === undefined ? [] : [syncSchemaPath]), ...backupFiles(config)];
}

function listSteps(config: Config): Step[] {
  const { mirror } = config;
  const scripts = listScripts(config);
  return [
    ...(hasDatabaseWork(config) ? [migrationTable("dev")] : []),
    ...(mirror === undefined ? [] : [schemaOfDev()]),
    ...(mirror === undefined || mirror.reference_tables.length === 0 ? [] : [referenceRows()]),
    ...(scripts.length === 0 ? [] : [installation(scripts)]),
    ...listBackupSteps(config),
    ...(hasDatabaseWork(config) ? [migrationTable("prod")] : []),
  ];
}

function hasDatabaseWork({ mirror, migrations }: Config): boolean {
  return mirror !== undefined || migrations !== undefined;
}

function schemaOfDev(): Step {
  return lateStep("dev", "mirror-schema", "make dev's schema equal to prod's", async () => {
    const { mirrorSchema } = await import("./mirror-step.ts");
    return mirrorSchema;
  });
}

function installation(scripts: readonly string[]): Step {
  return lateStep("shared", "install-scripts", `install ${scripts.join(" and ")}`, async () => {
    const { installScripts } = await import("./scripts-step.ts");
    return installScripts;
  });
}

function migrationTable(environment: "dev" | "prod"): Step {
  return lateStep(environment, "create-schema-migrations", `create schema_migrations in ${environment}`, async () => {
    const { createMigrationTable } = await import("./migration-table-step.ts");
    return createMigrationTable(environment);
  });
}

function referenceRows(): Step {
  return lateStep("dev", "mirror-rows", "copy the rows of the reference tables", async () => {
    const { mirrorRows } = await import("./rows-step.ts");
    return mirrorRows;
  });
}

function lateStep(
  environment: Step["environment"],
  action: string,
  title: string,
  load: () => Promise<StepBody>,
): Step {
  return {
    environment,
    action,
    title,
    plan: async (app, context) => (await load()).plan(app, context),
    apply: async (app, plan, context) => (await load()).apply(app, plan, context),
    verify: async (app, context) => (await load()).verify(app, context),
  };
}
