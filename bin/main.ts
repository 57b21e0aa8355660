/** Joins the command line with the process it runs in: streams, signals, environment. */
import type { Command, GlobalOptions } from "#cli/command.ts";
import { runCommandLine, type Surroundings } from "#cli/program.ts";
import { reportError } from "#cli/report-error.ts";
import { readVariable } from "#config/environment.ts";
import { domains, hardened } from "#domains.ts";
import { outcomeExit } from "#errors.ts";

import { auditCommands } from "./commands/audit.ts";
import { createDoctorCommand } from "./commands/doctor.ts";
import { initCommand } from "./commands/init.ts";
import { serveCommand } from "./commands/serve.ts";
import { startCommand } from "./commands/start.ts";
import { createStatusCommand } from "./commands/status.ts";
import { storeCommands } from "./commands/store.ts";
import { readVersion } from "#config/program-version.ts";

/** Every command there is, in the order of the help. */
export const commands: readonly Command[] = [
  startCommand({ hardened, domains }),
  initCommand,
  createStatusCommand(domains),
  createDoctorCommand(domains),
  serveCommand(domains),
  ...domains.flatMap((domain) => domain.commands ?? []),
  ...storeCommands,
  ...auditCommands,
];

const programSummary = "Hardens a small team's AI-agent platform and keeps it hard.";

/** Runs one command line and answers the exit code. A second signal ends the process at once. */
export async function main(words: string[]): Promise<number> {
  const debug = readVariable("LEVEREDGE_DEBUG") !== undefined;
  for (const stream of [process.stdout, process.stderr]) stream.on("error", ignoreClosedPipe);
  process.on("uncaughtException", (error) => {
    process.exit(reportError(error, process.stderr, { json: words.includes("--json"), color: false, debug }));
  });
  const surroundings: Surroundings = {
    stdout: process.stdout,
    stderr: process.stderr,
    mayColor: readVariable("NO_COLOR") === undefined && readVariable("TERM") !== "dumb",
    debug,
    signal: listenForSignals(),
    openApp: async (global: GlobalOptions, signal: AbortSignal) => {
      const { openApp, withReferences } = await import("./open-app.ts");
      const { relayOnClose } = await import("./relay-on-close.ts");
      // What a reference opens is an event like any other.
      return withReferences(relayOnClose(await openApp(global, signal), domains, process.stderr));
    },
  };
  return runCommandLine({ version: readVersion(), summary: programSummary, commands }, words, surroundings);
}

function listenForSignals(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(outcomeExit.interrupted);
      controller.abort();
    });
  }
  return controller.signal;
}

/** A reader that went away ends the printing, not the work. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}
