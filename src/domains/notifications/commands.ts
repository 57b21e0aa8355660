/** `leveredge notify` and `notifications`. They work on the host directly, also when the server is down. */
import type { App } from "#app.ts";
import type { Command, CommandContext } from "#cli/command.ts";
import { outcomeExit } from "#errors.ts";

import type { Delivery } from "./schema.ts";

const states = ["waiting", "sending", "sent", "dead"];

export const notificationCommands: Command[] = [
  {
    name: "notify",
    summary: "send a message to a channel",
    arguments: [{ syntax: "<message>", summary: "the text" }],
    options: [
      { flags: "--channel <name>", summary: "where to (default: every configured channel)" },
      { flags: "--priority <priority>", summary: "how urgent it is", choices: ["low", "normal", "high"] },
      { flags: "--title <text>", summary: "a line above the text" },
    ],
    examples: [
      'leveredge notify "The restore is done" --channel telegram',
      'leveredge notify "Look here" --priority high',
    ],
    run: runNotify,
  },
  {
    name: "notifications list",
    summary: "show messages and where they are, the newest first",
    options: [
      { flags: "--only <state>", summary: "those with a delivery in this state", choices: states },
      { flags: "--limit <count>", summary: "at most so many (default 20)" },
    ],
    examples: ["leveredge notifications list", "leveredge notifications list --only dead --json"],
    run: runList,
  },
  {
    name: "notifications resend",
    summary: "send dead messages again",
    arguments: [{ syntax: "[id]", summary: "the notification" }],
    options: [{ flags: "--all-dead", summary: "all of them" }],
    examples: [
      "leveredge notifications resend --all-dead",
      "leveredge notifications resend 6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
    ],
    run: runResend,
  },
  {
    name: "notifications drop",
    summary: "give up messages that are dead, or left for a channel that is gone",
    arguments: [{ syntax: "[id]", summary: "the notification" }],
    options: [
      { flags: "--all-dead", summary: "all that are dead" },
      { flags: "--channel <name>", summary: "all that wait for a channel that is not configured any more" },
    ],
    examples: ["leveredge notifications drop --all-dead", "leveredge notifications drop --channel slack"],
    run: runDrop,
  },
];

const deliverWithinMs = 30_000;
const lookAgainMs = 200;

/** Ends 0 when every delivery is sent, 12 when one still waits, 13 when one is dead. */
async function runNotify(context: CommandContext): Promise<number> {
  const { currentUser } = await import("#system/user.ts");
  const { notify } = await import("./notifications.ts");
  const request = await readRequest(context);
  const app = await context.openApp();
  const { id, channels } = await notify(app, request, `cli:${currentUser()}`);
  const { channel } = request;
  if (channel !== undefined && !channels.includes(channel)) {
    const taken = `the fallback ${channels.join(", ")} takes the message`;
    context.output.say(`channel ${JSON.stringify(channel)} is not configured: ${taken}`);
  }
  return deliverAndShow(context, [id]);
}

async function readRequest({ arguments: [message = ""], options }: CommandContext) {
  const { AppError } = await import("#errors.ts");
  const { describeFaults } = await import("#http/input-faults.ts");
  const { NotifyRequest } = await import("./schema.ts");
  const value = { message, ...options };
  const parsed = NotifyRequest.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = describeFaults({ schema: NotifyRequest, value, part: "body" }, parsed.error.issues);
  throw new AppError("invalid_input", faults, { hint: "Run it with --help." });
}

async function deliverAndShow({ openApp, output, signal }: CommandContext, ids: readonly string[]): Promise<number> {
  const { deliverDue } = await import("./delivery.ts");
  const app = await openApp();
  const within = AbortSignal.any([signal, AbortSignal.timeout(deliverWithinMs)]);
  await deliverDue(app, { signal: within });
  const deliveries = await listSettled(app, ids, within);
  const lines = deliveries.map(describeDelivery);
  output.data({ deliveries }, lines.length === 0 ? "nothing is dead" : lines.join("\n"));
  if (deliveries.some(({ state }) => state === "dead")) return outcomeExit.failed;
  return deliveries.every(({ state }) => state === "sent") ? outcomeExit.ok : outcomeExit.blocked;
}

/** A server that runs may have taken a message first: what it is sending is waited for. */
async function listSettled(
  app: Pick<App, "db">,
  ids: readonly string[],
  within: AbortSignal,
): Promise<readonly Delivery[]> {
  const { setTimeout: delay } = await import("node:timers/promises");
  const { listDeliveries } = await import("./queries.ts");
  for (;;) {
    const deliveries = await listDeliveries(app.db, ids);
    if (within.aborted || deliveries.every(({ state }) => state !== "sending")) return deliveries;
    await delay(lookAgainMs, undefined, { signal: within }).catch(() => undefined);
  }
}

function describeDelivery({ channel, state, lastError, nextAttemptAt }: Delivery): string {
  const until = state === "waiting" ? ` until ${nextAttemptAt.slice(0, 16).replace("T", " ")} UTC` : "";
  return `${channel}: ${state}${until}${state === "sent" || lastError === null ? "" : ` — ${lastError}`}`;
}

async function runList({ options, openApp, output }: CommandContext): Promise<number> {
  const { formatTable } = await import("#cli/table.ts");
  const { AppError } = await import("#errors.ts");
  const { listDeliveries, listNotifications } = await import("./queries.ts");
  const { DeliveryState } = await import("./schema.ts");
  const limit = options["limit"] === undefined ? 20 : Number(options["limit"]);
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) {
    throw new AppError("invalid_input", `--limit is ${String(options["limit"])}, expected a number from 1 to 1000`);
  }
  const app = await openApp();
  const state = DeliveryState.optional().parse(options["only"]);
  const notifications = await listNotifications(app.db, { state, before: undefined, limit });
  const deliveries = await listDeliveries(
    app.db,
    notifications.map(({ id }) => id),
  );
  const rows = notifications.map(({ id, createdAt, severity, title, text, repeats }) => [
    createdAt.slice(0, 19).replace("T", " "),
    severity,
    firstLine(title === "" ? text : title) + (repeats === 0 ? "" : ` (+${repeats})`),
    deliveries
      .filter(({ notificationId }) => notificationId === id)
      .map(summarizeDelivery)
      .join(", "),
    id,
  ]);
  const withDeliveries = notifications.map((notification) => ({
    ...notification,
    deliveries: deliveries.filter(({ notificationId }) => notificationId === notification.id),
  }));
  output.data(
    { notifications: withDeliveries },
    rows.length === 0 ? "no messages" : formatTable(["WHEN (UTC)", "SEVERITY", "MESSAGE", "DELIVERIES", "ID"], rows),
  );
  return outcomeExit.ok;
}

function summarizeDelivery({ channel, state, lastError }: Delivery): string {
  return `${channel} ${state}${state === "sent" || lastError === null ? "" : ` (${firstLine(lastError)})`}`;
}

function firstLine(text: string): string {
  const line = text.split("\n").find((part) => part.trim() !== "") ?? "";
  return line.length > 60 ? `${line.slice(0, 59)}…` : line;
}

async function runResend(context: CommandContext): Promise<number> {
  const { currentUser } = await import("#system/user.ts");
  const { resend } = await import("./notifications.ts");
  const [id] = context.arguments;
  await readDead(id, context.options);
  const app = await context.openApp();
  const revived = await resend(app, id, `cli:${currentUser()}`);
  return deliverAndShow(context, [...new Set(revived.map((row) => row.notificationId))]);
}

async function runDrop(context: CommandContext): Promise<number> {
  const { currentUser } = await import("#system/user.ts");
  const { dropUnsent } = await import("./notifications.ts");
  const [id] = context.arguments;
  const { channel } = context.options;
  if (typeof channel !== "string") await readDead(id, context.options);
  const app = await context.openApp();
  const unsent =
    typeof channel === "string"
      ? { channel }
      : { state: "dead" as const, ...(id === undefined ? {} : { notificationId: id }) };
  const dropped = await dropUnsent(app, unsent, `cli:${currentUser()}`);
  const lines = dropped.map((row) => `${row.channel}: dropped ${row.state} message ${row.notificationId}`);
  context.output.data({ dropped }, lines.length === 0 ? "there is nothing to drop" : lines.join("\n"));
  return outcomeExit.ok;
}

/** Either an id or all of them, and never by mistake. */
async function readDead(id: string | undefined, options: CommandContext["options"]): Promise<void> {
  const { AppError } = await import("#errors.ts");
  const hint = "See which there are: leveredge notifications list --only dead";
  if ((id === undefined) === (options["allDead"] !== true)) {
    throw new AppError("invalid_input", "say which: a notification's id, or --all-dead", { hint });
  }
  if (id === undefined || /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) return;
  throw new AppError("invalid_input", `${JSON.stringify(id)} is not the id of a notification`, { hint });
}
