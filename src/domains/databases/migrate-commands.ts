/** `leveredge migrate`: numbered SQL files for the operator's databases, dev first. */
import type { App } from "#app.ts";
import type { Command, CommandContext } from "#cli/command.ts";
import { AppError, outcomeExit } from "#errors.ts";
import type { Applied, MarkedEnvironment, MigrationFile, MigrationTable } from "#store/migrator.ts";

import type { MigrationStatus, UpOutcome, UpRequest } from "./migrations.ts";

export const migrateCommands: Command[] = [
  {
    name: "migrate status",
    summary: "show which migrations dev and prod have",
    options: [{ flags: "--env <environment>", summary: "only this database", choices: ["dev", "prod"] }],
    examples: ["leveredge migrate status", "leveredge migrate status --json"],
    run: runStatus,
  },
  {
    name: "migrate new",
    summary: "write the next migration file",
    arguments: [{ syntax: "<name>", summary: "what it changes, in a few words" }],
    examples: ["leveredge migrate new add_agent_region"],
    run: runNew,
  },
  {
    name: "migrate up",
    summary: "apply what is pending; prod takes only what dev has recorded",
    options: [
      { flags: "--env <environment>", summary: "the database to change", choices: ["dev", "prod"] },
      {
        flags: "--interrupted <choice>",
        summary: "what to do with the statement that a killed run stood at",
        choices: ["retry", "skip"],
      },
    ],
    examples: ["leveredge migrate up --env dev", "leveredge migrate up --env prod"],
    run: runUp,
  },
];

async function runStatus(context: CommandContext): Promise<number> {
  const app = await context.openApp();
  const { compareEnvironments } = await import("./migrations.ts");
  const { configuredMigrations } = await import("./configured.ts");
  const { table } = configuredMigrations(app.config);
  const files = await readFiles(app);
  const only = context.options["env"];
  const read = (environment: MarkedEnvironment): Promise<EnvironmentRecord> =>
    only === undefined || only === environment
      ? readConfigured(app, environment, table)
      : Promise.resolve({ recorded: null });
  const [dev, prod] = await Promise.all([read("dev"), read("prod")]);
  const unreadable = [dev, prod].flatMap((record) => ("unreadable" in record ? [record.unreadable] : []));
  const status = { ...compareEnvironments(files, recordedOf(dev), recordedOf(prod)), unreadable };
  context.output.data(status, await formatStatus(status));
  if (status.faults.length > 0) return outcomeExit.failed;
  if (unreadable.length > 0) return outcomeExit.blocked;
  const isSettled = status.pendingOnDev === 0 && status.readyForProd === 0;
  return isSettled ? outcomeExit.ok : outcomeExit.drift;
}

async function runNew(context: CommandContext): Promise<number> {
  const app = await context.openApp();
  const { createMigration } = await import("./migrations.ts");
  const path = await createMigration(await requireDirectory(app), context.arguments[0] ?? "");
  context.output.data({ path }, path);
  context.output.say("Write its SQL, then: leveredge migrate up --env dev");
  return outcomeExit.ok;
}

async function runUp(context: CommandContext): Promise<number> {
  const environment = readEnvironment(context.options["env"]);
  const { interrupted } = context.options;
  const app = await context.openApp();
  const { applyPending } = await import("./migrations.ts");
  const { configuredMigrations } = await import("./configured.ts");
  const { configuredTarget } = await import("#postgres/configured-target.ts");
  const { currentUser } = await import("#system/user.ts");
  await requireDirectory(app);
  const files = await readFiles(app);
  const hasDev = app.config.environments.dev !== undefined;
  const { table } = configuredMigrations(app.config);
  const request: UpRequest = {
    environment,
    target: await configuredTarget(app, environment),
    dev: environment === "prod" && hasDev ? await configuredTarget(app, "dev") : undefined,
    table,
    files,
    appliedBy: currentUser(),
    signal: context.signal,
    onApplied: ({ name }) => context.output.say(`${environment}: applied ${name}`),
    ...(interrupted === "retry" || interrupted === "skip" ? { interrupted } : {}),
  };
  const { recorded } = await import("./command-event.ts");
  const event = { action: "databases.migrate", target: `${table.schema}.${table.name}`, environment };
  const outcome = await recorded(
    app,
    event,
    () => applyPending(request),
    ({ state, ...details }) => ({
      outcome: state,
      details,
    }),
  );
  context.output.data({ environment, ...outcome }, formatUp(environment, outcome));
  return outcome.state === "refused" ? outcomeExit.refused : outcomeExit.ok;
}

function readEnvironment(given: string | boolean | undefined): MarkedEnvironment {
  if (given === "dev" || given === "prod") return given;
  throw new AppError("invalid_input", "migrate up needs the environment to change", {
    hint: "Add --env dev, and --env prod after it.",
  });
}

async function requireDirectory(app: App): Promise<string> {
  const directory = app.config.migrations?.directory;
  if (directory !== undefined) return directory;
  throw new AppError("not_found", "the configuration names no migrations directory", {
    hint: "Add migrations: { directory: /path/to/migrations } to leveredge.yaml.",
  });
}

async function readFiles(app: App): Promise<MigrationFile[]> {
  const { readMigrationFiles } = await import("#store/migrator.ts");
  return readMigrationFiles(await requireDirectory(app));
}

/** What an environment has recorded; null when it is not configured. One that does not answer hides nothing of the other. */
type EnvironmentRecord = { recorded: Applied[] | null } | { unreadable: string };

async function readConfigured(
  app: App,
  environment: MarkedEnvironment,
  table: MigrationTable,
): Promise<EnvironmentRecord> {
  if (app.config.environments[environment] === undefined) return { recorded: null };
  const { configuredTarget } = await import("#postgres/configured-target.ts");
  const { readRecorded } = await import("./migrations.ts");
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

async function formatStatus(status: MigrationStatus & { unreadable: string[] }): Promise<string> {
  const { formatTable } = await import("#cli/table.ts");
  const rows = status.migrations.map(({ name, dev, prod, detail }) => [name, dev ?? "-", prod ?? "-", detail ?? ""]);
  const table = rows.length === 0 ? "no migrations" : formatTable(["migration", "dev", "prod", ""], rows);
  const next = [
    status.pendingOnDev === 0 ? [] : [`${status.pendingOnDev} pending on dev: leveredge migrate up --env dev`],
    status.readyForProd === 0 ? [] : [`${status.readyForProd} ready for prod: leveredge migrate up --env prod`],
  ].flat();
  const troubles = [
    ...status.faults.map((fault) => `fault: ${fault}`),
    ...status.unreadable.map((reason) => `unknown: ${reason}`),
  ];
  return [table, ...troubles, ...next].join("\n");
}

function formatUp(environment: MarkedEnvironment, outcome: UpOutcome): string {
  if (outcome.state === "applied") {
    const { length } = outcome.applied;
    return length === 0 ? `${environment} has every migration` : `${environment}: ${length} applied`;
  }
  const lines = outcome.refused.map(({ name, reason }) => `  ${name}: ${reason}`);
  return [
    "refused: prod takes only what dev has recorded; nothing was applied",
    ...lines,
    "Run leveredge migrate up --env dev first.",
  ].join("\n");
}
