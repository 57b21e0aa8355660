import { open, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import type { Command, CommandContext } from "#cli/command.ts";
import { configFileName } from "#config/config-file.ts";
import { programRoot } from "#config/state-directory.ts";
import { AppError, outcomeExit, readErrorCode } from "#errors.ts";

/** `leveredge init`: a commented configuration to edit. An existing file is never touched. */
export const initCommand: Command = {
  name: "init",
  summary: "write a commented leveredge.yaml to edit",
  arguments: [{ syntax: "[file]", summary: `where to write it (default: ./${configFileName})` }],
  examples: ["leveredge init", "leveredge init /etc/leveredge/leveredge.yaml"],
  run: writeTemplate,
};

async function writeTemplate({ arguments: [file], global, output }: CommandContext): Promise<number> {
  const path = resolve(file ?? global.config ?? configFileName);
  await createFile(path, await readTemplate());
  output.data(
    { path },
    [
      `${path} is written. Next:`,
      "  1. edit it: the platform's root and the tables that travel",
      "  2. set DEV_DATABASE_URL and PROD_DATABASE_URL",
      `  3. leveredge doctor --config ${path}`,
      `  4. leveredge harden --plan --config ${path}`,
    ].join("\n"),
  );
  return outcomeExit.ok;
}

/** The template with the schema of this program, so that editors complete and check it. */
async function readTemplate(): Promise<string> {
  const template = await readFile(join(programRoot, "templates", configFileName), "utf8");
  const schema = pathToFileURL(join(programRoot, "leveredge.schema.json")).href;
  return template.replace(/^(# yaml-language-server: \$schema=).*$/m, (_line, key: string) => key + schema);
}

async function createFile(path: string, text: string): Promise<void> {
  try {
    const file = await open(path, "wx", 0o644);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw describeFailure(path, cause);
  }
}

function describeFailure(path: string, cause: unknown): unknown {
  const code = readErrorCode(cause);
  if (code === "EEXIST") {
    return new AppError("conflict", `${path} exists already`, {
      cause,
      hint: "Name another path: `leveredge init FILE`.",
    });
  }
  if (code === "ENOENT" || code === "ENOTDIR") {
    return new AppError("not_found", `the folder of ${path} does not exist`, { cause, hint: "Make the folder first." });
  }
  return cause;
}
