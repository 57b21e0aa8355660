/** `leveredge notify` and `notifications`. They work on the host directly, also when the server is down. */
import type { Command, CommandContext } from "#cli/command.ts";
import { outcomeExit } from "#errors.ts";

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
];

const deliverWithinMs = 30_000;

/** Ends 0 when every delivery is sent, 12 when one still waits, 13 when one is dead. */
async function runNotify(context: CommandContext): Promise<number> {
  const { currentUser } = await import("#system/user.ts");
  const { notify } = await import("./notifications.ts");
  const request = await readRequest(context);
  const app = await context.openApp();
  const { id } = await notify(app, request, `cli:${currentUser()}`);
  return deliverAndShow(context, [id]);
}

async function readRequest({ arguments: [message = ""], options }: CommandContext) {
  const { AppError } = await import("#errors.ts");
  const { NotifyRequest } = await import("./schema.ts");
  const parsed = NotifyRequest.safeParse({ message, ...options });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new AppError("invalid_input", `${issue?.path.join(".") ?? "message"}: ${issue?.message ?? "is wrong"}`, {
    hint: "Run it with --help.",
  });
}

async function deliverAndShow({ openApp, output, signal }: CommandContext, ids: readonly string[]): Promise<number> {
  const { deliverDue } = await import("./delivery.ts");
  const { listDeliveries } = await import("./queries.ts");
  const app = await openApp();
  await deliverDue(app, { signal: AbortSignal.any([signal, AbortSignal.timeout(deliverWithinMs)]) });
  const deliveries = await listDeliveries(app.db, ids);
  const lines = deliveries.map(({ channel, state, lastError }) =>
    lastError === null || state === "sent" ? `${channel}: ${state}` : `${channel}: ${state} — ${lastError}`,
  );
  output.data({ deliveries }, lines.join("\n"));
  if (deliveries.some(({ state }) => state === "dead")) return outcomeExit.failed;
  return deliveries.every(({ state }) => state === "sent") ? outcomeExit.ok : outcomeExit.blocked;
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
      .map((delivery) => `${delivery.channel} ${delivery.state}`)
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

function firstLine(text: string): string {
  const line = text.split("\n").find((part) => part.trim() !== "") ?? "";
  return line.length > 60 ? `${line.slice(0, 59)}…` : line;
}

async function runResend(context: CommandContext): Promise<number> {
  const { AppError } = await import("#errors.ts");
  const { currentUser } = await import("#system/user.ts");
  const { resend } = await import("./notifications.ts");
  const [id] = context.arguments;
  const isAll = context.options["allDead"] === true;
  if ((id === undefined) === !isAll) {
    throw new AppError("invalid_input", "say which: a notification's id, or --all-dead", {
      hint: "See which there are: leveredge notifications list --only dead",
    });
  }
  if (id !== undefined && !/^[0-9a-f-]{36}$/i.test(id)) {
    throw new AppError("invalid_input", `${JSON.stringify(id)} is not the id of a notification`, {
      hint: "See which there are: leveredge notifications list --only dead",
    });
  }
  const app = await context.openApp();
  const revived = await resend(app, id, `cli:${currentUser()}`);
  if (revived.length > 0) return deliverAndShow(context, [...new Set(revived.map((row) => row.notificationId))]);
  context.output.data({ deliveries: [] }, "nothing is dead");
  return outcomeExit.ok;
}
