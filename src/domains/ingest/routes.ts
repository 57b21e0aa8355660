/** Three ways to tell the ledger of a call, into one ledger. */
import type { App } from "#app.ts";
import type { ServerApp } from "#domain.ts";
import { createLedger, listMeasures } from "#domains/usage/usage.ts";
import type { Route } from "#http/route.ts";

import { listPostgrestRoutes } from "./postgrest-routes.ts";
import { listTraceRoutes } from "./trace-routes.ts";
import { listUsageRoutes } from "./usage-routes.ts";

/** Asked for once by a server: what comes in by all routes is written together. */
export function listIngestRoutes(app: App & Pick<ServerApp, "measure">): readonly Route[] {
  const ledger = createLedger(app);
  for (const measure of listMeasures(app, ledger)) app.measure?.(measure);
  return [...listUsageRoutes(app, ledger), ...listPostgrestRoutes(app, ledger), ...listTraceRoutes(app, ledger)];
}
