/**
 * `docs/openapi.json`: the API as `leveredge serve` describes it, for readers, reviews
 * and the generators of clients. The routes are listed and none is called, so that
 * nothing is opened.
 */
import { join } from "node:path";

import pg from "pg";

import { Config } from "#config/schema.ts";
import { readVersion } from "#config/program-version.ts";
import { programRoot } from "#config/state-directory.ts";
import type { ServerApp } from "#domain.ts";
import { domains } from "#domains.ts";
import { AppError } from "#errors.ts";
import { createLog } from "#http/log.ts";
import { createHttpServer } from "#http/server.ts";
import { createHealth } from "#server/health.ts";
import { createMetrics } from "#server/metrics.ts";
import { listRoutes } from "#server/serve.ts";
import { openDatabase } from "#store/database.ts";

/** Where the description is committed. */
export const apiDescriptionPath = join(programRoot, "docs/openapi.json");

/** The document's text for the routes as they are now. */
export async function renderApiDescription(): Promise<string> {
  const app = describedApp();
  const health = createHealth(app, []);
  const parts = { health, metrics: createMetrics(app, health), isWorking: () => true };
  const server = await createHttpServer({
    routes: await listRoutes(app, domains, parts),
    authenticate: () => Promise.resolve(undefined),
    sessionCookie: "",
    version: app.programVersion,
    publicUrl: undefined,
    log: createLog(process.stderr),
  });
  try {
    return `${JSON.stringify(server.swagger(), undefined, 2)}\n`;
  } finally {
    await server.close();
  }
}

function describedApp(): ServerApp {
  const refuse = (): never => {
    throw new AppError("internal", "a route did something while it was only described");
  };
  return {
    config: Config.parse({ platform: { name: "platform", root: "/" } }),
    configSha256: "",
    configPath: "",
    programVersion: readVersion(),
    stateDir: "",
    // A pool connects with its first query, and there is none.
    db: openDatabase(new pg.Pool()),
    keys: { instanceId: "", key: refuse, find: refuse, reload: refuse },
    run: refuse,
    now: () => new Date(0),
    openReference: refuse,
    signal: new AbortController().signal,
    close: () => Promise.resolve(),
    jobs: { enqueue: refuse },
  };
}
