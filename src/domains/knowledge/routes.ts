import { z } from "zod";

import type { ServerApp } from "#domain.ts";
import { type Route, route } from "#http/route.ts";

import { listEntries } from "./queries.ts";
import { KnowledgeEntry } from "./schema.ts";

const EntryPage = z.object({
  before: z.coerce.number().int().min(1).optional().describe("Only entries with a smaller id: the next page"),
  limit: z.coerce.number().int().min(1).max(1000).default(50),
});

export function knowledgeRoutes(app: Pick<ServerApp, "db">): readonly Route[] {
  return [
    route({
      method: "GET",
      path: "/knowledge",
      summary: "What was done to the platform, the newest first",
      permission: "knowledge:read",
      query: EntryPage,
      response: { 200: z.object({ entries: z.array(KnowledgeEntry) }) },
      handle: async ({ query: { before, limit } }) => ({
        body: { entries: await listEntries(app.db, { before, limit }) },
      }),
    }),
  ];
}
