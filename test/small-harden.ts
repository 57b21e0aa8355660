/** `leveredge harden` over the small sections, as a process that tests may kill. */
import { runCommandLine } from "#cli/program.ts";
import { hardeningDomain } from "#domains/hardening/domain.ts";
import { smallDomain } from "#test/small-sections.ts";

import { openApp } from "../bin/open-app.ts";

const interrupted = new AbortController();
process.on("SIGINT", () => interrupted.abort());

const exitCode = await runCommandLine(
  { version: "1.0.0", summary: "harden small sections", commands: hardeningDomain([smallDomain]).commands ?? [] },
  process.argv.slice(2),
  {
    stdout: process.stdout,
    stderr: process.stderr,
    mayColor: process.env["TERM"] !== undefined,
    debug: true,
    signal: interrupted.signal,
    openApp,
  },
);
process.exit(exitCode);
