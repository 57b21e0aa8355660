/** Migrations of the configured databases: their standing and their application, for commands and for the API. */
import type { App } from "#app.ts";
import { AppError } from "#errors.ts";
import type { Notice } from "#events/schema.ts";
import { configuredTarget } from "#postgres/configured-target.ts";
import {
  type Applied,
  type MarkedEnvironment,
  type MigrationFile,
  type MigrationTable,
  readMigrationFiles,
} from "#store/migrator.ts";
import { currentUser } from "#system/user.ts";

import { recorded } from "./command-event.ts";
import { configuredMigrations } from "./configured.ts";
import { applyPending, compareEnvironments, type MigrationStatus, readRecorded, type UpOutcome } from "./migrations.ts";

/** `unreadable`: the environments that did not answer, each with its reason. */
export type ConfiguredStatus = MigrationStatus & { unreadable: string[] };

/** What an environment has recorded; null when it is not configured. One that does not answer hides nothing of the other. */
type EnvironmentRecord = { recorded: Applied[] | null } | { unreadable: string };

/** Where the migrations lie; `not_found` when none are configured. */
export function requireMigrationsDirectory(app: Pick<App, "config">): string {
  const { directory } = configuredMigrations(app.config);
  if (directory !== undefined) return directory;
  throw new AppError("not_found", "the configuration names no migrations directory", {
    hint: "Add migrations: { directory: /path/to/migrations } to leveredge.yaml.",
  });
}

/** Which migrations dev and prod have, or only one of them. Reads only. */
export async function readConfiguredStatus(app: App, only: MarkedEnvironment | undefined): Promise<ConfiguredStatus> {
  const { table } = configuredMigrations(app.config);
  const files = await readMigrationFiles(requireMigrationsDirectory(app));
  const read = (environment: MarkedEnvironment): Promise<EnvironmentRecord> =>
    only === undefined || only === environment
      ? readConfigured(app, environment, table)
      : Promise.resolve({ recorded: null });
  const [dev, prod] = await Promise.all([read("dev"), read("prod")]);
  const unreadable = [dev, prod].flatMap((record) => ("unreadable" in record ? [record.unreadable] : []));
  return { ...compareEnvironments(files, recordedOf(dev), recordedOf(prod)), unreadable };
}

/** Applies what is pending to one environment and records what came of it. Prod takes only what dev has recorded. */
export async function applyConfigured(
  app: App,
  environment: MarkedEnvironment,
  options: {
    actor: string;
    signal: AbortSignal;
    onApplied: (file: MigrationFile) => void;
    interrupted?: "retry" | "skip";
  },
): Promise<UpOutcome> {
  const { actor, ...work } = options;
  const { table } = configuredMigrations(app.config);
  const files = await readMigrationFiles(requireMigrationsDirectory(app));
  const hasDev = app.config.environments.dev !== undefined;
  const request = {
    environment,
    target: await configuredTarget(app, environment),
    dev: environment === "prod" && hasDev ? await configuredTarget(app, "dev") : undefined,
    table,
    files,
    appliedBy: currentUser(),
    ...work,
  };
  const event = { actor, action: "databases.migrate", target: `${table.schema}.${table.name}`, environment };
  return recorded(
    app,
    event,
    () => applyPending(request),
    (outcome) => {
      const { state, ...details } = outcome;
      return { outcome: state, details, notice: describeOutcome(environment, outcome) };
    },
  );
}

/** A file more on a database is worth a line; nothing pending is worth an entry in the log. */
function describeOutcome(environment: MarkedEnvironment, outcome: UpOutcome): Notice {
  const { state } = outcome;
  if (state === "refused") {
    const lines = outcome.refused.map(({ name, reason }) => `${name}: ${reason}`);
    const text = [...lines, "Run first: leveredge migrate up --env dev"].join("\n");
    return { severity: "normal", title: `${environment}: migrations refused`, text, section: 1 };
  }
  const { applied } = outcome;
  const title =
    applied.length === 0
      ? `${environment} has every migration`
      : `${environment}: ${applied.length} migrations applied`;
  const severity = applied.length === 0 ? "low" : "normal";
  return { severity, title, text: applied.join("\n"), section: 1 };
}

async function readConfigured(
  app: App,
  environment: MarkedEnvironment,
  table: MigrationTable,
): Promise<EnvironmentRecord> {
  if (app.config.environments[environment] === undefined) return { recorded: null };
  try {
    return { recorded: await readRecorded(await configuredTarget(app, environment), table) };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { unreadable: `${environment}: ${error.message}${error.hint === undefined ? "" : ` (${error.hint})`}` };
  }
}

function recordedOf(record: EnvironmentRecord): Applied[] | null {
  return "recorded" in record ? record.recorded : null;
}
