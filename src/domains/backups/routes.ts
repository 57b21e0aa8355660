/** Backups over HTTP: the sets, their drills, and the two things that can be asked for. */
import { z } from "zod";

import type { App } from "#app.ts";
import type { ServerApp } from "#domain.ts";
import { type Route, route } from "#http/route.ts";

import { describeSets, SetOverview } from "./overview.ts";
import { listDrillsOfSet } from "./queries.ts";
import { SetDrill } from "./schema.ts";
import { findSet } from "./sets.ts";

const SetName = z.object({ name: z.string().max(63) });
const Accepted = z.object({ jobId: z.string() });

export function listBackupRoutes(app: ServerApp): readonly Route[] {
  const environmentOf = ({ params }: { params: { name: string } }) => findEnvironment(app, params.name);
  return [
    route({
      method: "GET",
      path: "/backups",
      summary: "Backup sets, their newest files and last drills",
      permission: "backups:read",
      response: { 200: z.object({ sets: z.array(SetOverview) }) },
      handle: async () => ({ body: { sets: await describeSets(app) } }),
    }),
    route({
      method: "POST",
      path: "/backups/:name",
      summary: "Make a backup for a set",
      permission: "backups:create",
      environment: environmentOf,
      params: SetName,
      response: { 202: Accepted },
      handle: async ({ params, actor }) => {
        const { name } = findSet(app.config, params.name);
        return { body: await app.jobs.enqueue("backups.create", { set: name }, work(actor?.name, `create:${name}`)) };
      },
    }),
    route({
      method: "GET",
      path: "/backups/:name/drills",
      summary: "Drills of a set, newest first",
      permission: "backups:read",
      environment: environmentOf,
      params: SetName,
      query: z.object({ limit: z.coerce.number().int().min(1).max(500).default(50) }),
      response: { 200: z.object({ drills: z.array(SetDrill) }) },
      handle: async ({ params, query }) => ({
        body: { drills: await listDrillsOfSet(app.db, findSet(app.config, params.name).name, query.limit) },
      }),
    }),
    route({
      method: "POST",
      path: "/backups/:name/drills",
      summary: "Restore a set's newest backup for real",
      permission: "backups:verify",
      environment: environmentOf,
      params: SetName,
      response: { 202: Accepted },
      handle: async ({ params, actor }) => {
        const { name } = findSet(app.config, params.name);
        return { body: await app.jobs.enqueue("backups.drill", { set: name }, work(actor?.name, `drill:${name}`)) };
      },
    }),
  ];
}

/** An unknown set is answered by the route, to those who may see that there is none. */
function findEnvironment({ config }: Pick<App, "config">, name: string): "dev" | "prod" | "shared" {
  return config.backups.find((set) => set.name === name)?.environment ?? "shared";
}

/** Asked for twice while it waits or runs, it is done once. */
function work(actor: string | undefined, key: string): { actor: string; key: string } {
  return { actor: actor ?? "unknown", key };
}
