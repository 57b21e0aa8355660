/**
 * Section 1, database mirroring: dev's schema proven equal to prod's, with dev's
 * own migrations kept; reference rows copied; the script for the platform's cron
 * line; `schema_migrations` in both databases. Prod gets that table and nothing
 * else, and only after every step of dev is verified.
 */
import type { Config } from "#config/schema.ts";
import type { Section, Step } from "#domain.ts";

/** What a step does, loaded when it is asked: the list of sections must not cost a start of the program. */
export type StepBody = Pick<Step, "plan" | "apply" | "verify">;

/** The script of the platform's cron line, relative to its root. */
export const syncSchemaPath = "shared/scripts/sync-schema.sh";

export const databaseMirroring: Section = {
  number: 1,
  title: "Database mirroring",
  wanted: (config) => config.mirror !== undefined || config.migrations !== undefined,
  steps: listSteps,
  files: (config) => (config.mirror === undefined ? [] : [syncSchemaPath]),
};

function listSteps({ mirror }: Config): Step[] {
  if (mirror === undefined) return [migrationTable("dev"), migrationTable("prod")];
  return [
    migrationTable("dev"),
    lateStep("dev", "mirror-schema", "make dev's schema equal to prod's", async () => {
      const { mirrorSchema } = await import("./mirror-step.ts");
      return mirrorSchema;
    }),
    ...(mirror.reference_tables.length === 0 ? [] : [referenceRows()]),
    lateStep("shared", "install-scripts", `install ${syncSchemaPath}`, async () => {
      const { installScripts } = await import("./scripts-step.ts");
      return installScripts;
    }),
    migrationTable("prod"),
  ];
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
