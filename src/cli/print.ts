/**
 * What reaches the terminal. Data goes to stdout, talk and progress to stderr, so
 * that `leveredge … | program` and `leveredge … --json` work. A reader that goes
 * away (`| head`) ends the printing and not the work.
 */
import type { GlobalOptions, Output } from "./command.ts";
import { makePrintable } from "./printable.ts";

export type Stream = { write(text: string): unknown; isTTY?: boolean };

export function createOutput(
  global: Pick<GlobalOptions, "json" | "quiet">,
  streams: { stdout: Stream; stderr: Stream },
): Output {
  return {
    data(value, text) {
      if (global.json) streams.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
      else if (text !== "") streams.stdout.write(`${makePrintable(text)}\n`);
    },
    say(line) {
      if (!global.quiet) streams.stderr.write(`${makePrintable(line)}\n`);
    },
    live: streams.stderr.isTTY === true && !global.quiet && !global.json,
  };
}
