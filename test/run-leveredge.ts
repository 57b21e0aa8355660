import { execFile } from "node:child_process";
import { join } from "node:path";

import { programRoot } from "#config/state-directory.ts";

export type Ran = { exitCode: number; stdout: string; stderr: string };

const timeoutMs = 120_000;

/** Runs the real program as a user does, with nothing of this environment but what is given. */
export function runLeveredge(
  words: readonly string[],
  options: { env?: Record<string, string>; cwd?: string } = {},
): Promise<Ran> {
  const env = { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: "/nonexistent", ...options.env };
  return new Promise((resolve, reject) => {
    execFile(
      join(programRoot, "bin/leveredge"),
      words,
      { env, cwd: options.cwd ?? "/", timeout: timeoutMs },
      (error, stdout, stderr) => {
        if (error === null) resolve({ exitCode: 0, stdout, stderr });
        else if (typeof error.code === "number") resolve({ exitCode: error.code, stdout, stderr });
        else reject(error);
      },
    );
  });
}
