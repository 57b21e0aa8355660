/**
 * What every domain offers. A domain is wired by one manifest (`domain.ts` in
 * its folder); the lists here are all that the command line and the hardening
 * run know about it.
 */
import type { App } from "#app.ts";
import type { Command } from "#cli/command.ts";
import type { Config } from "#config/schema.ts";
import type { Feed } from "#events/feed.ts";
import type { Route } from "#http/route.ts";
import type { Job, Jobs, ListSchedules } from "#jobs/job.ts";

export type Environment = "dev" | "prod" | "shared";

export type Domain = {
  name: string;
  sections?: Section[];
  commands?: Command[];
  /** What `leveredge doctor` and the health check at the end of a run ask. Read only. */
  checks?: (app: App) => Promise<Check[]>;
  /** What `leveredge serve` answers. Asked for once; schemas are heavy, so that the module is best imported here. */
  routes?: (app: ServerApp) => readonly Route[] | Promise<readonly Route[]>;
  /** What its worker carries out; a function where the list is heavy to load. */
  jobs?: readonly Job[] | (() => Promise<readonly Job[]>);
  schedules?: ListSchedules;
  /** What it makes of events. */
  feeds?: readonly Feed[];
  /** Sends what its feeds left to be sent; never throws for what the outside does. */
  deliver?: (app: App, options: { signal: AbortSignal }) => Promise<void>;
};

/** What a route works with besides the app. */
export type ServerApp = App & {
  jobs: Jobs;
  /** Adds to what Prometheus reads; absent where nobody reads it. */
  measure?: (measure: Measure) => void;
};

/** A metric of a domain: `usage_calls_total` becomes `leveredge_usage_calls_total`. */
export type Measure = {
  kind: "counter" | "gauge";
  name: string;
  help: string;
  labels: readonly string[];
  /** Asked whenever Prometheus asks; a counter's values since the start. */
  read(): Sample[] | Promise<Sample[]>;
};

export type Sample = { labels: Record<string, string>; value: number };

/** One answer of the health check: does what the configuration names exist and answer? */
export type Check = {
  /** What was looked at, in the operator's words: `database prod`. */
  subject: string;
  state: "ok" | "loose" | "failed" | "unknown";
  detail: string;
  /** The command or edit that mends it; absent when `ok`. */
  remedy?: string;
};

/**
 * One part of the hardening run. Its steps run in order, dev before prod: a prod
 * step starts only when every dev step of the section is verified.
 */
export type Section = {
  number: number;
  title: string;
  /** True when the configuration asks for this section at all. */
  wanted(config: Config): boolean;
  /** The steps of this configuration, in order. Pure: asks nothing. */
  steps(config: Config): Step[];
  /** Paths under the platform's root that this section writes, for its commit. */
  files(config: Config): string[];
};

/**
 * One action of a section in one environment. `plan` and `verify` read only;
 * `apply` may be killed at any instruction and called again after a fresh plan:
 * it must then find what is already done.
 */
export type Step = {
  environment: Environment;
  /** Stable and unique within the section and environment: `mirror-schema`. */
  action: string;
  /** For people: `mirror prod's schema to dev`. */
  title: string;
  plan(app: App, context: StepContext): Promise<StepPlan>;
  apply(app: App, plan: ReadyPlan, context: StepContext): Promise<StepApplied>;
  verify(app: App, context: StepContext): Promise<StepVerdict>;
};

export type StepContext = {
  /** Key of every effect outside the store; the same in each attempt. A plan before the run has rows has none. */
  stepId: string | undefined;
  signal: AbortSignal;
  progress(text: string, done?: number, total?: number): void;
};

/** What a step would do. JSON: it is stored, shown and compared after a crash. Holds no secret. */
export type StepPlan = ReadyPlan | BlockedPlan;

export type ReadyPlan = {
  state: "ready";
  /** One line: `18 objects differ, 3 reference tables`. */
  summary: string;
  /** One line per change; empty when nothing is to be done. */
  changes: string[];
  /** Equal for equal work: a changed fingerprint on resume is shown to the operator. */
  fingerprint: string;
  looseEnds: LooseEnd[];
};

export type BlockedPlan = {
  state: "blocked";
  summary: string;
  /** The exact things it wants, each with its remedy. */
  needs: string[];
  changes: string[];
  looseEnds: LooseEnd[];
};

/** `blocked`: found only when trying, nothing is half-done. A throw means failed. */
export type StepApplied = { state: "applied"; notes: string[] } | { state: "blocked"; needs: string[] };

/** `evidence` is JSON: digests, counts, statements without values. */
export type StepVerdict = {
  verified: boolean;
  /** One line: `dev equals prod: 412 objects, digest 9f3c…`, or what is wrong. */
  summary: string;
  evidence: Record<string, unknown>;
  looseEnds: LooseEnd[];
};

/** An open finding with the command that closes it. The id is stable from run to run. */
export type LooseEnd = {
  id: string;
  severity: "high" | "medium" | "low";
  text: string;
  remedy: string;
};
