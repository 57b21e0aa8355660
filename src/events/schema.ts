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
};

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
});
export type Event = z.output<typeof Event>;

export const ChainLink = z.object({ position: z.int(), eventId: z.int(), keyVersion: z.int(), mac: bytes });
export type ChainLink = z.output<typeof ChainLink>;
