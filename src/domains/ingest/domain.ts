/** How calls reach the ledger: over HTTP, from files, and from the platform's own table. */
import type { Domain } from "#domain.ts";

import { ingestCommands } from "./commands.ts";
import { costTracking } from "./section.ts";

export const ingest: Domain = {
  name: "ingest",
  sections: [costTracking],
  commands: ingestCommands,
  routes: async (app) => (await import("./routes.ts")).listIngestRoutes(app),
};
