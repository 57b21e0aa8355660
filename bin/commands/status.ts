import type { App } from "#app.ts";
import type { Command, CommandContext } from "#cli/command.ts";
import { createPaint } from "#cli/paint.ts";
import { readVariable } from "#config/environment.ts";
import type { Check, Domain } from "#domain.ts";
import type { RunView } from "#domains/hardening/run-view.ts";
import { AppError, type OutcomeExit, outcomeExit } from "#errors.ts";

import type { Status } from "./status-report.ts";

/** Nothing outside this host is asked: an answer comes at once or not at all. */
const serverTimeoutMs = 1_000;

/** `leveredge status`: is it hard, what is loose, what is due. Reads only. */
export function createStatusCommand(domains: readonly Domain[]): Command {
  return {
    name: "status",
    summary: "show the whole health on one screen",
    examples: ["leveredge status", "leveredge status --json"],
    run: (context) => showStatus(context, domains),
  };
}

async function showStatus(context: CommandContext, domains: readonly Domain[]): Promise<number> {
  const { openHostParts, openStoreParts, withReferences } = await import("../open-app.ts");
  const { formatStatus } = await import("./status-report.ts");
  const parts = await openHostParts(context.global, context.signal);
  await requireStore(parts.stateDir);
  const store = await openStoreParts(parts.stateDir, context.signal, parts.config);
  const app = withReferences({ ...parts, ...store });
  try {
    const status = await readStatus(app, domains);
    const width = process.stdout.isTTY ? process.stdout.columns : undefined;
    context.output.data(status, formatStatus(status, { now: app.now(), width, paint: createPaint(context.global) }));
    return exitCodeOf(status);
  } finally {
    await app.close();
  }
}

async function readStatus(app: App, domains: readonly Domain[]): Promise<Status> {
  const { checkHealth } = await import("#domains/hardening/completion.ts");
  const { gatherLooseEnds } = await import("#domains/hardening/loose-ends.ts");
  const { checkFeeds, checkRecord } = await import("./record-check.ts");
  const [run, health, record, feeds, server] = await Promise.all([
    readLastRun(app),
    checkHealth(app, domains),
    checkRecord(app),
    checkFeeds(app),
    checkServer(app),
  ]);
  const checks = [...health, record, ...feeds, ...server];
  // What the run's own health check found is asked again now.
  const known = (run?.looseEnds ?? []).filter(({ id }) => !id.startsWith("check:"));
  return {
    platform: app.config.platform.name,
    configPath: app.configPath,
    programVersion: app.programVersion,
    state: decideState(run, checks),
    run,
    looseEnds: gatherLooseEnds([], checks, known),
    checks,
  };
}

async function readLastRun(app: App): Promise<RunView | undefined> {
  const { listRuns } = await import("#domains/hardening/list-queries.ts");
  const { readRunView } = await import("#domains/hardening/run-view.ts");
  const platform = app.config.platform.name;
  const [latest] = await listRuns(app.db, platform, { before: undefined, limit: 1 });
  return latest === undefined ? undefined : readRunView(app.db, platform, latest.id);
}

/** Whether a server of this configuration answers. That none does is no finding: the command line works without. */
async function checkServer({ config, stateDir }: App): Promise<Check[]> {
  const { findListener } = await import("#system/server-record.ts");
  const port = (await findListener(stateDir))?.port ?? config.serve.port;
  if (port === 0) return [];
  const subject = "server";
  try {
    const signal = AbortSignal.timeout(serverTimeoutMs);
    const { status } = await fetch(`http://127.0.0.1:${port}/readyz`, { signal, redirect: "error" });
    if (status === 200) return [{ subject, state: "ok", detail: `answers on http://127.0.0.1:${port}` }];
    const remedy = `curl -i http://127.0.0.1:${port}/readyz`;
    return [{ subject, state: "loose", detail: `what answers on port ${port} is not ready: ${status}`, remedy }];
  } catch {
    // Refused, silent or no HTTP: nobody of ours is there.
    return [{ subject, state: "ok", detail: "does not run; start it with: leveredge serve" }];
  }
}

/** Looking at a platform must not make a store for it. */
async function requireStore(stateDir: string): Promise<void> {
  const { listServerNames } = await import("#store/server.ts");
  if (readVariable("DATABASE_URL") !== undefined || (await listServerNames(stateDir)).includes("store")) return;
  throw new AppError("not_found", `nothing was hardened yet: there is no store in ${stateDir}`, {
    hint: "Begin with: leveredge harden --plan",
  });
}

function decideState(run: RunView | undefined, checks: readonly Check[]): Status["state"] {
  const hasFailed = run?.state === "failed" || run?.state === "abandoned";
  if (hasFailed || checks.some(({ state }) => state === "failed")) return "failed";
  const isProven = run?.state === "verified" || run?.state === "running";
  return isProven && !checks.some(({ state }) => state === "unknown") ? "well" : "blocked";
}

function exitCodeOf({ state }: Status): OutcomeExit {
  return { well: outcomeExit.ok, blocked: outcomeExit.blocked, failed: outcomeExit.failed }[state];
}
