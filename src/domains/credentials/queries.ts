/** SQL of credentials and their sealed versions. */
import { sql } from "kysely";
import { z } from "zod";

import { type Db, many, maybe, one, run } from "#store/database.ts";

import {
  Credential,
  CredentialVersion,
  EqualGroup,
  Environment,
  type NewCredential,
  type SealedField,
  VersionSummary,
} from "./schema.ts";

/** As `Credential` names them. */
export const credentialColumns = sql`
  id, uid, credential_name, provider, environment, version, revision, expires_at, expiry_source, last_validated_at,
  validation_status, attempted_at, attempt_verdict, attempt_detail, dead_verdict, dead_seen_at, confirm_after, identity,
  scopes, rotation_reminder_days, value_changed_at, quarantined_at, quarantine_reason, note, created_at, updated_at`;

const versionColumns = sql`
  credential_id, version, environment, origin, settings, dek_id, kek_version, wrapped, commitment, created_at,
  created_by`;

const listLimit = 10_000;

/** All of them by name, or those of one provider. */
export function listCredentials(db: Db, provider?: string): Promise<Credential[]> {
  return many(
    db,
    Credential,
    sql`
    select ${credentialColumns}
    from aegis_credentials
    where ${provider === undefined ? sql`true` : sql`provider = ${provider}`}
    order by credential_name
    limit ${listLimit}`,
  );
}

/** One page by name, from the one after `after`, of these environments alone. */
export function listCredentialPage(
  db: Db,
  page: {
    provider?: string | undefined;
    after?: string | undefined;
    limit: number;
    environments: readonly Environment[];
  },
): Promise<Credential[]> {
  const { provider, after = "", limit, environments } = page;
  return many(
    db,
    Credential,
    sql`
    select ${credentialColumns}
    from aegis_credentials
    where credential_name > ${after} and environment = any(${[...environments]}::text[])
      and ${provider === undefined ? sql`true` : sql`provider = ${provider}`}
    order by credential_name
    limit ${limit}`,
  );
}

export function findCredential(db: Db, name: string): Promise<Credential | undefined> {
  return maybe(db, Credential, sql`select ${credentialColumns} from aegis_credentials where credential_name = ${name}`);
}

export function findCredentialById(db: Db, id: number): Promise<Credential | undefined> {
  return maybe(db, Credential, sql`select ${credentialColumns} from aegis_credentials where id = ${id}`);
}

/** Nobody else changes it until the end of the transaction. */
export function lockCredential(tx: Db, name: string): Promise<Credential | undefined> {
  return maybe(
    tx,
    Credential,
    sql`select ${credentialColumns} from aegis_credentials where credential_name = ${name} for update`,
  );
}

/** Without a value; undefined when the name is taken. */
export function insertCredential(tx: Db, credential: Omit<NewCredential, "fields">): Promise<Credential | undefined> {
  const declared = credential.expires_at ?? null;
  return maybe(
    tx,
    Credential,
    sql`
    insert into aegis_credentials
      (credential_name, provider, environment, declared_expires_at, expires_at, expiry_source, rotation_reminder_days,
       note)
    values
      (${credential.name}, ${credential.provider}, ${credential.environment}, ${declared}, ${declared},
       ${declared === null ? "unknown" : "declared"}, ${credential.rotation_reminder_days}, ${credential.note ?? null})
    on conflict (credential_name) do nothing
    returning ${credentialColumns}`,
  );
}

/**
 * What was known of the old value is not known of the new one; a value that stays keeps its
 * age and its declared expiry. Account and scopes stay known: the first check of the new
 * value tells of others.
 */
export function takeNextVersion(
  tx: Db,
  id: number,
  { declaredExpiresAt, isSameValue = false }: { declaredExpiresAt?: string | undefined; isSameValue?: boolean } = {},
): Promise<Credential> {
  const declared = isSameValue ? sql`declared_expires_at` : sql`${declaredExpiresAt ?? null}::timestamptz`;
  return one(
    tx,
    Credential,
    sql`
    update aegis_credentials
    set version = version + 1, revision = revision + 1, updated_at = now(),
        value_changed_at = ${isSameValue ? sql`value_changed_at` : sql`now()`},
        validation_status = 'unknown', last_validated_at = null, attempted_at = null, attempt_verdict = null,
        attempt_detail = null, dead_verdict = null, dead_seen_at = null, confirm_after = null,
        discovered_expires_at = null, declared_expires_at = ${declared}, expires_at = ${declared},
        expiry_source = case when ${declared} is null then 'unknown' else 'declared' end,
        quarantined_at = null, quarantine_reason = null, check_claimed_at = null
    where id = ${id}
    returning ${credentialColumns}`,
  );
}

/** Those parts that are given; a null takes the declared expiry or the note away. */
export function updateCredential(
  tx: Db,
  id: number,
  change: { declaredExpiresAt?: string | null; rotationReminderDays?: number; note?: string | null },
): Promise<Credential> {
  const { declaredExpiresAt, rotationReminderDays, note } = change;
  const declared = declaredExpiresAt === undefined ? sql`declared_expires_at` : sql`${declaredExpiresAt}::timestamptz`;
  return one(
    tx,
    Credential,
    sql`
    update aegis_credentials
    set revision = revision + 1, updated_at = now(),
        rotation_reminder_days = ${rotationReminderDays ?? sql`rotation_reminder_days`},
        note = ${note === undefined ? sql`note` : note},
        declared_expires_at = ${declared},
        expires_at = coalesce(discovered_expires_at, ${declared}),
        expiry_source = case
          when discovered_expires_at is not null then 'discovered'
          when ${declared} is not null then 'declared'
          else 'unknown'
        end
    where id = ${id}
    returning ${credentialColumns}`,
  );
}

/** Of that version alone, and its first reason stays; false when there is nothing to do. */
export async function setQuarantine(tx: Db, id: number, version: number, reason: string): Promise<boolean> {
  const changed = await run(
    tx,
    sql`
    update aegis_credentials
    set quarantine_reason = ${reason}, quarantined_at = now(), revision = revision + 1, updated_at = now()
    where id = ${id} and version = ${version} and quarantined_at is null`,
  );
  return changed > 0;
}

/** With all of its versions, checks and reminders. */
export function deleteCredential(tx: Db, id: number): Promise<number> {
  return run(tx, sql`delete from aegis_credentials where id = ${id}`);
}

export async function insertVersion(
  tx: Db,
  version: Omit<CredentialVersion, "createdAt">,
  fields: readonly SealedField[],
): Promise<void> {
  await run(
    tx,
    sql`
    insert into aegis_credential_version
      (credential_id, version, environment, origin, settings, dek_id, kek_version, wrapped, commitment, created_by)
    values
      (${version.credentialId}, ${version.version}, ${version.environment}, ${version.origin},
       ${JSON.stringify(version.settings)}::jsonb, ${version.dekId}, ${version.kekVersion}, ${version.wrapped},
       ${version.commitment}, ${version.createdBy})`,
  );
  for (const { field, sealed, fingerprint, fingerprintVersion } of fields) {
    await run(
      tx,
      sql`
      insert into aegis_credential_field (credential_id, version, field, sealed, fingerprint, fingerprint_version)
      values (${version.credentialId}, ${version.version}, ${field}, ${sealed}, ${fingerprint}, ${fingerprintVersion})`,
    );
  }
}

export function findVersion(db: Db, credentialId: number, version: number): Promise<CredentialVersion | undefined> {
  return maybe(
    db,
    CredentialVersion,
    sql`
    select ${versionColumns}
    from aegis_credential_version
    where credential_id = ${credentialId} and version = ${version}`,
  );
}

/** A version with every field that is sealed, read at one moment. */
export function findSealedVersion(db: Db, credentialId: number, version: number): Promise<SealedVersion | undefined> {
  return maybe(
    db,
    SealedVersion,
    sql`${selectSealedVersion} where v.credential_id = ${credentialId} and v.version = ${version}`,
  );
}

/** The same of several at once; those that are not there are left out. */
export function listSealedVersions(
  db: Db,
  wanted: readonly { credentialId: number; version: number }[],
): Promise<SealedVersion[]> {
  return many(
    db,
    SealedVersion,
    sql`
    ${selectSealedVersion}
    where (v.credential_id, v.version) in (
      select *
      from unnest(
        ${wanted.map(({ credentialId }) => credentialId)}::integer[],
        ${wanted.map(({ version }) => version)}::integer[]
      )
    )`,
  );
}

const selectSealedVersion = sql`
  select ${versionColumns}, sealed.field_names, sealed.sealed
  from aegis_credential_version v
  cross join lateral (
    select coalesce(array_agg(f.field order by f.field), '{}') as field_names,
      coalesce(array_agg(f.sealed order by f.field), '{}') as sealed
    from aegis_credential_field f
    where f.credential_id = v.credential_id and f.version = v.version
  ) as sealed`;

const KeyUse = CredentialVersion.pick({ environment: true, kekVersion: true });
export type KeyUse = z.output<typeof KeyUse>;

/** The keys that the versions of a credential lie under. */
export function listKeyUses(db: Db, name: string): Promise<KeyUse[]> {
  return many(
    db,
    KeyUse,
    sql`
    select distinct v.environment, v.kek_version
    from aegis_credential_version v
    join aegis_credentials c on c.id = v.credential_id
    where c.credential_name = ${name}`,
  );
}

const SealedVersion = CredentialVersion.extend({
  fieldNames: z.array(z.string()),
  sealed: z.array(z.custom<Buffer>((value) => Buffer.isBuffer(value))),
});
export type SealedVersion = z.output<typeof SealedVersion>;

/** The newest first. */
export function listVersions(db: Db, credentialId: number): Promise<VersionSummary[]> {
  return many(
    db,
    VersionSummary,
    sql`
    select v.version, v.environment, v.origin, v.settings, v.created_at, v.created_by,
      array(
        select f.field from aegis_credential_field f
        where f.credential_id = v.credential_id and f.version = v.version
        order by f.field
      ) as secrets
    from aegis_credential_version v
    where v.credential_id = ${credentialId}
    order by v.version desc`,
  );
}

/** The key of a version that is gone is gone with it: what backups hold of it opens no more with this store. */
export function deleteVersionsBefore(tx: Db, credentialId: number, version: number): Promise<number> {
  return run(
    tx,
    sql`delete from aegis_credential_version where credential_id = ${credentialId} and version < ${version}`,
  );
}

/** Groups of active fields that hold the same value; never the fingerprint itself. */
export function listEqualGroups(db: Db): Promise<EqualGroup[]> {
  return many(
    db,
    EqualGroup,
    sql`
    select jsonb_agg(
      jsonb_build_object(
        'credentialName', c.credential_name, 'field', f.field, 'environment', c.environment
      ) order by c.credential_name, f.field
    ) as members
    from aegis_credential_field f
    join aegis_credentials c on c.id = f.credential_id and c.version = f.version
    group by f.fingerprint, f.fingerprint_version
    having count(*) > 1
    order by min(c.credential_name)`,
  );
}

/**
 * Versions of an environment that lie under another key than the active one, in the order
 * of their numbers. Those that somebody else holds are left to him, or waited for.
 */
export function lockVersionsToRewrap(
  tx: Db,
  batch: {
    environment: Environment;
    active: number;
    waits: boolean;
    after: { credentialId: number; version: number };
    limit: number;
  },
): Promise<(CredentialVersion & { uid: string })[]> {
  const { environment, active, waits, after, limit } = batch;
  return many(
    tx,
    CredentialVersion.extend({ uid: z.uuid() }),
    sql`
    select v.credential_id, v.version, v.environment, v.origin, v.settings, v.dek_id, v.kek_version, v.wrapped,
      v.commitment, v.created_at, v.created_by, c.uid
    from aegis_credential_version v
    join aegis_credentials c on c.id = v.credential_id
    where v.environment = ${environment} and v.kek_version <> ${active}
      and (v.credential_id, v.version) > (${after.credentialId}::integer, ${after.version}::integer)
    order by v.credential_id, v.version
    limit ${limit}
    for update of v ${waits ? sql`` : sql`skip locked`}`,
  );
}

/** Many at once: the wrap of each version's key. */
export function updateWraps(
  tx: Db,
  wraps: readonly { credentialId: number; version: number; kekVersion: number; wrapped: Buffer }[],
): Promise<number> {
  const rows = wraps.map(
    ({ credentialId, version, kekVersion, wrapped }) =>
      sql`(${credentialId}::integer, ${version}::integer, ${kekVersion}::integer, ${wrapped}::bytea)`,
  );
  return run(
    tx,
    sql`
    update aegis_credential_version v
    set kek_version = w.kek_version, wrapped = w.wrapped
    from (values ${sql.join(rows)}) as w (credential_id, version, kek_version, wrapped)
    where v.credential_id = w.credential_id and v.version = w.version`,
  );
}

/** How many versions of an environment lie under another key than this one. */
export async function countVersionsUnderOtherKeys(db: Db, environment: Environment, active: number): Promise<number> {
  const { count } = await one(
    db,
    z.object({ count: z.int() }),
    sql`
    select count(*) as count
    from aegis_credential_version
    where environment = ${environment} and kek_version <> ${active}`,
  );
  return count;
}

export const Expiring = z.object({
  credentialName: z.string(),
  provider: z.string(),
  environment: Environment,
  expiresAt: z.string(),
  daysLeft: z.number(),
});
export type Expiring = z.output<typeof Expiring>;

/** What the view of the platform shows, the nearest first. */
export function listExpiring(db: Db): Promise<Expiring[]> {
  return many(
    db,
    Expiring,
    sql`
    select e.credential_name, e.provider, c.environment, e.expires_at,
      (extract(epoch from e.time_until_expiry) / 86400)::float8 as days_left
    from aegis_expiring_credentials e
    join aegis_credentials c on c.credential_name = e.credential_name
    order by e.expires_at`,
  );
}
