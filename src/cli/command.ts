/**
 * A command of the program as data: the manifest of a domain lists them, `bin/`
 * builds the parser. Heavy code is imported inside `run`, so that `--help` is
 * fast.
 */
import type { App } from "#app.ts";

export type Command = {
  /** Words after `leveredge`: `mirror plan`. */
  name: string;
  /** One line for the list of commands. */
  summary: string;
  /** Positional arguments in commander's notation: `[section]`, `<name>`. */
  arguments?: { syntax: string; summary: string }[];
  options?: Option[];
  /** Shown under help; at least one. Each is a whole command line. */
  examples: string[];
  /** Answers the exit code. Throws AppError when asked for what cannot be done. */
  run(context: CommandContext): Promise<number>;
};

export type Option = {
  /** In commander's notation: `--allow <hazards>`. */
  flags: string;
  summary: string;
  choices?: string[];
  /** May be given several times; its value is a list. */
  isList?: boolean;
};

export type CommandContext = {
  arguments: string[];
  /** By camelCase long name; absent when not given. */
  options: Record<string, string | boolean | undefined>;
  /** Those that may be given several times. */
  lists?: Record<string, string[] | undefined>;
  global: GlobalOptions;
  output: Output;
  /** Aborted by Ctrl-C and SIGTERM. */
  signal: AbortSignal;
  /** Opens configuration, store and keys; a second call returns the same. */
  openApp(): Promise<App>;
};

export type GlobalOptions = {
  /** Path given by `--config`. */
  config: string | undefined;
  /** Path given by `--state`. */
  state: string | undefined;
  json: boolean;
  color: boolean;
  quiet: boolean;
};

/** Data goes to stdout, talk and progress to stderr. */
export type Output = {
  /** With `--json` the value as one JSON document on stdout, else the text. */
  data(value: unknown, text: string): void;
  /** A line on stderr; silent with `--quiet`. */
  say(line: string): void;
  /** Whether stderr is a terminal and neither `--quiet` nor `--json` asks for silence. */
  live: boolean;
};
