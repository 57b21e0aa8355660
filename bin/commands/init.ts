import { existsSync } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import type { Command, CommandContext } from "#cli/command.ts";
import { canAsk, confirm } from "#cli/prompt.ts";
import { configFileName } from "#config/config-file.ts";
import { programRoot } from "#config/state-directory.ts";
import { AppError, outcomeExit, readErrorCode } from "#errors.ts";

/**
 * `leveredge init`: a commented configuration to edit. An existing file is never
 * touched. On a terminal it asks for what should not wait.
 */
export const initCommand: Command = {
  name: "init",
  summary: "write a commented leveredge.yaml to edit; on a terminal also prove recovery",
  arguments: [{ syntax: "[file]", summary: `where to write it (default: ./${configFileName})` }],
  options: [
    { flags: "--listen", summary: "let the server take messages for HERMES on port 8014 (asked on a terminal)" },
  ],
  examples: ["leveredge init", "leveredge init /etc/leveredge/leveredge.yaml --listen"],
  run: initialize,
};

const listenQuestion = "Shall leveredge serve take the messages that scripts send to HERMES, on 127.0.0.1:8014?";

async function initialize(context: CommandContext): Promise<number> {
  const { global, output, options, signal } = context;
  const path = resolve(context.arguments[0] ?? global.config ?? configFileName);
  const asks = canAsk() && !global.json && !global.quiet;
  // Before anything is asked; what counts is that the file is made anew.
  if (existsSync(path)) throw existsAlready(path);
  const listens = options["listen"] === true || (asks && (await confirm(listenQuestion, { signal })));
  await createFile(path, await readTemplate({ listens }));
  output.say(`${path} is written.`);
  const isSettled = asks && (await (await import("./offer-recovery.ts")).offerRecovery(context, path));
  const next = listNext(path, { state: global.state, listens, isSettled });
  output.data({ path, listens, next }, ["Next:", ...next.map((step, at) => `  ${at + 1}. ${step}`)].join("\n"));
  return outcomeExit.ok;
}

function listNext(path: string, made: { state: string | undefined; listens: boolean; isSettled: boolean }): string[] {
  const named = made.state === undefined ? `--config ${path}` : `--config ${path} --state ${made.state}`;
  const recovery = `leveredge keys recover --add age1… ${named}   # or --none "I accept that …": see docs/operations/keys.md`;
  return [
    "edit it: the platform's root and the tables that travel",
    "set DEV_DATABASE_URL and PROD_DATABASE_URL",
    ...(made.listens ? [] : ["notifications.listen: true in it, when scripts send messages to HERMES on port 8014"]),
    ...(made.isSettled ? [] : [recovery]),
    `leveredge doctor ${named}`,
    `leveredge harden --plan ${named}`,
  ];
}

/** The template with the schema of this program, so that editors complete and check it. */
async function readTemplate({ listens }: { listens: boolean }): Promise<string> {
  const template = await readFile(join(programRoot, "templates", configFileName), "utf8");
  const schema = pathToFileURL(join(programRoot, "leveredge.schema.json")).href;
  const text = template.replace(/^(# yaml-language-server: \$schema=).*$/m, (_line, key: string) => key + schema);
  return listens ? text.replace(/^#(notifications:|  listen: true)$/gm, "$1") : text;
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
    return existsAlready(path, cause);
  }
  if (code === "ENOENT" || code === "ENOTDIR") {
    return new AppError("not_found", `the folder of ${path} does not exist`, { cause, hint: "Make the folder first." });
  }
  return cause;
}

function existsAlready(path: string, cause?: unknown): AppError {
  return new AppError("conflict", `${path} exists already`, {
    ...(cause === undefined ? {} : { cause }),
    hint: "Name another path: `leveredge init FILE`.",
  });
}
