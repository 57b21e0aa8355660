/**
 * The command line: words → a command → its exit code.
 *
 * Commands are data (`command.ts`); this module makes the parser of them, offers
 * the global options anywhere on the line, prints help and failures, and closes
 * what the command opened. It knows no domain.
 */
import { Command as Parser, CommanderError, Option as ParserOption } from "commander";

import type { App } from "#app.ts";
import { AppError, outcomeExit } from "#errors.ts";

import type { Command, GlobalOptions } from "./command.ts";
import { createOutput, type Stream } from "./print.ts";
import { reportError } from "./report-error.ts";

export type Program = { version: string; summary: string; commands: readonly Command[] };

/** What the program runs in. */
export type Surroundings = {
  stdout: Stream;
  stderr: Stream;
  /** False when the environment asks for no colour. */
  mayColor: boolean;
  /** Whether failures show their whole chain of causes. */
  debug: boolean;
  signal: AbortSignal;
  openApp(global: GlobalOptions, signal: AbortSignal): Promise<App>;
};

const exitCodes = `Exit codes:
  0 done   1 a bug   2 wrong input   3 not allowed   4 not found   5 conflict   6 an outside service failed   7 unavailable
  10 drift   11 refused   12 blocked   13 failed   78 sealed   130 interrupted`;

const wrongInputExit = new AppError("invalid_input", "").exitCode;

/** Runs one command line (without node and script) and answers its exit code. Never throws. */
export async function runCommandLine(
  program: Program,
  words: readonly string[],
  surroundings: Surroundings,
): Promise<number> {
  let exitCode: number = outcomeExit.ok;
  const parser = buildParser(program, surroundings, async (command, parsed) => {
    exitCode = await runCommand(command, parsed, surroundings);
  });
  try {
    await parser.parseAsync(moveHelp(words), { from: "user" });
    return exitCode;
  } catch (error) {
    const failure = error instanceof CommanderError ? describeUsage(error) : error;
    if (typeof failure === "number") return failure;
    return report(failure, words, surroundings);
  }
}

type ParsedWords = {
  arguments: string[];
  options: Record<string, string | boolean | undefined>;
  lists: Record<string, string[] | undefined>;
  global: GlobalOptions;
};

type Action = (command: Command, parsed: ParsedWords) => Promise<void>;

async function runCommand(command: Command, parsed: ParsedWords, surroundings: Surroundings): Promise<number> {
  let app: Promise<App> | undefined;
  try {
    return await command.run({
      ...parsed,
      output: createOutput(parsed.global, surroundings),
      signal: surroundings.signal,
      openApp: () => (app ??= surroundings.openApp(parsed.global, surroundings.signal)),
    });
  } finally {
    // An app that could not be opened has told its reason to the command already.
    const opened = await app?.catch(() => undefined);
    await opened?.close();
  }
}

function buildParser(program: Program, surroundings: Surroundings, act: Action): Parser {
  const root = new Parser("leveredge")
    .description(program.summary)
    .version(program.version, "--version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand(false)
    .option("--config <file>", "the configuration; else LEVEREDGE_CONFIG, ./leveredge.yaml, /etc/leveredge")
    .option("--state <directory>", "what LeverEdge keeps; else LEVEREDGE_STATE or its usual place")
    .option("--json", "print data as one JSON document, errors as JSON on stderr")
    .option("--no-color", "print without colour")
    .option("--quiet", "print data and errors only")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => surroundings.stdout.write(text),
      writeErr: (text) => surroundings.stderr.write(text),
      // Printed by `report`, once and in one form.
      outputError: () => undefined,
    })
    .configureHelp({
      showGlobalOptions: true,
      visibleCommands: (parser) => listLeaves(parser),
      subcommandTerm: (parser) => [...pathOf(parser), ...parser.registeredArguments.map(formatArgument)].join(" "),
    })
    .addHelpText("after", `\n${exitCodes}\n\nleveredge <command> --help shows a command's options and examples.`);
  for (const command of program.commands) addCommand(root, command, surroundings, act);
  return root;
}

function addCommand(root: Parser, command: Command, surroundings: Surroundings, act: Action): void {
  const words = command.name.split(" ");
  const leaf = words.pop() ?? "";
  let parent = root;
  for (const word of words) {
    parent = parent.commands.find((known) => known.name() === word) ?? parent.command(word).helpCommand(false);
  }
  const parser = parent.command(leaf).description(command.summary);
  for (const { syntax, summary } of command.arguments ?? []) parser.argument(syntax, summary);
  for (const { flags, summary, choices, isList } of command.options ?? []) {
    const option = new ParserOption(flags, summary);
    if (isList === true) option.argParser((text: string, before: string[] | undefined) => [...(before ?? []), text]);
    parser.addOption(choices === undefined ? option : option.choices(choices));
  }
  parser.addHelpText("after", `\nExamples:\n${command.examples.map((example) => `  ${example}`).join("\n")}`);
  parser.action(() =>
    act(command, { arguments: parser.args, ...readOptions(parser), global: readGlobal(root, surroundings) }),
  );
}

function readOptions(parser: Parser): Pick<ParsedWords, "options" | "lists"> {
  const given = Object.entries(parser.opts<Record<string, string | boolean | string[] | undefined>>());
  return {
    options: Object.fromEntries(given.flatMap(([name, value]) => (Array.isArray(value) ? [] : [[name, value]]))),
    lists: Object.fromEntries(given.flatMap(([name, value]) => (Array.isArray(value) ? [[name, value]] : []))),
  };
}

function readGlobal(root: Parser, surroundings: Surroundings): GlobalOptions {
  const { config, state, json, color, quiet } = root.opts<{
    config?: string;
    state?: string;
    json?: boolean;
    color: boolean;
    quiet?: boolean;
  }>();
  return {
    config,
    state,
    json: json === true,
    color: color && surroundings.mayColor && surroundings.stdout.isTTY === true,
    quiet: quiet === true,
  };
}

/** `leveredge help mirror plan` is `leveredge mirror plan --help`, and nothing at all asks for help. */
function moveHelp(words: readonly string[]): string[] {
  if (words.length === 0) return ["--help"];
  return words[0] === "help" ? [...words.slice(1), "--help"] : [...words];
}

/**
 * Help and version have been printed and end well. So has the help of a group whose
 * command is missing, which is wrong input like everything else.
 */
function describeUsage(error: CommanderError): AppError | number {
  if (error.exitCode === 0) return outcomeExit.ok;
  if (error.code === "commander.help") return wrongInputExit;
  const [, message = error.message, suggestion] =
    /^(?:error: )?(.*?)\.?(?:\n\(Did you mean (.*)\?\))?$/s.exec(error.message.trim()) ?? [];
  const hint = suggestion === undefined ? "Run it with --help." : `Did you mean ${suggestion}? Run it with --help.`;
  return new AppError("invalid_input", message, { cause: error, hint });
}

function report(error: unknown, words: readonly string[], surroundings: Surroundings): number {
  const isJson = words.includes("--json");
  const options = {
    json: isJson,
    color: surroundings.mayColor && surroundings.stderr.isTTY === true && !words.includes("--no-color"),
    debug: surroundings.debug,
  };
  if (!surroundings.signal.aborted) return reportError(error, surroundings.stderr, options);
  const reason = error instanceof AppError ? `interrupted: ${error.message}` : "interrupted";
  const hint = error instanceof AppError ? error.hint : undefined;
  reportError(
    new AppError("unavailable", reason, { cause: error, ...(hint === undefined ? {} : { hint }) }),
    surroundings.stderr,
    options,
  );
  return outcomeExit.interrupted;
}

function listLeaves(parser: Parser): Parser[] {
  return parser.commands.flatMap((command) => (command.commands.length > 0 ? listLeaves(command) : [command]));
}

/** Words after `leveredge`. */
function pathOf(parser: Parser): string[] {
  return parser.parent === null ? [] : [...pathOf(parser.parent), parser.name()];
}

function formatArgument(argument: { required: boolean; name(): string }): string {
  return argument.required ? `<${argument.name()}>` : `[${argument.name()}]`;
}
