import { readFileSync } from "node:fs";
import { join } from "node:path";

import { programRoot } from "./state-directory.ts";

/** The version of package.json. */
export function readVersion(): string {
  // Our own file: npm refuses a package without a version.
  const { version } = JSON.parse(readFileSync(join(programRoot, "package.json"), "utf8")) as { version: string };
  return version;
}
