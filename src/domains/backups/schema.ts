/** The nouns of backups: what a drill finds out about one file. */
import { z } from "zod";

/** Doubt about this host (a full disk, a missing extension, an older client) is `unverifiable`, never `damaged`. */
export const Verdict = z.enum(["verified", "damaged", "unverifiable"]);
export type Verdict = z.output<typeof Verdict>;

/**
 * How much `verified` means: the restored rows are those of the manifest, or the
 * file restores and nobody knows what should be in it, or it restores with
 * something made up for what this host lacks. What no drill restores, because it has
 * no superuser, is told beside it and lowers none.
 */
export const Assurance = z.enum(["content", "restored", "stubs"]);
export type Assurance = z.output<typeof Assurance>;

const count = z.int().nonnegative();

/** What a file says about itself before anything is restored. */
export const DumpHeader = z.object({
  format: z.enum(["custom", "plain", "plain.gz"]),
  /** Of pg_dump: `15.18 (Debian 15.18-1)`. */
  dumpVersion: z.string(),
  serverVersion: z.string(),
  /** Null where the format does not say it. */
  database: z.string().nullable(),
  createdAt: z.iso.datetime().nullable(),
});
export type DumpHeader = z.output<typeof DumpHeader>;

export const DrillResult = z.object({
  verdict: Verdict,
  /** Null unless verified. */
  assurance: Assurance.nullable(),
  /** One line for people. */
  why: z.string(),
  /** What was left out and what could slip through. */
  notes: z.array(z.string()),
  /** Null when the file has none that can be read. */
  header: DumpHeader.nullable(),
  restoreMs: count.nullable(),
  verifyMs: count.nullable(),
  sizeBytes: count,
  tables: count.nullable(),
  rows: count.nullable(),
  /** The moment whose data the file holds. */
  dataAt: z.iso.datetime().nullable(),
  /** What was made up for the restore: `role app_owner`, `extension pg_cron`. */
  stubs: z.array(z.string()),
  /** What only a superuser may make: compared with the manifest in the file, and not restored: `publication changes`. */
  leftOut: z.array(z.string()),
  /** Why the manifest cannot be used; null when it can, or there is none. */
  manifestFault: z.string().nullable(),
});
export type DrillResult = z.output<typeof DrillResult>;

/** What became of a set's newest file when it was restored: one row of `backup_drill`. */
export const SetDrill = z.object({
  id: z.string(),
  setName: z.string(),
  environment: z.enum(["dev", "prod", "shared"]),
  /** Absolute path; null when the set has no file. */
  file: z.string().nullable(),
  verdict: z.enum([...Verdict.options, "missing"]),
  assurance: Assurance.nullable(),
  /** The newest data are older than the set allows. */
  stale: z.boolean(),
  /** One line for people. */
  why: z.string(),
  restoreMs: count.nullable(),
  verifyMs: count.nullable(),
  /** The moment of the newest restored data. */
  dataAt: z.string().nullable(),
  fileSha256: z.string().nullable(),
  requestedBy: z.string(),
  startedAt: z.string(),
  finishedAt: z.string(),
  /** The rest of the drill's answer: header, counts, what could slip through. */
  evidence: z.record(z.string(), z.unknown()),
});
export type SetDrill = z.output<typeof SetDrill>;

/** A drill that is not stored yet. */
export type NewSetDrill = Omit<SetDrill, "id" | "finishedAt"> & { workId: string | null };
