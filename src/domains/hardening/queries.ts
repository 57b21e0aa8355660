import { type RawBuilder, sql } from "kysely";

import type { Environment, StepPlan } from "#domain.ts";
import { type Db, many, maybe, run } from "#store/database.ts";

import { HardeningRun, HardeningSection, HardeningStep, KnownSection, type LooseEnd, type Outcome } from "./schema.ts";

/** Which claim of a run a write belongs to: a later claim fences it off. */
export type Claim = { runId: string; attempt: number };

export type NewRun = {
  platform: string;
  onlySection: number | undefined;
  configSha256: string;
  programVersion: string;
  requestedBy: string;
  leaseOwner: string;
};

export type NewStep = { section: number; position: number; environment: Environment; action: string; title: string };

export type StepResult = {
  state: Outcome;
  needs: string[];
  evidence: Record<string, unknown>;
  looseEnds: LooseEnd[];
};

const leaseLength = sql`interval '60 seconds'`;
const handOverLength = sql`interval '10 minutes'`;

const runColumns = sql`
  id, platform, state, only_section, config_sha256, program_version, requested_by, attempt, lease_owner, lease_until,
  lease_until < clock_timestamp() as lease_is_over, loose_ends, started_at, finished_at`;

const sectionColumns = sql`
  hardening_section.number, hardening_section.title, hardening_section.commit_state, hardening_section.commit_hash,
  hardening_section.loose_ends`;

const stepColumns = sql`
  id, section, position, environment, action, title, state, plan, plan_fingerprint, attempt, needs, evidence, loose_ends`;

/** The run as long as the claim holds; the row is locked against a takeover until the statement's transaction ends. */
function held(claim: Claim): RawBuilder<unknown> {
  return sql`
    select id
    from hardening_run
    where id = ${claim.runId} and attempt = ${claim.attempt} and finished_at is null
    for share`;
}

function json(value: unknown): RawBuilder<unknown> {
  return sql`${JSON.stringify(value)}::jsonb`;
}

/** Undefined when the platform has an unfinished run already. */
export function insertRun(db: Db, values: NewRun): Promise<HardeningRun | undefined> {
  return maybe(
    db,
    HardeningRun,
    sql`
      insert into hardening_run
        (platform, only_section, config_sha256, program_version, requested_by, lease_owner, lease_until)
      values
        (${values.platform}, ${values.onlySection ?? null}, ${values.configSha256}, ${values.programVersion},
         ${values.requestedBy}, ${values.leaseOwner}, clock_timestamp() + ${leaseLength})
      on conflict (platform) where finished_at is null do nothing
      returning ${runColumns}`,
  );
}

export function findUnfinishedRun(db: Db, platform: string): Promise<HardeningRun | undefined> {
  return maybe(
    db,
    HardeningRun,
    sql`select ${runColumns} from hardening_run where platform = ${platform} and finished_at is null`,
  );
}

export function findRun(db: Db, runId: string): Promise<HardeningRun | undefined> {
  return maybe(db, HardeningRun, sql`select ${runColumns} from hardening_run where id = ${runId}`);
}

/**
 * Makes the caller the owner and fences off the one before. Undefined when
 * somebody else took the run since `seen` was read, or its lease still runs and
 * its owner does not let the claim in.
 */
export function claimRun(
  db: Db,
  seen: Claim,
  claim: { owner: string; ownerLetsIn: boolean; configSha256: string; programVersion: string },
): Promise<HardeningRun | undefined> {
  return maybe(
    db,
    HardeningRun,
    sql`
      update hardening_run
      set attempt = attempt + 1,
          lease_owner = ${claim.owner},
          lease_until = clock_timestamp() + ${leaseLength},
          config_sha256 = ${claim.configSha256},
          program_version = ${claim.programVersion}
      where id = ${seen.runId}
        and attempt = ${seen.attempt}
        and finished_at is null
        and (lease_until < clock_timestamp() or ${claim.ownerLetsIn})
      returning ${runColumns}`,
  );
}

/** Zero when the claim is fenced off. */
export function extendLease(db: Db, claim: Claim): Promise<number> {
  return run(
    db,
    sql`
      update hardening_run
      set lease_until = clock_timestamp() + ${leaseLength}
      where id = ${claim.runId} and attempt = ${claim.attempt} and finished_at is null`,
  );
}

/** Lets the next claim in at once. */
export function releaseLease(db: Db, claim: Claim): Promise<number> {
  return run(
    db,
    sql`
      update hardening_run
      set lease_until = clock_timestamp()
      where id = ${claim.runId} and attempt = ${claim.attempt} and finished_at is null`,
  );
}

/** Gives the run to another owner, for as long as somebody who lets claims in may be waited for. */
export function handOverLease(db: Db, claim: Claim, owner: string): Promise<number> {
  return run(
    db,
    sql`
      update hardening_run
      set lease_owner = ${owner}, lease_until = clock_timestamp() + ${handOverLength}
      where id = ${claim.runId} and attempt = ${claim.attempt} and finished_at is null`,
  );
}

export function finishRun(db: Db, claim: Claim, result: { state: Outcome; looseEnds: LooseEnd[] }): Promise<number> {
  return run(
    db,
    sql`
      update hardening_run
      set state = ${result.state},
          loose_ends = ${json(result.looseEnds)},
          finished_at = clock_timestamp(),
          lease_until = clock_timestamp()
      where id = ${claim.runId} and attempt = ${claim.attempt} and finished_at is null`,
  );
}

/** A section that is there already keeps its commit. */
export function insertSection(db: Db, runId: string, section: { number: number; title: string }): Promise<number> {
  return run(
    db,
    sql`
      insert into hardening_section (run_id, number, title)
      values (${runId}, ${section.number}, ${section.title})
      on conflict (run_id, number) do update set title = excluded.title`,
  );
}

export function listSections(db: Db, runId: string): Promise<HardeningSection[]> {
  return many(
    db,
    HardeningSection,
    sql`select ${sectionColumns} from hardening_section where run_id = ${runId} order by number`,
  );
}

/** What the configuration no longer asks for leaves the run, with its steps. */
export function deleteSectionsExcept(db: Db, runId: string, numbers: number[]): Promise<number> {
  return run(db, sql`delete from hardening_section where run_id = ${runId} and number <> all (${numbers}::integer[])`);
}

/** Every commit of the run is to be settled again. */
export function updateSectionsToPending(db: Db, runId: string): Promise<number> {
  return run(
    db,
    sql`
      update hardening_section
      set commit_state = 'pending', commit_hash = null, loose_ends = '[]'
      where run_id = ${runId}`,
  );
}

export function finishSectionCommit(
  db: Db,
  claim: Claim,
  section: number,
  commit: { state: "committed" | "unchanged" | "skipped"; hash: string | undefined; looseEnds: LooseEnd[] },
): Promise<number> {
  return run(
    db,
    sql`
      with held as (${held(claim)})
      update hardening_section
      set commit_state = ${commit.state}, commit_hash = ${commit.hash ?? null}, loose_ends = ${json(commit.looseEnds)}
      from held
      where run_id = held.id and number = ${section}`,
  );
}

/** One that is there already begins anew; its plan stays, to be compared with the next one. */
export function insertStep(db: Db, runId: string, step: NewStep): Promise<number> {
  return run(
    db,
    sql`
      insert into hardening_step (run_id, section, position, environment, action, title)
      values (${runId}, ${step.section}, ${step.position}, ${step.environment}, ${step.action}, ${step.title})
      on conflict (run_id, section, environment, action) do update
      set position = excluded.position,
          title = excluded.title,
          state = 'planned',
          attempt = 0,
          needs = '{}',
          evidence = '{}',
          loose_ends = '[]',
          finished_at = null`,
  );
}

/**
 * The latest finished run of each section that the given run does not hold: what
 * is known about the rest of the platform.
 */
export function listOtherSections(db: Db, than: { id: string; platform: string }): Promise<KnownSection[]> {
  return many(
    db,
    KnownSection,
    sql`
      select distinct on (hardening_section.number) hardening_section.run_id, ${sectionColumns}
      from hardening_section
      join hardening_run on hardening_run.id = hardening_section.run_id
      where hardening_run.platform = ${than.platform}
        and hardening_run.finished_at is not null
        and hardening_section.number not in (select number from hardening_section where run_id = ${than.id})
      order by hardening_section.number, hardening_run.started_at desc`,
  );
}

export function deleteStep(db: Db, stepId: string): Promise<number> {
  return run(db, sql`delete from hardening_step where id = ${stepId}`);
}

/** In the order in which they are carried out. */
export function listSteps(db: Db, runId: string): Promise<HardeningStep[]> {
  return many(
    db,
    HardeningStep,
    sql`select ${stepColumns} from hardening_step where run_id = ${runId} order by section, position`,
  );
}

/** Stores the plan before its first effect; zero when the claim is fenced off. A blocked one starts nothing. */
export function startStep(db: Db, claim: Claim, stepId: string, plan: StepPlan): Promise<number> {
  return run(
    db,
    sql`
      with held as (${held(claim)})
      update hardening_step
      set state = ${plan.state === "ready" ? "applying" : "planned"},
          plan = ${json(plan)},
          plan_fingerprint = ${plan.state === "ready" ? plan.fingerprint : null},
          attempt = hardening_step.attempt + 1,
          started_at = coalesce(started_at, clock_timestamp())
      from held
      where run_id = held.id and hardening_step.id = ${stepId} and state in ('planned', 'applying', 'applied')`,
  );
}

/** The step's effects are there; their proof is not. */
export function updateStepToApplied(db: Db, claim: Claim, stepId: string): Promise<number> {
  return run(
    db,
    sql`
      with held as (${held(claim)})
      update hardening_step
      set state = 'applied'
      from held
      where run_id = held.id and hardening_step.id = ${stepId} and state = 'applying'`,
  );
}

/** A step that has its outcome is left alone: zero rows. */
export function finishStep(db: Db, claim: Claim, stepId: string, result: StepResult): Promise<number> {
  return run(
    db,
    sql`
      with held as (${held(claim)})
      update hardening_step
      set state = ${result.state},
          needs = ${result.needs},
          evidence = ${json(result.evidence)},
          loose_ends = ${json(result.looseEnds)},
          started_at = coalesce(started_at, clock_timestamp()),
          finished_at = clock_timestamp()
      from held
      where run_id = held.id and hardening_step.id = ${stepId} and finished_at is null`,
  );
}
