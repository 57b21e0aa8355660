/** A process that drills one file, for tests of what is left when it is killed: prints each step of its progress. */
import { drillFile } from "#domains/backups/drill.ts";
import { runProgram } from "#system/run.ts";

const [file = "", home = ""] = process.argv.slice(2);

await drillFile(
  { run: runProgram, stateDir: home },
  {
    file,
    dataHome: home,
    signal: new AbortController().signal,
    progress: (text) => process.stdout.write(`${text}\n`),
  },
);
