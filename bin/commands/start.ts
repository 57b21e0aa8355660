/**
 * `leveredge start`, what `npm start` runs. With a configuration it shows the
 * plan and changes nothing; without one it makes the sample platform and hardens
 * it, going on with a run that was interrupted. Then it serves.
 */
import { dirname, join } from "node:path";

import type { Command, CommandContext } from "#cli/command.ts";
import { findConfigFile } from "#config/config-file.ts";
import { programRoot, resolveStateDirectory } from "#config/state-directory.ts";
import type { Domain } from "#domain.ts";
import { hardenCommand } from "#domains/hardening/commands.ts";

import type { ServerParts } from "../open-app.ts";

import { serveUntilStopped } from "./serve.ts";

type Parts = { hardened: readonly Domain[]; domains: readonly Domain[] };

export function startCommand({ hardened, domains }: Parts): Command {
  const harden = hardenCommand(hardened);
  return {
    name: "start",
    summary:
      "show the plan of the configured platform and serve; without a configuration, harden a sample platform first",
    options: [{ flags: "--exit", summary: "end instead of serving, and stop what was started for it" }],
    examples: ["leveredge start", "leveredge start --exit --json", "leveredge start --config leveredge.yaml"],
    run: (context) =>
      findConfigFile(context.global.config) === undefined
        ? startSample(context, harden, domains)
        : startConfigured(context, harden, domains),
  };
}

async function startConfigured(context: CommandContext, harden: Command, domains: readonly Domain[]): Promise<number> {
  const { openServerApp } = await import("../open-app.ts");
  const parts = await openServerApp(context.global, context.signal);
  const { app } = parts;
  try {
    const exitCode = await harden.run({ ...context, options: { plan: true }, openApp: () => Promise.resolve(app) });
    return await serveAfter(context, domains, { ...parts, exitCode });
  } finally {
    await app.close();
  }
}

async function startSample(context: CommandContext, harden: Command, domains: readonly Domain[]): Promise<number> {
  const { ensureSampleCredentials } = await import("../../sample/credentials.ts");
  const { ensureSamplePlatform } = await import("../../sample/platform.ts");
  const { findUnfinishedRun } = await import("#domains/hardening/queries.ts");
  const { openServerApp } = await import("../open-app.ts");
  const { runProgram } = await import("#system/run.ts");
  const { output, signal } = context;

  const stateDirectory = resolveStateDirectory(context.global.state);
  const sample = await ensureSamplePlatform({ stateDirectory, run: runProgram, signal, say: output.say });
  const parts = await openServerApp({ ...context.global, config: sample.configPath }, signal);
  const { app } = parts;
  try {
    await ensureSampleCredentials(app, dirname(sample.configPath));
    const unfinished = await findUnfinishedRun(app.db, app.config.platform.name);
    if (unfinished !== undefined) output.say(`going on with run ${unfinished.id}, which was interrupted`);
    const exitCode = await harden.run({
      ...context,
      options: { resume: unfinished !== undefined },
      openApp: () => Promise.resolve(app),
    });
    if (context.options["exit"] !== true) sayWhereThingsAre(context, sample.configPath);
    return await serveAfter(context, domains, { ...parts, exitCode });
  } finally {
    await app.close();
    if (context.options["exit"] === true) await sample.server.stop();
  }
}

type Started = ServerParts & { exitCode: number };

/** The exit code is that of the plan or the run, however long it was served. */
async function serveAfter(
  context: CommandContext,
  domains: readonly Domain[],
  { exitCode, ...parts }: Started,
): Promise<number> {
  if (context.options["exit"] === true || context.signal.aborted) return exitCode;
  await serveUntilStopped(context, domains, { ...parts, port: undefined });
  return exitCode;
}

function sayWhereThingsAre({ output }: CommandContext, configPath: string): void {
  output.say("");
  output.say("The sample's databases go on running. Look at them, or break dev and run npm start again:");
  output.say(`  export LEVEREDGE_CONFIG=${configPath} PATH=${join(programRoot, "bin")}:$PATH`);
  output.say("  leveredge mirror drift        # or doctor, migrate status, audit verify, any command above");
  output.say("  leveredge store stop          # when you are done");
}
