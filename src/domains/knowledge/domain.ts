/** The knowledge domain: what it offers, and nothing else. */
import type { Domain } from "#domain.ts";

import { knowledgeCommands } from "./commands.ts";

export const knowledge: Domain = {
  name: "knowledge",
  commands: knowledgeCommands,
  checks: async (app) => (await import("./checks.ts")).checkKnowledge(app),
  routes: async (app) => (await import("./routes.ts")).knowledgeRoutes(app),
  feeds: [
    {
      name: "knowledge",
      take: async (tx, app, events) => (await import("./knowledge.ts")).takeEvents(tx, app, events),
    },
  ],
  deliver: async (app, options) => (await import("./publication.ts")).publishEntries(app, options),
};
