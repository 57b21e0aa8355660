/**
 * `leveredge start`, what `npm start` runs. With a configuration it shows the
 * plan and changes nothing; without one it makes the sample platform and hardens
 * it, going on with a run that was interrupted.
 */
import { join } from "node:path";

import type { Command, CommandContext } from "#cli/command.ts";
import { findConfigFile } from "#config/config-file.ts";
import { programRoot, resolveStateDirectory } from "#config/state-directory.ts";
import type { Domain } from "#domain.ts";
import { hardenCommand } from "#domains/hardening/commands.ts";

export function startCommand(domains: readonly Domain[]): Command {
  const harden = hardenCommand(domains);
  return {
    name: "start",
    summary: "show the plan of the configured platform; without a configuration, make a sample platform and harden it",
    options: [{ flags: "--exit", summary: "end after the run and stop what was started for it" }],
    examples: ["leveredge start", "leveredge start --exit --json", "leveredge start --config leveredge.yaml"],
    run: (context) =>
      findConfigFile(context.global.config) === undefined
        ? startSample(context, harden)
        : harden.run({ ...context, options: { plan: true } }),
  };
}

async function startSample(context: CommandContext, harden: Command): Promise<number> {
  const { ensureSamplePlatform } = await import("../../sample/platform.ts");
  const { findUnfinishedRun } = await import("#domains/hardening/queries.ts");
  const { openApp } = await import("../open-app.ts");
  const { runProgram } = await import("#system/run.ts");
  const { output, signal } = context;

  const stateDirectory = resolveStateDirectory(context.global.state);
  const sample = await ensureSamplePlatform({ stateDirectory, run: runProgram, signal, say: output.say });
  const app = await openApp({ ...context.global, config: sample.configPath }, signal);
  try {
    const unfinished = await findUnfinishedRun(app.db, app.config.platform.name);
    if (unfinished !== undefined) output.say(`going on with run ${unfinished.id}, which was interrupted`);
    const exitCode = await harden.run({
      ...context,
      options: { resume: unfinished !== undefined },
      openApp: () => Promise.resolve(app),
    });
    if (context.options["exit"] !== true) sayWhereThingsAre(context, sample.configPath);
    return exitCode;
  } finally {
    await app.close();
    if (context.options["exit"] === true) await sample.server.stop();
  }
}

function sayWhereThingsAre({ output }: CommandContext, configPath: string): void {
  output.say("");
  output.say("The sample's databases go on running. Look at them, or break dev and run npm start again:");
  output.say(`  export LEVEREDGE_CONFIG=${configPath} PATH=${join(programRoot, "bin")}:$PATH`);
  output.say("  leveredge mirror drift        # or doctor, migrate status, audit verify, any command above");
  output.say("  leveredge store stop          # when you are done");
}
