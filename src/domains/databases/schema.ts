/** The nouns of a mirror: what is planned, what was done, what the proof says. */
import { z } from "zod";

import { Hazard } from "#config/schema.ts";

/** One statement of a plan as people see it: secrets are replaced. */
export const MirrorStatement = z.strictObject({
  sql: z.string(),
  verb: z.enum(["create", "alter", "drop"]),
  /** Kind and name of the object it is about: `table`, `public.agent_configs`. */
  kind: z.string(),
  object: z.string(),
  hazards: z.array(Hazard),
  /** Why, for the hazards that need a word: the host of a copied endpoint, the table that is locked. */
  notes: z.array(z.string()),
  /** Statements of one segment commit together; most plans have one. */
  segment: z.int(),
});
export type MirrorStatement = z.output<typeof MirrorStatement>;

/** Why a plan may not be applied as it stands, and what would change that. */
export const Refusal = z.strictObject({
  /** The hazard that `--allow` passes; null where no option passes it. */
  hazard: Hazard.nullable(),
  text: z.string(),
  /** The statements or objects it is about. */
  subjects: z.array(z.string()),
  remedy: z.string(),
});
export type Refusal = z.output<typeof Refusal>;

/** Something that is not as it should be and does not stop the mirror. */
export const MirrorFinding = z.strictObject({
  /** Stable from run to run. */
  id: z.string(),
  severity: z.enum(["high", "medium", "low"]),
  text: z.string(),
  remedy: z.string(),
});
export type MirrorFinding = z.output<typeof MirrorFinding>;

/** A migration that is recorded on dev and not yet on prod. */
export const PendingMigration = z.strictObject({
  name: z.string(),
  /** Why it cannot be replayed; null when it can. */
  unreplayable: z.string().nullable(),
});
export type PendingMigration = z.output<typeof PendingMigration>;

const Count = z.strictObject({ create: z.int(), alter: z.int(), drop: z.int() });

/** Everything about a plan that may be shown and stored. */
export const MirrorReport = z.strictObject({
  from: z.string(),
  to: z.string(),
  /** `ready`: may be applied. `refused`: see refusals. `blocked`: see needs. */
  state: z.enum(["ready", "refused", "blocked"]),
  /** `prod`, or `prod plus 2 migrations of dev`. */
  desired: z.string(),
  pending: z.array(PendingMigration),
  /** How many differences of each class the verifier sees; empty when there is nothing to do, or when dev is empty. */
  drift: z.record(z.string(), z.int()),
  statements: z.array(MirrorStatement),
  counts: z.record(z.string(), Count),
  /** Whole objects that only dev has and that stay: `table public.scratch`. */
  kept: z.array(z.string()),
  /** Roles that prod's objects name and dev's server does not have. */
  missingRoles: z.array(z.string()),
  findings: z.array(MirrorFinding),
  refusals: z.array(Refusal),
  needs: z.array(z.string()),
  /** Equal for equal work on an equal dev: SHA-256 over both states and the statements. */
  fingerprint: z.string(),
});
export type MirrorReport = z.output<typeof MirrorReport>;

/** What became of one segment. `in-doubt`: the connection broke while it committed. */
export const SegmentStatus = z.strictObject({
  segment: z.int(),
  statements: z.int(),
  state: z.enum(["planned", "committed", "rolled-back", "failed", "in-doubt"]),
});
export type SegmentStatus = z.output<typeof SegmentStatus>;

/** How one object differs between the desired state and dev, in the verifier's words. */
export const Difference = z.strictObject({
  kind: z.string(),
  identity: z.string(),
  /** `column missing`, `index invalid`, `grant differs`. */
  class: z.string(),
});
export type Difference = z.output<typeof Difference>;

/** The answer of the independent verifier. */
export const MirrorVerdict = z.strictObject({
  equal: z.boolean(),
  objects: z.int(),
  desiredDigest: z.string(),
  actualDigest: z.string(),
  differences: z.array(Difference),
  kept: z.array(z.string()),
  pending: z.array(PendingMigration),
  findings: z.array(MirrorFinding),
  /** Why the desired state cannot be told; empty when it can. A verdict with needs is never equal. */
  needs: z.array(z.string()),
});
export type MirrorVerdict = z.output<typeof MirrorVerdict>;

/** What applying a plan came to. */
export const MirrorOutcome = z.strictObject({
  /** `equal`: applied (or nothing to do) and proven. `different`: applied, the verifier still differs. */
  state: z.enum(["equal", "different", "refused", "blocked", "failed"]),
  /** How often it was planned and applied; at most four. */
  passes: z.int(),
  statements: z.int(),
  /** Name of the row on dev that records it; null when nothing was changed. */
  recordedAs: z.string().nullable(),
  segments: z.array(SegmentStatus),
  /** The statement that failed, redacted, and PostgreSQL's words; null otherwise. */
  failure: z.strictObject({ sql: z.string(), message: z.string(), hint: z.string() }).nullable(),
  refusals: z.array(Refusal),
  needs: z.array(z.string()),
  verdict: MirrorVerdict.nullable(),
});
export type MirrorOutcome = z.output<typeof MirrorOutcome>;
