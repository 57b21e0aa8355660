/** `leveredge migrate`: numbered SQL files for the operator's databases, dev first. */
import type { Command, CommandContext } from "#cli/command.ts";
import { AppError, outcomeExit } from "#errors.ts";
import type { MarkedEnvironment } from "#store/migrator.ts";

import type { ConfiguredStatus } from "./migrate-work.ts";
import type { UpOutcome } from "./migrations.ts";

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
  const { readConfiguredStatus } = await import("./migrate-work.ts");
  const only = context.options["env"];
  const status = await readConfiguredStatus(app, only === "dev" || only === "prod" ? only : undefined);
  context.output.data(status, await formatStatus(status));
  if (status.faults.length > 0) return outcomeExit.failed;
  if (status.unreadable.length > 0) return outcomeExit.blocked;
  const isSettled = status.pendingOnDev === 0 && status.readyForProd === 0;
  return isSettled ? outcomeExit.ok : outcomeExit.drift;
}

async function runNew(context: CommandContext): Promise<number> {
  const app = await context.openApp();
  const { createMigration } = await import("./migrations.ts");
  const { requireMigrationsDirectory } = await import("./migrate-work.ts");
  const path = await createMigration(requireMigrationsDirectory(app), context.arguments[0] ?? "");
  context.output.data({ path }, path);
  context.output.say("Write its SQL, then: leveredge migrate up --env dev");
  return outcomeExit.ok;
}

async function runUp(context: CommandContext): Promise<number> {
  const environment = readEnvironment(context.options["env"]);
  const { interrupted } = context.options;
  const app = await context.openApp();
  const { applyConfigured } = await import("./migrate-work.ts");
  const { currentUser } = await import("#system/user.ts");
  const outcome = await applyConfigured(app, environment, {
    actor: `cli:${currentUser()}`,
    signal: context.signal,
    onApplied: ({ name }) => context.output.say(`${environment}: applied ${name}`),
    ...(interrupted === "retry" || interrupted === "skip" ? { interrupted } : {}),
  });
  context.output.data({ environment, ...outcome }, formatUp(environment, outcome));
  return outcome.state === "refused" ? outcomeExit.refused : outcomeExit.ok;
}

function readEnvironment(given: string | boolean | undefined): MarkedEnvironment {
  if (given === "dev" || given === "prod") return given;
  throw new AppError("invalid_input", "migrate up needs the environment to change", {
    hint: "Add --env dev, and --env prod after it.",
  });
}

async function formatStatus(status: ConfiguredStatus): Promise<string> {
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
