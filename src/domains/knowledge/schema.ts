import { z } from "zod";

export const KnowledgeEntry = z.object({
  id: z.int(),
  title: z.string(),
  content: z.string(),
  /** The domain that it is about: `hardening`. */
  category: z.string(),
  /** `leveredge:event:17:9f3c0a1b`: position in the audit record, and whose record. */
  source: z.string(),
  environment: z.enum(["dev", "prod", "shared"]).nullable(),
  createdAt: z.iso.datetime(),
});
export type KnowledgeEntry = z.output<typeof KnowledgeEntry>;

export const Publication = z.object({
  lastEntryId: z.int(),
  /** Why the entries behind the last one wait; null when nothing is in the way. */
  failure: z.string().nullable(),
  remedy: z.string().nullable(),
  /** How many entries are not there yet. */
  waiting: z.int(),
  isDue: z.boolean(),
});
export type Publication = z.output<typeof Publication>;

/** What is in the way of a table's entries, and what removes it. */
export type Obstacle = { text: string; remedy: string };
