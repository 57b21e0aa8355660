import type { App } from "#app.ts";
import type { Command, CommandContext } from "#cli/command.ts";
import { createPaint, type Paint } from "#cli/paint.ts";
import { formatTable } from "#cli/table.ts";
import type { Check, Domain } from "#domain.ts";
import { AppError, type OutcomeExit, outcomeExit } from "#errors.ts";

import type { HostParts } from "../open-app.ts";

type StoreParts = Pick<App, "db" | "keys" | "close">;

/** `leveredge doctor`: does everything that the configuration names exist and answer? Changes nothing of the platform. */
export function createDoctorCommand(domains: readonly Domain[]): Command {
  return {
    name: "doctor",
    summary: "check that everything the configuration names exists and answers",
    examples: ["leveredge doctor", "leveredge doctor --config /etc/leveredge/leveredge.yaml --json"],
    run: (context) => examine(context, domains),
  };
}

async function examine(context: CommandContext, domains: readonly Domain[]): Promise<number> {
  const { openHostParts } = await import("../open-app.ts");
  const parts = await openHostParts(context.global, context.signal);
  const checks = await checkEverything(parts, domains, context.signal);
  context.output.data({ checks }, formatChecks(checks, createPaint(context.global)));
  context.output.say(countStates(checks));
  return exitCodeOf(checks);
}

/** A store that does not open is one answer; what needs no store is asked all the same. */
async function checkEverything(parts: HostParts, domains: readonly Domain[], signal: AbortSignal): Promise<Check[]> {
  const { checkHost } = await import("./host-checks.ts");
  const opened = await tryToOpenStore(parts, signal);
  const subject = `store in ${parts.stateDir}`;
  if (!(opened instanceof AppError)) {
    try {
      const { checkFeeds, checkRecord } = await import("./record-check.ts");
      const { withReferences } = await import("../open-app.ts");
      const app = withReferences({ ...parts, ...opened });
      const store: Check = { subject, state: "ok", detail: "answers, and its keys open" };
      const record = [await checkRecord(app), ...(await checkFeeds(app))];
      return [...(await checkHost(app)), store, ...record, ...(await checkDomains(app, domains))];
    } finally {
      await opened.close();
    }
  }
  const failed: Check = { subject, state: "failed", detail: opened.message, ...remedyOf(opened) };
  return [...(await checkHost(parts)), failed, ...(await checkDomains(createStorelessApp(parts, opened), domains))];
}

async function tryToOpenStore({ stateDir, config }: HostParts, signal: AbortSignal): Promise<StoreParts | AppError> {
  const { openStoreParts } = await import("../open-app.ts");
  try {
    return await openStoreParts(stateDir, signal, config);
  } catch (error) {
    if (error instanceof AppError && !signal.aborted) return error;
    throw error;
  }
}

/** Whoever reaches for the store is told why it is not open. */
function createStorelessApp(parts: HostParts, failure: AppError): App {
  return {
    ...parts,
    get db(): never {
      throw failure;
    },
    get keys(): never {
      throw failure;
    },
    close: async () => undefined,
  };
}

async function checkDomains(app: App, domains: readonly Domain[]): Promise<Check[]> {
  const checks: Check[] = [];
  for (const { name, checks: ask } of domains) {
    try {
      checks.push(...((await ask?.(app)) ?? []));
    } catch (error) {
      if (!(error instanceof AppError) || app.signal.aborted) throw error;
      checks.push({ subject: name, state: "unknown", detail: error.message, ...remedyOf(error) });
    }
  }
  return checks;
}

function remedyOf({ hint }: AppError): { remedy?: string } {
  return hint === undefined ? {} : { remedy: hint };
}

function formatChecks(checks: readonly Check[], paint: Paint): string {
  const colors = { ok: paint.good, loose: paint.loose, failed: paint.bad, unknown: paint.loose };
  const rows = checks.flatMap(({ subject, state, detail, remedy }) => [
    [colors[state](state), subject, detail],
    ...(remedy === undefined ? [] : [["", "", paint.faint(`→ ${remedy}`)]]),
  ]);
  return formatTable(["", "WHAT", "FOUND"].map(paint.faint), rows);
}

function countStates(checks: readonly Check[]): string {
  const count = (state: Check["state"]): number => checks.filter((check) => check.state === state).length;
  return `${count("ok")} ok, ${count("loose")} loose, ${count("failed")} failed, ${count("unknown")} unknown`;
}

/** A loose end is worth a look and no failure; what could not be asked is blocked. */
function exitCodeOf(checks: readonly Check[]): OutcomeExit {
  if (checks.some(({ state }) => state === "failed")) return outcomeExit.failed;
  return checks.some(({ state }) => state === "unknown") ? outcomeExit.blocked : outcomeExit.ok;
}
