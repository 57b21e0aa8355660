/**
 * A platform may have an `aegis_credentials` of its own, in its dev or prod database. It
 * is looked at column by column, what it says of each credential is taken over once, and
 * it is left as it is. Values are not read: a credential that came so has none until
 * somebody gives it one. A table of another shape blocks the step with the difference.
 */
import { createHash } from "node:crypto";

import type pg from "pg";

import type { App } from "#app.ts";
import type { ReadyPlan, Step, StepApplied, StepPlan, StepVerdict } from "#domain.ts";
import { AppError } from "#errors.ts";
import { appendEvent } from "#events/events.ts";
import { findTableColumns, type FoundColumn, type KnownColumn, listColumnFaults } from "#postgres/column-queries.ts";
import { configuredTarget } from "#postgres/configured-target.ts";
import { connect } from "#postgres/connection.ts";
import { transaction } from "#store/database.ts";

import { type ExistingRow, listExistingRows, listRecordedKeys } from "./existing-queries.ts";
import { describeUnknown } from "./fields.ts";
import { insertCredential, listCredentials } from "./queries.ts";
import { listProviders, registerProvider } from "./registry.ts";
import { CredentialName, Environment } from "./schema.ts";

type Side = "dev" | "prod";

/** One row that becomes a credential. */
type Candidate = {
  key: string;
  from: Side;
  name: string;
  provider: string;
  environment: Environment;
  expiresAt: string | null;
  rotationReminderDays: number;
};

type Survey = {
  /** Databases that have the table. */
  tables: Side[];
  candidates: Candidate[];
  /** Rows that stay where they are, and why. */
  left: string[];
  needs: string[];
};

/** What a column must be for its content to be meant. */
const known: Readonly<Record<string, KnownColumn>> = {
  credential_name: { category: "S", what: "text", isRequired: true },
  provider: { category: "S", what: "text", isRequired: true },
  environment: { category: "S", what: "text" },
  expires_at: { category: "D", what: "timestamp" },
  rotation_reminder_days: { category: "N", what: "integer" },
};

/** A step of section 3, where a database is configured. */
export const takeOverExisting = {
  plan: planImport,
  apply: applyImport,
  verify: verifyImport,
} satisfies Pick<Step, "plan" | "apply" | "verify">;

async function planImport(app: App): Promise<StepPlan> {
  const { tables, candidates, left, needs } = await survey(app);
  const changes = [...candidates.map(describe), ...left];
  if (needs.length > 0) {
    const summary = "an aegis_credentials of the platform is not of a shape that is known";
    return { state: "blocked", summary, needs, changes: [], looseEnds: [] };
  }
  const ready: ReadyPlan = {
    state: "ready",
    summary:
      tables.length === 0
        ? "the platform has no aegis_credentials of its own"
        : `${candidates.length} credentials to take over from ${tables.join(" and ")}, without their values`,
    changes,
    fingerprint: createHash("sha256").update(changes.join("\n")).digest("hex"),
    looseEnds: [],
  };
  return ready;
}

async function applyImport(app: App): Promise<StepApplied> {
  const { candidates, left, needs } = await survey(app);
  if (needs.length > 0) return { state: "blocked", needs };
  const providers = await listProviders(app);
  await transaction(app.db, async (tx) => {
    for (const candidate of candidates.toSorted((a, b) => (a.provider < b.provider ? -1 : 1))) {
      const provider = providers.find((one) => one.provider.name === candidate.provider);
      if (provider === undefined) continue;
      await registerProvider(tx, provider);
      const { name, environment, from } = candidate;
      const inserted = await insertCredential(tx, {
        name,
        provider: candidate.provider,
        environment,
        rotation_reminder_days: candidate.rotationReminderDays,
        ...(candidate.expiresAt === null ? {} : { expires_at: candidate.expiresAt }),
        note: `from ${from}'s aegis_credentials`,
      });
      if (inserted === undefined) continue;
      await appendEvent(tx, app.keys, {
        key: candidate.key,
        actor: "harden",
        action: "credentials.credential",
        target: `credential ${name}`,
        environment,
        outcome: "taken over",
        details: { provider: candidate.provider, from: `${from}: public.aegis_credentials` },
      });
    }
  });
  return { state: "applied", notes: left };
}

/** Reads the tables again: nothing is left that could have been taken over. */
async function verifyImport(app: App): Promise<StepVerdict> {
  const { tables, candidates, left, needs } = await survey(app);
  const evidence = { tables, left: left.length, open: candidates.map(({ name }) => name) };
  const problems = [...needs, ...candidates.map(({ name }) => `${name} was not taken over`)];
  if (problems.length > 0) return { verified: false, summary: problems.join("; "), evidence, looseEnds: [] };
  const summary =
    tables.length === 0 ? "no aegis_credentials of the platform's own" : `${tables.join(" and ")}: taken over`;
  return { verified: true, summary, evidence, looseEnds: [] };
}

async function survey(app: App): Promise<Survey> {
  const found: Survey = { tables: [], candidates: [], left: [], needs: [] };
  // Of one name in both, prod's is the one that counts.
  for (const side of ["prod", "dev"] as const) {
    if (app.config.environments[side] === undefined) continue;
    try {
      await surveySide(app, side, found);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      found.needs.push(`${side}: ${error.message}${error.hint === undefined ? "" : `. ${error.hint}`}`);
    }
  }
  const present = new Set((await listCredentials(app.db)).map(({ credentialName }) => credentialName));
  const recorded = await listRecordedKeys(
    app.db,
    found.candidates.map(({ key }) => key),
  );
  const isNew = ({ key, name }: Candidate, place: number): boolean =>
    !present.has(name) &&
    !recorded.includes(key) &&
    found.candidates.findIndex((candidate) => candidate.name === name) === place;
  return { ...found, candidates: found.candidates.filter(isNew) };
}

async function surveySide(app: App, side: Side, found: Survey): Promise<void> {
  const providers = new Set((await listProviders(app)).map(({ provider }) => provider.name));
  const client = await connect(await configuredTarget(app, side), { readOnly: true, statementTimeoutMs: 10_000 });
  try {
    const columns = await findTableColumns(client, "aegis_credentials");
    if (columns === undefined) return;
    found.tables.push(side);
    const faults = listColumnFaults(columns, known).map((fault) => `${side}: public.aegis_credentials ${fault}`);
    found.needs.push(...faults);
    if (faults.length === 0) await surveyRows(client, { side, columns, providers }, found);
  } finally {
    await client.end();
  }
}

async function surveyRows(
  client: pg.Client,
  { side, columns, providers }: { side: Side; columns: readonly FoundColumn[]; providers: ReadonlySet<string> },
  found: Survey,
): Promise<void> {
  const meant = columns.filter(({ name }) => Object.hasOwn(known, name));
  for (const row of await listExistingRows(client, meant)) {
    const candidate = readRow(row, side, providers);
    if (typeof candidate === "string") found.left.push(candidate);
    else found.candidates.push(candidate);
  }
}

/** The credential, or why it stays where it is. */
function readRow(row: ExistingRow, from: Side, providers: ReadonlySet<string>): Candidate | string {
  const name = CredentialName.safeParse(row.credential_name);
  if (!name.success) return `${from}: a credential whose name cannot stand in a reference stays`;
  const provider = row.provider?.toLowerCase().replaceAll(/[\s-]+/g, "_") ?? "";
  if (!providers.has(provider)) return `${from}: ${name.data} stays: there is no provider ${describeUnknown(provider)}`;
  const environment = Environment.safeParse(row.environment?.toLowerCase());
  const days = Number(row.rotation_reminder_days ?? 90);
  return {
    key: `credentials.existing:${from}:${name.data}`,
    from,
    name: name.data,
    provider,
    environment: environment.success ? environment.data : from,
    expiresAt: row.expires_at,
    rotationReminderDays: Number.isInteger(days) && days > 0 && days <= 3650 ? days : 90,
  };
}

function describe({ name, provider, environment, from }: Candidate): string {
  return `take over ${name} (${provider}, ${environment}) from ${from}, without its value`;
}
