import { z } from "zod";

import type { App } from "#app.ts";
import { Hazard } from "#config/schema.ts";
import type { ServerApp } from "#domain.ts";
import { AppError } from "#errors.ts";
import { requireActor, type Route, route } from "#http/route.ts";
import { configuredTarget } from "#postgres/configured-target.ts";

import { configuredMigrations } from "./configured.ts";
import { jobNames } from "./jobs.ts";
import { readConfiguredStatus, requireMigrationsDirectory } from "./migrate-work.ts";
import { readRecorded } from "./migrations.ts";

const Queued = z.object({ jobId: z.uuid() });
const EnvironmentPath = z.object({ environment: z.enum(["dev", "prod"]) });
const ApplyMirror = z.strictObject({
  allow: z.array(Hazard).default([]).describe("Hazards that may happen besides those in leveredge.yaml"),
});

const MirrorView = z.object({
  from: z.string(),
  to: z.string(),
  referenceTables: z.array(z.object({ table: z.string(), omit: z.array(z.string()), delete: z.boolean() })),
  neverCopy: z.array(z.string()),
  allow: z.array(Hazard),
  devOnly: z.enum(["keep", "drop"]),
  schedule: z.string().nullable(),
  /** As dev's own table records it; null when there is none, or dev does not answer. */
  last: z
    .object({ name: z.string(), appliedAt: z.iso.datetime().nullable(), appliedBy: z.string().nullable() })
    .nullable(),
  unreadable: z.string().nullable(),
});
type MirrorView = z.output<typeof MirrorView>;

const Standing = z.enum(["applied", "pending", "unproven", "unfinished", "edited", "missing"]);
const StatusView = z.object({
  environment: z.enum(["dev", "prod"]),
  migrations: z.array(z.object({ name: z.string(), standing: Standing.nullable(), detail: z.string().nullable() })),
  faults: z.array(z.string()),
  /** How many this environment could take now. */
  pending: z.int(),
  unreadable: z.array(z.string()),
});

/** The mirror and the migrations of the configured databases. */
export function databaseRoutes(app: ServerApp): readonly Route[] {
  return [...mirrorRoutes(app), ...migrationRoutes(app)];
}

function mirrorRoutes(app: ServerApp): readonly Route[] {
  return [
    route({
      method: "GET",
      path: "/mirror",
      summary: "What is mirrored, and the last mirror that dev records",
      permission: "mirror:read",
      response: { 200: MirrorView },
      handle: async () => ({ body: await readMirror(app) }),
    }),
    route({
      method: "POST",
      path: "/mirror/plan",
      summary: "Show what would make dev's schema equal to prod's; the job's answer is the plan",
      permission: "mirror:plan",
      environment: "dev",
      response: { 202: Queued },
      handle: async (request) => {
        requireMirror(app);
        const actor = requireActor(request).name;
        return { body: await app.jobs.enqueue(jobNames.plan, {}, { actor, key: "plan" }) };
      },
    }),
    route({
      method: "POST",
      path: "/mirror/apply",
      summary: "Make dev's schema and reference rows equal to prod's, and prove it",
      permission: "mirror:apply",
      environment: "dev",
      body: ApplyMirror,
      response: { 202: Queued },
      handle: async (request) => {
        requireMirror(app);
        const actor = requireActor(request).name;
        const allow = request.body.allow.toSorted();
        return { body: await app.jobs.enqueue(jobNames.mirror, { allow }, { actor, key: `apply:${allow.join()}` }) };
      },
    }),
  ];
}

function migrationRoutes(app: ServerApp): readonly Route[] {
  return [
    route({
      method: "GET",
      path: "/migrations/:environment",
      summary: "Which migrations a database has",
      permission: "migrations:read",
      environment: ({ params }) => params.environment,
      params: EnvironmentPath,
      response: { 200: StatusView },
      handle: async ({ params: { environment } }) => {
        const status = await readConfiguredStatus(app, undefined);
        const body = {
          environment,
          migrations: status.migrations.map((row) => ({
            name: row.name,
            standing: row[environment],
            detail: row.detail,
          })),
          faults: status.faults.filter((fault) => fault.startsWith(`${environment}: `)),
          pending: environment === "dev" ? status.pendingOnDev : status.readyForProd,
          unreadable: status.unreadable,
        };
        return { body };
      },
    }),
    route({
      method: "POST",
      path: "/migrations/:environment/apply",
      summary: "Apply what is pending; prod takes only what dev has recorded",
      permission: "migrations:apply",
      environment: ({ params }) => params.environment,
      params: EnvironmentPath,
      response: { 202: Queued },
      handle: async (request) => {
        requireMigrationsDirectory(app);
        const { environment } = request.params;
        const actor = requireActor(request).name;
        return { body: await app.jobs.enqueue(jobNames.migrate, { environment }, { actor, key: environment }) };
      },
    }),
  ];
}

async function readMirror(app: App): Promise<MirrorView> {
  const mirror = requireMirror(app);
  const view = {
    from: mirror.from,
    to: mirror.to,
    referenceTables: mirror.reference_tables,
    neverCopy: mirror.never_copy,
    allow: mirror.allow,
    devOnly: mirror.dev_only,
    schedule: mirror.schedule ?? null,
  };
  try {
    const rows = await readRecorded(await configuredTarget(app, "dev"), configuredMigrations(app.config).table);
    const last = rows.findLast(({ kind }) => kind === "mirror");
    if (last === undefined) return { ...view, last: null, unreadable: null };
    const { name, appliedAt, appliedBy } = last;
    return { ...view, last: { name, appliedAt, appliedBy }, unreadable: null };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { ...view, last: null, unreadable: error.message };
  }
}

function requireMirror({ config }: Pick<App, "config">): NonNullable<App["config"]["mirror"]> {
  if (config.mirror !== undefined) return config.mirror;
  throw new AppError("not_found", "the configuration asks for no mirror", { hint: "Add mirror to leveredge.yaml." });
}
