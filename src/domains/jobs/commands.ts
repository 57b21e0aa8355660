/** `leveredge jobs` and `leveredge schedules`: what the worker did, and when what is due. */
import type { Command, CommandContext } from "#cli/command.ts";
import type { Config } from "#config/schema.ts";
import { AppError, outcomeExit } from "#errors.ts";
import type { Schedule } from "#jobs/job.ts";
import type { JobRecord } from "#jobs/schema.ts";

const states = ["waiting", "running", "done", "failed", "cancelled"];

/** The commands over these schedules and the jobs of every domain. */
export function jobsCommands(listSchedules: (config: Config) => Schedule[]): Command[] {
  return [
    {
      name: "jobs list",
      summary: "show what the server's worker did and does, the newest first",
      options: [
        { flags: "--only <state>", summary: "only jobs in this state", choices: states },
        { flags: "--limit <number>", summary: "at most this many; 20" },
      ],
      examples: ["leveredge jobs list", "leveredge jobs list --only failed --json"],
      run: runList,
    },
    {
      name: "jobs retry",
      summary: "give a failed job another try; the running server takes it",
      arguments: [{ syntax: "<id>", summary: "the job's id" }],
      examples: ["leveredge jobs retry 019ab3f0-1c1d-7a51-9d7e-2f6f2f9d1c11"],
      run: runRetry,
    },
    {
      name: "schedules list",
      summary: "show what is due when, and what came of it last",
      examples: ["leveredge schedules list", "leveredge schedules list --json"],
      run: (context) => runSchedules(context, listSchedules),
    },
  ];
}

async function runList(context: CommandContext): Promise<number> {
  const limit = readLimit(context.options["limit"]);
  const app = await context.openApp();
  const { hasQueue, listJobs } = await import("#jobs/queries.ts");
  const { JobState } = await import("#jobs/schema.ts");
  const state = JobState.optional().parse(context.options["only"]);
  const jobs = (await hasQueue(app.db)) ? await listJobs(app.db, { state, before: undefined, limit }) : [];
  context.output.data({ jobs }, await formatJobs(jobs));
  return outcomeExit.ok;
}

async function formatJobs(jobs: readonly JobRecord[]): Promise<string> {
  const { formatTable } = await import("#cli/table.ts");
  if (jobs.length === 0) return "no jobs";
  const rows = jobs.map(({ id, name, state, createdAt, requestedBy, error, progress }) => [
    id,
    name,
    state,
    createdAt.slice(0, 19),
    requestedBy,
    error?.message ?? progress?.text ?? "",
  ]);
  return formatTable(["id", "job", "state", "created (UTC)", "by", ""], rows);
}

async function runRetry(context: CommandContext): Promise<number> {
  const jobId = context.arguments[0] ?? "";
  const { z } = await import("zod");
  if (!z.uuid().safeParse(jobId).success) {
    throw new AppError("invalid_input", `${JSON.stringify(jobId)} is not the id of a job`, {
      hint: "Find it with: leveredge jobs list --only failed",
    });
  }
  const app = await context.openApp();
  const { hasQueue } = await import("#jobs/queries.ts");
  const { retryJob } = await import("#jobs/retry.ts");
  if (!(await hasQueue(app.db))) {
    throw new AppError("not_found", `there is no job ${jobId}: no server has run yet`, {
      hint: "Start one: leveredge serve",
    });
  }
  const job = await retryJob(app.db, jobId);
  context.output.data(job, `${job.name} waits for the server to take it`);
  return outcomeExit.ok;
}

async function runSchedules(context: CommandContext, listSchedules: (config: Config) => Schedule[]): Promise<number> {
  const app = await context.openApp();
  const { describeTick, readSchedules } = await import("./schedules.ts");
  const { formatTable } = await import("#cli/table.ts");
  const schedules = await readSchedules(app, listSchedules(app.config));
  const rows = schedules.map(({ name, cron, timezone, nextDueAt, overdueSince, lastTick }) => [
    name,
    cron,
    timezone,
    nextDueAt === null ? "never" : formatInZone(nextDueAt, timezone),
    overdueSince === null ? describeTick(lastTick) : `overdue since ${formatInZone(overdueSince, timezone)}`,
  ]);
  const header = ["schedule", "cron", "time zone", "next due", "last tick"];
  context.output.data({ schedules }, rows.length === 0 ? "no schedules" : formatTable(header, rows));
  return outcomeExit.ok;
}

/** In the platform's own time, as its operator reads a clock. */
function formatInZone(instant: string, timeZone: string): string {
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "short" });
  return format.format(new Date(instant));
}

function readLimit(given: string | boolean | undefined): number {
  const limit = given === undefined ? 20 : Number(given);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1000) return limit;
  throw new AppError("invalid_input", `--limit ${JSON.stringify(given)} is not a number from 1 to 1000`, {
    hint: "Use for example --limit 50.",
  });
}
