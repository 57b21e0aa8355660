/** Which file is the configuration, by the same rule for every command. */
import { statSync } from "node:fs";
import { resolve } from "node:path";

import { AppError, readErrorCode } from "#errors.ts";

import { readVariable } from "./environment.ts";

export const configFileName = "leveredge.yaml";

/**
 * The absolute path of the configuration: `--config`, else LEVEREDGE_CONFIG, else
 * `leveredge.yaml` in the working directory, else the one under /etc. Undefined when
 * none was named and none is there; one that is named and missing is `not_found`.
 */
export function findConfigFile(flag: string | undefined): string | undefined {
  const named = flag ?? readVariable("LEVEREDGE_CONFIG");
  if (named === undefined) return [resolve(configFileName), `/etc/leveredge/${configFileName}`].find(mayBeThere);
  const path = resolve(named);
  if (!mayBeThere(path)) {
    throw new AppError("not_found", `no configuration at ${path}`, {
      hint: `Write one with \`leveredge init ${named}\` or name another with --config FILE.`,
    });
  }
  return path;
}

/** As `findConfigFile`, where a command cannot go on without one. */
export function requireConfigFile(flag: string | undefined): string {
  const path = findConfigFile(flag);
  if (path !== undefined) return path;
  throw new AppError("not_found", `no ${configFileName} here or in /etc/leveredge`, {
    hint: "Write one with `leveredge init` or name it with --config FILE.",
  });
}

/** What this user may not see is not missing: reading it says what is wrong. */
function mayBeThere(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch (cause) {
    return !["ENOENT", "ENOTDIR"].includes(readErrorCode(cause) ?? "");
  }
}
