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
 * Whether this caller may ask now: one check of a credential at a time, whoever asks, and
 * only as long as nobody has asked or changed its value since it was read. A claim is known by its
 * instant and lapses by itself when the asker is killed.
 */
export function claimCheck(
  db: Db,
  { id, version, attemptedAt }: Pick<Credential, "id" | "version" | "attemptedAt">,
  lapseMs: number,
): Promise<{ claimedAt: string } | undefined> {
  return maybe(
    db,
    z.object({ claimedAt: z.string() }),
    sql`
    update aegis_credentials
    set check_claimed_at = date_trunc('milliseconds', clock_timestamp())
    where id = ${id} and version = ${version}
      and date_trunc('milliseconds', attempted_at) is not distinct from ${attemptedAt}::timestamptz
      and (check_claimed_at is null
        or check_claimed_at < clock_timestamp() - make_interval(secs => ${lapseMs / 1000}))
    returning check_claimed_at as claimed_at`,
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
 * The check, the standing and the end of the claim, together; false, and nothing written,
 * when the value changed meanwhile or the claim was lost. The revision stays: nobody's edit
 * is in the way of a check.
 */
export async function keepCheck(tx: Db, { credentialId, claimedAt, check, standing }: KeptCheck): Promise<boolean> {
  const kept = await run(
    tx,
    sql`
    with judged as (
      update aegis_credentials
      set check_claimed_at = null,
          validation_status = ${standing.validationStatus},
          last_validated_at = ${standing.lastValidatedAt}::timestamptz,
          attempted_at = ${standing.attemptedAt}::timestamptz,
          attempt_verdict = ${standing.attemptVerdict}, attempt_detail = ${standing.attemptDetail},
          dead_verdict = ${standing.deadVerdict}, dead_seen_at = ${standing.deadSeenAt}::timestamptz,
          confirm_after = ${standing.confirmAfter}::timestamptz,
          identity = ${standing.identity}, scopes = ${standing.scopes}::text[],
          discovered_expires_at = ${standing.discoveredExpiresAt}::timestamptz,
          expires_at = coalesce(${standing.discoveredExpiresAt}::timestamptz, declared_expires_at),
          expiry_source = case
            when ${standing.discoveredExpiresAt}::timestamptz is not null then 'discovered'
            when declared_expires_at is not null then 'declared'
            else 'unknown'
          end
      where id = ${credentialId} and version = ${check.version} and check_claimed_at = ${claimedAt}::timestamptz
      returning id
    )
    insert into aegis_credential_check
      (credential_id, version, verdict, detail, status, latency_ms, identity, scopes, expires_at, requested_by,
       checked_at)
    select id, ${check.version}::integer, ${check.verdict}, ${check.detail}, ${check.status}, ${check.latencyMs}::integer,
      ${check.identity}, ${check.scopes}::text[], ${check.expiresAt}::timestamptz, ${check.requestedBy},
      ${standing.attemptedAt}::timestamptz
    from judged`,
  );
  return kept > 0;
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
    )
    update aegis_credentials c
    set confirm_after = c.dead_seen_at + ${delay}
    from alive a
    join fallen f on f.provider = a.provider and f.origin = a.origin
    where c.id = a.id and c.confirm_after < c.dead_seen_at + ${delay}
    returning c.credential_name, c.provider, c.dead_seen_at`,
  );
}
