import { z } from "zod";

import type { Environment } from "#domain.ts";

/** What a caller tells; everything else about an event is decided here and by the database. */
export type NewEvent = {
  /** Names the fact: a second event of the same key is not written. */
  key?: string | undefined;
  /** Who did it: `cli:root`, `worker`. */
  actor: string;
  /** What happened, as `domain.noun`: `hardening.step`. */
  action: string;
  target: string;
  environment?: Environment | undefined;
  outcome: string;
  /** JSON; secrets in it are removed. */
  details: Record<string, unknown>;
  /** Said of a significant operation: what people are told and `aria_knowledge` keeps. Stored in `details.notice`. */
  notice?: Notice | undefined;
};

/** An event in a person's words. */
export const Notice = z.object({
  /** `high` wants somebody now, `normal` is read in time, `low` is kept and sent to nobody unless asked for. */
  severity: z.enum(["high", "normal", "low"]),
  /** One line: `backup set chronos is damaged`. */
  title: z.string(),
  /** What happened and the command to look or mend; plain text. */
  text: z.string(),
  /** Of the hardening run that it belongs to. */
  section: z.int().optional(),
});
export type Notice = z.output<typeof Notice>;

const bytes = z.custom<Buffer>((value) => Buffer.isBuffer(value));

/** An event as its MAC sees it: each value in the database's own text. */
export const StoredEvent = z.object({
  id: z.int(),
  key: z.string().nullable(),
  /** UTC with microseconds: `2026-11-22T19:50:00.123456Z`. */
  at: z.string(),
  actor: z.string(),
  action: z.string(),
  target: z.string(),
  environment: z.string().nullable(),
  outcome: z.string(),
  /** PostgreSQL's text of the jsonb value. */
  details: z.string(),
  keyVersion: z.int(),
  mac: bytes,
});
export type StoredEvent = z.output<typeof StoredEvent>;

/** An event in the order of the chain. */
export const Event = z.object({
  position: z.int(),
  id: z.int(),
  key: z.string().nullable(),
  at: z.string(),
  actor: z.string(),
  action: z.string(),
  target: z.string(),
  environment: z.enum(["dev", "prod", "shared"]).nullable(),
  outcome: z.string(),
  details: z.record(z.string(), z.unknown()),
  /** What people are told of it; absent where nobody is. */
  notice: Notice.optional(),
});
export type Event = z.output<typeof Event>;

export const ChainLink = z.object({ position: z.int(), eventId: z.int(), keyVersion: z.int(), mac: bytes });
export type ChainLink = z.output<typeof ChainLink>;
