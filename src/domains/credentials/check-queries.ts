/** SQL of live checks: who can be asked, what was found. */
import { sql } from "kysely";
import { z } from "zod";

import { type Db, many, maybe, run } from "#store/database.ts";

import { credentialColumns } from "./queries.ts";
import { Credential, CredentialCheck } from "./schema.ts";
import type { Standing } from "./standing.ts";

const checkColumns = sql`
  id, version, verdict, detail, status, latency_ms, identity, scopes, expires_at, requested_by, checked_at`;

/** Checks of a credential, the newest first. */
export function listChecks(db: Db, credentialId: number, limit: number): Promise<CredentialCheck[]> {
  return many(
    db,
    CredentialCheck,
    sql`
    select ${checkColumns}
    from aegis_credential_check
    where credential_id = ${credentialId}
    order by id desc
    limit ${limit}`,
  );
}

/** A credential with what decides whether it is due; ages by the database's clock. */
export const Checkable = Credential.extend({
  discoveredExpiresAt: z.string().nullable(),
  /** Since the last check; null before the first. */
  askedAgoS: z.number().nullable(),
  /** Whether the second dead answer would count now; null when none waits for it. */
  isConfirmable: z.boolean().nullable(),
  /** Somebody asks at this moment. */
  isClaimed: z.boolean(),
});
export type Checkable = z.output<typeof Checkable>;

const checkableColumns = sql`
  ${credentialColumns}, discovered_expires_at,
  extract(epoch from clock_timestamp() - attempted_at)::float8 as asked_ago_s,
  confirm_after <= clock_timestamp() as is_confirmable,
  check_claimed_at is not null as is_claimed`;

export function findCheckable(db: Db, name: string): Promise<Checkable | undefined> {
  return maybe(db, Checkable, sql`select ${checkableColumns} from aegis_credentials where credential_name = ${name}`);
}

/** With a value, not quarantined, not proved dead: those never asked first, then the longest ago. */
export function listCheckable(db: Db): Promise<Checkable[]> {
  return many(
    db,
    Checkable,
    sql`
    select ${checkableColumns}
    from aegis_credentials
    where version > 0 and quarantined_at is null and validation_status not in ('invalid', 'expired', 'revoked')
    order by attempted_at nulls first, credential_name`,
  );
}

/**
 * Of these, whom this caller may ask for now: one check of a credential at a time, whoever
 * asks, and only as long as nobody has asked or changed its value since it was read. A claim
 * is known by its instant and lapses by itself when the asker is killed. A row that somebody
 * changes at this moment is not waited for: it is not claimed.
 */
export function claimChecks(
  db: Db,
  credentials: readonly Pick<Credential, "id" | "version" | "attemptedAt">[],
  lapseMs: number,
): Promise<{ id: number; claimedAt: string }[]> {
  return many(
    db,
    z.object({ id: z.int(), claimedAt: z.string() }),
    sql`
    with asked as (
      select *
      from unnest(
        ${credentials.map(({ id }) => id)}::integer[],
        ${credentials.map(({ version }) => version)}::integer[],
        ${credentials.map(({ attemptedAt }) => attemptedAt)}::timestamptz[]
      ) as asked (id, version, attempted_at)
    ), free as (
      select c.id
      from aegis_credentials c
      join asked a on a.id = c.id
      where c.version = a.version
        and date_trunc('milliseconds', c.attempted_at) is not distinct from a.attempted_at
        and (c.check_claimed_at is null
          or c.check_claimed_at < clock_timestamp() - make_interval(secs => ${lapseMs / 1000}))
      for no key update of c skip locked
    )
    update aegis_credentials c
    set check_claimed_at = date_trunc('milliseconds', clock_timestamp())
    from free f
    where c.id = f.id
    returning c.id, c.check_claimed_at as claimed_at`,
  );
}

/** Only one's own: a claim that lapsed may be somebody else's by now. */
export async function releaseCheck(db: Db, credentialId: number, claimedAt: string): Promise<void> {
  await run(
    db,
    sql`
    update aegis_credentials
    set check_claimed_at = null
    where id = ${credentialId} and check_claimed_at = ${claimedAt}::timestamptz`,
  );
}

export type KeptCheck = {
  credentialId: number;
  claimedAt: string;
  check: Omit<CredentialCheck, "id" | "checkedAt">;
  /** After the check. */
  standing: Standing;
};

/**
 * Of each the check, the standing and the end of the claim, together; answers the ids of
 * those that were kept. Nothing is written of one whose value changed meanwhile or whose
 * claim was lost. The revision stays: nobody's edit is in the way of a check.
 */
export async function keepChecks(tx: Db, found: readonly KeptCheck[]): Promise<number[]> {
  const rows = found.map(({ credentialId, claimedAt, check, standing }) => ({
    ...{ credential_id: credentialId, claimed_at: claimedAt },
    ...{ version: check.version, verdict: check.verdict, detail: check.detail, status: check.status },
    ...{ latency_ms: check.latencyMs, identity: check.identity, scopes: check.scopes, expires_at: check.expiresAt },
    requested_by: check.requestedBy,
    validation_status: standing.validationStatus,
    last_validated_at: standing.lastValidatedAt,
    attempted_at: standing.attemptedAt,
    attempt_verdict: standing.attemptVerdict,
    attempt_detail: standing.attemptDetail,
    dead_verdict: standing.deadVerdict,
    dead_seen_at: standing.deadSeenAt,
    confirm_after: standing.confirmAfter,
    standing_identity: standing.identity,
    standing_scopes: standing.scopes,
    discovered_expires_at: standing.discoveredExpiresAt,
  }));
  const kept = await many(
    tx,
    z.object({ credentialId: z.int() }),
    sql`
    with found as (
      select *
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as found (
        credential_id integer, claimed_at timestamptz, version integer, verdict text, detail text, status text,
        latency_ms integer, identity text, scopes text[], expires_at timestamptz, requested_by text,
        validation_status text, last_validated_at timestamptz, attempted_at timestamptz, attempt_verdict text,
        attempt_detail text, dead_verdict text, dead_seen_at timestamptz, confirm_after timestamptz,
        standing_identity text, standing_scopes text[], discovered_expires_at timestamptz)
    ), held as (
      select c.id
      from aegis_credentials c
      join found f on f.credential_id = c.id and f.version = c.version and f.claimed_at = c.check_claimed_at
      order by c.id
      for no key update of c
    ), judged as (
      update aegis_credentials c
      set check_claimed_at = null,
          validation_status = f.validation_status,
          last_validated_at = f.last_validated_at,
          attempted_at = f.attempted_at,
          attempt_verdict = f.attempt_verdict, attempt_detail = f.attempt_detail,
          dead_verdict = f.dead_verdict, dead_seen_at = f.dead_seen_at,
          confirm_after = f.confirm_after,
          identity = f.standing_identity, scopes = f.standing_scopes,
          discovered_expires_at = f.discovered_expires_at,
          expires_at = coalesce(f.discovered_expires_at, c.declared_expires_at),
          expiry_source = case
            when f.discovered_expires_at is not null then 'discovered'
            when c.declared_expires_at is not null then 'declared'
            else 'unknown'
          end
      from found f
      join held h on h.id = f.credential_id
      where c.id = h.id
      returning c.id
    )
    insert into aegis_credential_check
      (credential_id, version, verdict, detail, status, latency_ms, identity, scopes, expires_at, requested_by,
       checked_at)
    select f.credential_id, f.version, f.verdict, f.detail, f.status, f.latency_ms, f.identity, f.scopes,
      f.expires_at, f.requested_by, f.attempted_at
    from found f
    join judged j on j.id = f.credential_id
    returning credential_id`,
  );
  return kept.map(({ credentialId }) => credentialId);
}

/**
 * Where every key of a provider at one origin died together, the provider is the likelier
 * cause: the second answer counts an hour after the first. Answers those put off now, once.
 */
export function postponeConfirmations(
  tx: Db,
  { atLeast, delayMs }: { atLeast: number; delayMs: number },
): Promise<{ credentialName: string; provider: string; deadSeenAt: string }[]> {
  const delay = sql`make_interval(secs => ${delayMs / 1000})`;
  return many(
    tx,
    z.object({ credentialName: z.string(), provider: z.string(), deadSeenAt: z.string() }),
    sql`
    with alive as (
      select c.id, c.provider, v.origin, c.dead_seen_at is not null as is_pending
      from aegis_credentials c
      join aegis_credential_version v on v.credential_id = c.id and v.version = c.version
      where c.quarantined_at is null and c.validation_status not in ('invalid', 'expired', 'revoked')
    ), fallen as (
      select provider, origin
      from alive
      group by provider, origin
      having bool_and(is_pending) and count(*) >= ${atLeast}
    ), postponed as (
      select c.id
      from aegis_credentials c
      join alive a on a.id = c.id
      join fallen f on f.provider = a.provider and f.origin = a.origin
      where c.confirm_after < c.dead_seen_at + ${delay}
      -- In the order in which checks are kept, too: two that lock several rows must not wait for each other.
      order by c.id
      for no key update of c
    )
    update aegis_credentials c
    set confirm_after = c.dead_seen_at + ${delay}
    from postponed p
    where c.id = p.id
    returning c.credential_name, c.provider, c.dead_seen_at`,
  );
}
