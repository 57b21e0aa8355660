/** `leveredge credentials check` and `expiring`. */
import type { Command, CommandContext } from "#cli/command.ts";
import { createPaint } from "#cli/paint.ts";
import { formatTable } from "#cli/table.ts";
import { outcomeExit } from "#errors.ts";
import { currentUser } from "#system/user.ts";

export const checkCommands: Command[] = [
  {
    name: "credentials check",
    summary: "ask the providers whether the credentials live",
    arguments: [{ syntax: "[name]", summary: "only this one, also when it was asked a short while ago" }],
    options: [{ flags: "--force", summary: "all of them, whenever they were asked last" }],
    examples: ["leveredge credentials check", "leveredge credentials check openai-prod --json"],
    run: (context) => {
      const [name] = context.arguments;
      return name === undefined ? runSweep(context) : runCheck(context, name);
    },
  },
  {
    name: "credentials expiring",
    summary: "show credentials whose date is less than 30 days away",
    examples: ["leveredge credentials expiring"],
    run: runExpiring,
  },
];

async function runCheck(context: CommandContext, name: string): Promise<number> {
  const app = await context.openApp();
  const { checkCredential } = await import("./live-check.ts");
  const { withCheckTools } = await import("./sweep.ts");
  const { exitOfVerdict, paintVerdict } = await import("./words.ts");
  const work = { requestedBy: requester(), signal: context.signal, force: true };
  const checked = await withCheckTools(app, (tools) => checkCredential(app, tools, name, work));
  if (checked.state === "skipped") {
    context.output.data({ name, skipped: checked.why }, `${name} was not asked for: ${checked.why}`);
    return outcomeExit.blocked;
  }
  const { answer, needsConfirmation, confirmAfter } = checked;
  const paint = createPaint({ color: context.global.color });
  const told = `${name}: ${paintVerdict(answer.verdict, paint)}, ${answer.detail} (${answer.latencyMs} ms)`;
  context.output.data({ name, ...answer, needsConfirmation, confirmAfter }, told);
  if (needsConfirmation) context.output.say(howToConfirm(`leveredge credentials check ${name}`, confirmAfter));
  return exitOfVerdict(answer.verdict);
}

async function runSweep(context: CommandContext): Promise<number> {
  const app = await context.openApp();
  const { sweepCredentials, withCheckTools } = await import("./sweep.ts");
  const { listCredentials } = await import("./queries.ts");
  const { describeSweep, exitOfCredentials, formatCredentials } = await import("./words.ts");
  const swept = await withCheckTools(app, (tools) =>
    sweepCredentials(app, tools, {
      requestedBy: requester(),
      signal: context.signal,
      force: context.options["force"] === true,
      progress: progressOf(context),
    }),
  );
  const credentials = await listCredentials(app.db);
  const table = formatCredentials(credentials, createPaint({ color: context.global.color }), app.now());
  context.output.data({ swept, credentials }, credentials.length === 0 ? "no credentials yet" : table);
  context.output.say(describeSweep(swept));
  if (swept.needConfirmation > 0) context.output.say(howToConfirm("leveredge credentials check"));
  return exitOfCredentials(credentials);
}

async function runExpiring(context: CommandContext): Promise<number> {
  const app = await context.openApp();
  const { listExpiring } = await import("./queries.ts");
  const expiring = await listExpiring(app.db);
  const paint = createPaint({ color: context.global.color });
  const rows = expiring.map(({ credentialName, provider, expiresAt, daysLeft }) => [
    credentialName,
    provider,
    expiresAt.slice(0, 10),
    daysLeft < 0 ? paint.bad("past") : `${Math.floor(daysLeft)} d`,
  ]);
  const table = formatTable(["NAME", "PROVIDER", "EXPIRES", "LEFT"].map(paint.faint), rows);
  context.output.data(expiring, expiring.length === 0 ? "none expires within 30 days by what is known" : table);
  return expiring.length === 0 ? outcomeExit.ok : outcomeExit.drift;
}

/** Nothing asks again by itself where no server runs. */
function howToConfirm(command: string, from: string | null = null): string {
  const when = from === null ? "a minute from now" : `after ${from.slice(11, 19)} UTC`;
  return `A second answer ${when} decides whether it is dead: leveredge serve asks by itself, without it: ${command}`;
}

/** On a terminal the count stays on one line's worth of talk: now and then. */
function progressOf(context: CommandContext): (text: string, done?: number, total?: number) => void {
  let last = performance.now();
  return (text, done, total) => {
    if (!context.output.live || performance.now() - last < 1000) return;
    last = performance.now();
    context.output.say(done === undefined ? `… ${text}` : `… ${text} (${done} of ${String(total)})`);
  };
}

function requester(): string {
  return `cli:${currentUser()}`;
}
