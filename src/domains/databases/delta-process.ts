/** Runs the comparison of two schemas in a process of its own, bounded in memory and time. */
import { totalmem } from "node:os";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";

import type { App } from "#app.ts";
import { AppError } from "#errors.ts";

import type { DatabaseTarget } from "#postgres/connection.ts";
import { DeltaAnswer, type DeltaPlan, type DeltaRequest } from "./delta-protocol.ts";

const timeoutMs = 15 * 60 * 1000;
const statementTimeoutMs = 5 * 60 * 1000;
const maxHeapMiB = 4096;
const maxAnswerBytes = 512 * 1024 * 1024;

export type DeltaSpec = {
  desired: DatabaseTarget;
  actual: DatabaseTarget;
} & Pick<DeltaRequest, "devOnly" | "excludedSchemas" | "excludedTables">;

/** The plan, or why this change cannot be planned. Both databases are only read. */
export async function compareSchemas(
  app: Pick<App, "run">,
  spec: DeltaSpec,
  signal: AbortSignal,
): Promise<DeltaPlan | { state: "refused"; message: string }> {
  const { desired, actual, ...options } = spec;
  // URLs travel on stdin: argv and environment of a process can be read by others.
  const request: DeltaRequest = {
    desired: { label: desired.label, url: desired.url.reveal() },
    actual: { label: actual.label, url: actual.url.reveal() },
    ...options,
    statementTimeoutMs,
  };
  const heapMiB = Math.min(maxHeapMiB, Math.floor((totalmem() * 0.6) / 1024 ** 2));
  // Compiled, this file and the program beside it end in .js.
  const program = fileURLToPath(new URL(`./delta-child${extname(import.meta.url)}`, import.meta.url));
  const result = await app.run(
    process.execPath,
    [`--max-old-space-size=${heapMiB}`, "--max-semi-space-size=64", program],
    {
      input: JSON.stringify(request),
      timeoutMs,
      signal,
      maxOutputBytes: maxAnswerBytes,
      accept: [0, 134],
    },
  );
  if (result.exitCode !== 0) {
    throw new AppError(
      "unavailable",
      `comparing ${desired.label} with ${actual.label} needs more than ${heapMiB} MiB`,
      {
        hint: "Run the mirror on a host with more memory.",
      },
    );
  }
  const answer = DeltaAnswer.parse(JSON.parse(result.stdout));
  if (answer.state !== "failed") return answer;
  throw new AppError("upstream_failed", `${desired.label} and ${actual.label} cannot be compared: ${answer.message}`);
}
