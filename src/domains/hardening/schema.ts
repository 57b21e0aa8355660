import { z } from "zod";

const instant = z.iso.datetime();

export const Severity = z.enum(["high", "medium", "low"]);

export const LooseEnd = z.object({ id: z.string(), severity: Severity, text: z.string(), remedy: z.string() });
export type LooseEnd = z.output<typeof LooseEnd>;

export const RunState = z.enum(["running", "verified", "blocked", "failed"]);
export type RunState = z.output<typeof RunState>;

/** What is told of a run: `interrupted` when nobody works on it any more, `abandoned` when it was given up. */
export const Standing = z.enum([...RunState.options, "interrupted", "abandoned"]);
export type Standing = z.output<typeof Standing>;

/** How a step, a section or a run ends. */
export const Outcome = z.enum(["verified", "blocked", "failed"]);
export type Outcome = z.output<typeof Outcome>;

export const StepState = z.enum(["planned", "applying", "applied", ...Outcome.options]);
export type StepState = z.output<typeof StepState>;

export const HardeningRun = z.object({
  id: z.uuid(),
  platform: z.string(),
  state: RunState,
  onlySection: z.int().nullable(),
  configSha256: z.string(),
  programVersion: z.string(),
  requestedBy: z.string(),
  attempt: z.int(),
  leaseOwner: z.string(),
  leaseUntil: instant,
  /** By the store's clock: nobody has to hear from the owner any more. */
  leaseIsOver: z.boolean(),
  looseEnds: z.array(LooseEnd),
  startedAt: instant,
  finishedAt: instant.nullable(),
});
export type HardeningRun = z.output<typeof HardeningRun>;

/** A run of a list: its loose ends are counted and not read. */
export const ListedRun = HardeningRun.pick({
  id: true,
  state: true,
  onlySection: true,
  requestedBy: true,
  attempt: true,
  leaseOwner: true,
  leaseIsOver: true,
  startedAt: true,
  finishedAt: true,
}).extend({ looseEnds: z.int(), isAbandoned: z.boolean() });
export type ListedRun = z.output<typeof ListedRun>;

export const HardeningSection = z.object({
  number: z.int(),
  title: z.string(),
  commitState: z.enum(["pending", "committed", "unchanged", "skipped"]),
  commitHash: z.string().nullable(),
  looseEnds: z.array(LooseEnd),
});
export type HardeningSection = z.output<typeof HardeningSection>;

/** A section as another run left it. */
export const KnownSection = HardeningSection.extend({ runId: z.uuid() });
export type KnownSection = z.output<typeof KnownSection>;

/** A step's plan as it is stored; what it means stands at `StepPlan`. */
const StoredPlan = z.discriminatedUnion("state", [
  z.object({
    state: z.literal("ready"),
    summary: z.string(),
    changes: z.array(z.string()),
    fingerprint: z.string(),
    looseEnds: z.array(LooseEnd),
  }),
  z.object({
    state: z.literal("blocked"),
    summary: z.string(),
    needs: z.array(z.string()),
    changes: z.array(z.string()),
    looseEnds: z.array(LooseEnd),
  }),
]);

export const HardeningStep = z.object({
  id: z.uuid(),
  section: z.int(),
  position: z.int(),
  environment: z.enum(["dev", "prod", "shared"]),
  action: z.string(),
  title: z.string(),
  state: StepState,
  plan: StoredPlan.nullable(),
  planFingerprint: z.string().nullable(),
  attempt: z.int(),
  needs: z.array(z.string()),
  evidence: z.record(z.string(), z.unknown()),
  looseEnds: z.array(LooseEnd),
});
export type HardeningStep = z.output<typeof HardeningStep>;

/** What `leveredge harden --json` prints. */
export const Report = z.object({
  run: z.object({ id: z.uuid(), state: RunState }),
  sections: z.array(
    z.object({
      number: z.int(),
      title: z.string(),
      state: Outcome,
      needs: z.array(z.string()),
      steps: z.array(
        z.object({
          environment: z.enum(["dev", "prod", "shared"]),
          action: z.string(),
          state: StepState,
          evidence: z.record(z.string(), z.unknown()),
        }),
      ),
    }),
  ),
  looseEnds: z.array(LooseEnd),
});
export type Report = z.output<typeof Report>;
