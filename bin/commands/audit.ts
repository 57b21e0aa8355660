import type { App } from "#app.ts";
import type { Command, CommandContext } from "#cli/command.ts";
import { readVariable } from "#config/environment.ts";
import { resolveStateDirectory } from "#config/state-directory.ts";
import { AppError, outcomeExit } from "#errors.ts";
import type { Verification } from "#events/verify.ts";

const defaultLimit = 50;
const maxLimit = 1000;
const linksBetweenLines = 50_000;

/** The audit record: what happened, and the proof that it was not changed since. */
export const auditCommands: Command[] = [
  {
    name: "audit verify",
    summary: "check that no event was edited, deleted, inserted, moved or cut off",
    examples: ["leveredge audit verify", "leveredge audit verify --json"],
    run: verify,
  },
  {
    name: "audit list",
    summary: "show events in the order of the chain, the newest last",
    options: [
      { flags: "--after <position>", summary: "start behind this position" },
      { flags: "--limit <count>", summary: `show at most so many (default ${defaultLimit})` },
    ],
    examples: ["leveredge audit list", "leveredge audit list --after 0 --limit 200 --json"],
    run: list,
  },
];

async function verify(context: CommandContext): Promise<number> {
  const { verifyEvents } = await import("#events/verify.ts");
  const { output } = context;
  const verification = await withStore(context, (app) =>
    verifyEvents(app, (links) => {
      if (output.live && links % linksBetweenLines === 0 && links > 0) output.say(`${links} events checked`);
    }),
  );
  output.data(verification, describe(verification));
  if (verification.headFile === "missing" && verification.sealed > 0) {
    output.say("audit-head.json is missing: whether events were cut off at the end cannot be told");
  }
  return verification.faults.length === 0 ? outcomeExit.ok : outcomeExit.failed;
}

async function list(context: CommandContext): Promise<number> {
  const limit = readCount(context, "limit") ?? defaultLimit;
  if (limit < 1 || limit > maxLimit)
    throw new AppError("invalid_input", `--limit is ${limit}, expected 1 to ${maxLimit}`);
  const after = readCount(context, "after");
  const { findLastLink } = await import("#events/queries.ts");
  const { listEvents } = await import("#events/events.ts");
  const events = await withStore(context, async (app) => {
    const newest = (await findLastLink(app.db))?.position ?? 0;
    return listEvents(app, { after: after ?? Math.max(0, newest - limit), limit });
  });
  const { formatTable } = await import("#cli/table.ts");
  const rows = events.map((event) => [
    String(event.position),
    event.at.slice(0, 19) + "Z",
    event.actor,
    event.action,
    event.environment ?? "",
    event.target,
    event.outcome,
  ]);
  const header = ["POSITION", "AT", "ACTOR", "ACTION", "ENVIRONMENT", "TARGET", "OUTCOME"];
  context.output.data(events, events.length === 0 ? "no events" : formatTable(header, rows));
  return outcomeExit.ok;
}

function describe({ events, sealed, unsealed, head, faults }: Verification): string {
  const lines = [
    `events: ${events}`,
    `sealed: ${sealed}`,
    `unsealed: ${unsealed}`,
    `head: ${head === null ? "none" : `position ${head.position}, ${head.mac.slice(0, 16)}…`}`,
  ];
  if (faults.length === 0) return [...lines, "the record is whole"].join("\n");
  return [...lines, ...faults.map((fault) => `${fault.kind}: ${fault.text}`)].join("\n");
}

/** The record can be checked without a configuration: store and keys are all it takes. */
async function withStore<T>(
  { global, signal }: CommandContext,
  work: (app: Pick<App, "db" | "keys" | "stateDir">) => Promise<T>,
): Promise<T> {
  const { openStoreParts } = await import("../open-app.ts");
  const { listServerNames } = await import("#store/server.ts");
  const stateDir = resolveStateDirectory(global.state);
  // A mistyped directory must not become a new store whose empty record is whole.
  if (readVariable("DATABASE_URL") === undefined && !(await listServerNames(stateDir)).includes("store")) {
    throw new AppError("not_found", `there is no store in ${stateDir}`, {
      hint: "Name the state directory with --state DIR, or set DATABASE_URL.",
    });
  }
  const store = await openStoreParts(stateDir, signal);
  try {
    return await work({ ...store, stateDir });
  } finally {
    await store.close();
  }
}

function readCount(context: CommandContext, name: string): number | undefined {
  const text = context.options[name];
  if (typeof text !== "string") return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new AppError("invalid_input", `--${name} is ${JSON.stringify(text)}, expected a whole number`);
}
