/** `leveredge tokens`, `users` and `sign-in`. They work on the host directly, also when the server is down. */
import type { z } from "zod";

import type { App } from "#app.ts";
import type { Command, CommandContext } from "#cli/command.ts";
import { readPort } from "#config/port.ts";
import { AppError, outcomeExit } from "#errors.ts";

import type { ApiToken, User } from "./schema.ts";

const roles = ["viewer", "operator", "admin", "agent", "service"];

export const identityCommands: Command[] = [
  {
    name: "tokens create",
    summary: "make an API token and print it, once",
    options: [
      { flags: "--user <name>", summary: "whose token it is" },
      { flags: "--name <text>", summary: "what it is for" },
      { flags: "--scopes <list>", summary: "resource:action:environment, by commas; default all of the user's role" },
      { flags: "--expires <time>", summary: "when it ends, at most 365d (default 90d)" },
    ],
    examples: [
      "leveredge tokens create --user admin --name laptop",
      "leveredge tokens create --user ci --name nightly --scopes backups:verify:*,runs:read:* --expires 30d",
    ],
    run: runCreateToken,
  },
  {
    name: "tokens list",
    summary: "show API tokens, the newest first",
    examples: ["leveredge tokens list", "leveredge tokens list --json"],
    run: runListTokens,
  },
  {
    name: "tokens revoke",
    summary: "end an API token with its next request",
    arguments: [{ syntax: "<id>", summary: "the eight characters that name it" }],
    examples: ["leveredge tokens revoke 8Fq2Rz0b"],
    run: runRevokeToken,
  },
  {
    name: "users create",
    summary: "make a user",
    arguments: [{ syntax: "<name>", summary: "lower-case letters, digits, . _ or -" }],
    options: [{ flags: "--role <role>", summary: "what it may do", choices: roles }],
    examples: ["leveredge users create damon --role operator", "leveredge users create scribe --role agent"],
    run: runCreateUser,
  },
  {
    name: "users list",
    summary: "show users",
    examples: ["leveredge users list", "leveredge users list --json"],
    run: runListUsers,
  },
  {
    name: "users disable",
    summary: "lock a user out at once: sessions end, tokens open nothing",
    arguments: [{ syntax: "<name>", summary: "the user" }],
    examples: ["leveredge users disable damon"],
    run: (context) => runChangeUser(context, { disabled: true }),
  },
  {
    name: "users enable",
    summary: "let a disabled user in again",
    arguments: [{ syntax: "<name>", summary: "the user" }],
    examples: ["leveredge users enable damon"],
    run: (context) => runChangeUser(context, { disabled: false }),
  },
  {
    name: "sign-in",
    summary: "print a link that opens one session in a browser within ten minutes",
    arguments: [{ syntax: "[name]", summary: "the user (default admin)" }],
    options: [{ flags: "--port <port>", summary: "where the server listens; else where it says so, or serve.port" }],
    examples: ["leveredge sign-in", "leveredge sign-in damon"],
    run: runSignIn,
  },
];

async function runCreateToken(context: CommandContext): Promise<number> {
  const { NewToken } = await import("./schema.ts");
  const { user, name, scopes, expires } = context.options;
  const input = read(NewToken, {
    user,
    name,
    ...(typeof scopes === "string" ? { scopes: scopes.split(",").map((scope) => scope.trim()) } : {}),
    ...(expires === undefined ? {} : { expires }),
  });
  const app = await context.openApp();
  const { createToken } = await import("./tokens.ts");
  const { hostAsker } = await import("./users.ts");
  const { token, record } = await createToken(app, input, hostAsker());
  context.output.data({ ...record, token: token.reveal() }, token.reveal());
  context.output.say(`${record.id} of ${record.user}, until ${record.expiresAt}: ${record.scopes.join(" ")}`);
  context.output.say("Keep it now: it is not shown again, and whoever has it may do all of that.");
  return outcomeExit.ok;
}

async function runListTokens(context: CommandContext): Promise<number> {
  const app = await context.openApp();
  const { listTokens } = await import("./queries.ts");
  const tokens = await listTokens(app.db);
  context.output.data(tokens, await formatTokens(tokens, app));
  return outcomeExit.ok;
}

async function runRevokeToken(context: CommandContext): Promise<number> {
  const [id = ""] = context.arguments;
  const app = await context.openApp();
  const { revokeToken } = await import("./tokens.ts");
  const { hostAsker } = await import("./users.ts");
  const revoked = await revokeToken(app, id, hostAsker());
  context.output.data({ id, revoked }, revoked ? `${id} is revoked` : `${id} was revoked before`);
  return outcomeExit.ok;
}

async function runCreateUser(context: CommandContext): Promise<number> {
  const { NewUser } = await import("./schema.ts");
  const input = read(NewUser, { name: context.arguments[0], role: context.options["role"] });
  const app = await context.openApp();
  const { createUser, hostAsker } = await import("./users.ts");
  const user = await createUser(app, input, hostAsker());
  context.output.data(user, `${user.name} is ${user.role}`);
  const { programRoles } = await import("./roles.ts");
  context.output.say(
    programRoles.includes(user.role)
      ? `Next: leveredge tokens create --user ${user.name} --name NAME`
      : `Next: leveredge sign-in ${user.name}`,
  );
  return outcomeExit.ok;
}

async function runListUsers(context: CommandContext): Promise<number> {
  const app = await context.openApp();
  const { listUsers } = await import("./queries.ts");
  const users = await listUsers(app.db);
  context.output.data(users, await formatUsers(users));
  return outcomeExit.ok;
}

async function runChangeUser(context: CommandContext, change: { disabled: boolean }): Promise<number> {
  const app = await context.openApp();
  const { changeUser, hostAsker } = await import("./users.ts");
  const user = await changeUser(app, context.arguments[0] ?? "", change, hostAsker());
  context.output.data(user, `${user.name} is ${user.disabledAt === null ? "enabled" : "disabled"}`);
  return outcomeExit.ok;
}

async function runSignIn(context: CommandContext): Promise<number> {
  const port = readPort(context.options["port"], { least: 1 });
  const app = await context.openApp();
  const { createSignInLink } = await import("./sign-in.ts");
  const { url, expiresAt } = await createSignInLink(app, context.arguments[0] ?? "admin", { port });
  context.output.data({ url: url.reveal(), expiresAt }, url.reveal());
  context.output.say("Open it within ten minutes, in one browser: it works once.");
  if (port !== undefined || app.config.serve.public_url !== undefined) return outcomeExit.ok;
  const { findListener } = await import("#system/server-record.ts");
  if ((await findListener(app.stateDir)) === undefined) {
    context.output.say("No server of this state directory runs yet: leveredge serve");
  }
  return outcomeExit.ok;
}

/** Options as the noun's own schema reads them; every fault at once. */
function read<T extends z.ZodType>(shape: T, input: unknown): z.output<T> {
  const parsed = shape.safeParse(input);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => [path.join("."), message].filter(Boolean).join(": "));
  throw new AppError("invalid_input", faults.join("; "), { hint: "Run it with --help." });
}

async function formatTokens(tokens: readonly ApiToken[], app: App): Promise<string> {
  if (tokens.length === 0) return "no tokens";
  const { formatTable } = await import("#cli/table.ts");
  const now = app.now().getTime();
  const rows = tokens.map((token) => [
    token.id,
    token.user,
    token.name,
    stateOf(token, now),
    minuteOf(token.expiresAt),
    token.lastUsedAt === null ? "never" : minuteOf(token.lastUsedAt),
    token.scopes.join(" "),
  ]);
  return formatTable(["ID", "USER", "NAME", "STATE", "EXPIRES", "LAST USED", "SCOPES"], rows);
}

function stateOf({ revokedAt, expiresAt }: ApiToken, now: number): string {
  if (revokedAt !== null) return "revoked";
  return Date.parse(expiresAt) > now ? "live" : "expired";
}

async function formatUsers(users: readonly User[]): Promise<string> {
  if (users.length === 0) return "no users";
  const { formatTable } = await import("#cli/table.ts");
  const rows = users.map(({ name, role, createdAt, disabledAt }) => [
    name,
    role,
    minuteOf(createdAt),
    disabledAt === null ? "" : minuteOf(disabledAt),
  ]);
  return formatTable(["NAME", "ROLE", "CREATED", "DISABLED"], rows);
}

/** To the minute, in UTC. */
function minuteOf(instant: string): string {
  return `${instant.slice(0, 16)}Z`;
}
