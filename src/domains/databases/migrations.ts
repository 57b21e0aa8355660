/**
 * Migrations of the operator's databases: numbered SQL files, applied to dev first
 * and to prod after. What is applied where is recorded in the table
 * `schema_migrations` of each database; the runner in `store/` keeps its promises
 * (once, in order, whole files, edited files refused).
 *
 * Prod takes a file only when dev has recorded the same bytes: what was never run
 * on dev cannot reach prod by this way. Rows of kind `mirror` are no migrations and
 * prove nothing here.
 *
 * It does not write migrations, and it has no way back: a mistake is mended by the
 * next file.
 */
import { chown, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type pg from "pg";

import { AppError } from "#errors.ts";
import {
  type Applied,
  applyMigrations,
  contradictions,
  listApplied,
  type MarkedEnvironment,
  type MigrationFile,
  type MigrationTable,
  readMigrationFiles,
  unfinishedProgress,
} from "#store/migrator.ts";
import { actAs, findOwner } from "#system/owner.ts";

import {
  connect,
  type DatabaseTarget,
  identify,
  isSameDatabase,
  refuseTransactionPooler,
} from "#postgres/connection.ts";

/** A migration that is recorded on dev and not on prod, with its file or the reason why there is none to replay. */
export type DevFirstMigration =
  | { name: string; file: MigrationFile; unreplayable?: undefined }
  | { name: string; file?: undefined; unreplayable: string };

/**
 * `applied`; `pending`: not recorded; `unproven`: recorded without a checksum;
 * `unfinished`: stopped between its statements; `edited`: recorded with another
 * checksum; `missing`: recorded, and there is no such file.
 */
export type Standing = "applied" | "pending" | "unproven" | "unfinished" | "edited" | "missing";

export type MigrationStatus = {
  /** A standing is null where the environment is not configured, or has neither record nor file. */
  migrations: { name: string; dev: Standing | null; prod: Standing | null; detail: string | null }[];
  /** What contradicts the record, one line each: `prod: 0003_x.sql was edited …`. */
  faults: string[];
  /** How many prod could take now, and how many dev must take first. */
  readyForProd: number;
  pendingOnDev: number;
};

export type UpRequest = {
  environment: MarkedEnvironment;
  target: DatabaseTarget;
  /** Asked what it has recorded before prod takes anything; unused for dev. */
  dev: DatabaseTarget | undefined;
  table: MigrationTable;
  files: MigrationFile[];
  appliedBy: string;
  interrupted?: "retry" | "skip";
  signal: AbortSignal;
  onApplied?: (file: MigrationFile) => void;
};

export type UpOutcome =
  | { state: "applied"; applied: string[] }
  | { state: "refused"; refused: { name: string; reason: string }[] };

const lockTimeoutMs = 10_000;

/** Applies what is pending to one environment. Prod is refused as a whole when dev lacks one of the files; nothing is applied then. */
export async function applyPending(request: UpRequest): Promise<UpOutcome> {
  await refuseTransactionPooler(request.target);
  const client = await connect(request.target, { readOnly: false, lockTimeoutMs });
  try {
    const onDev = request.environment === "prod" ? await readDevRecord(client, request) : undefined;
    return await applyGated(client, request, onDev);
  } finally {
    await client.end();
  }
}

/** What is recorded in an environment's database; the connection is read only. */
export async function readRecorded(target: DatabaseTarget, table: MigrationTable): Promise<Applied[]> {
  const client = await connect(target, { readOnly: true });
  try {
    return await listApplied(client, table);
  } finally {
    await client.end();
  }
}

/** Both environments side by side; null stands for an environment that is not configured. */
export function compareEnvironments(
  files: MigrationFile[],
  dev: Applied[] | null,
  prod: Applied[] | null,
): MigrationStatus {
  const recorded = [...(dev ?? []), ...(prod ?? [])].filter((row) => row.kind === "migration").map((row) => row.name);
  const names = [...new Set([...files.map((file) => file.name), ...recorded])].toSorted();
  const migrations = names.map((name) => {
    const file = files.find((candidate) => candidate.name === name);
    return {
      name,
      dev: dev && standing(name, file, dev),
      prod: prod && standing(name, file, prod),
      detail: unfinishedDetail(name, dev, "dev") ?? unfinishedDetail(name, prod, "prod"),
    };
  });
  const isPending = (state: Standing | null): boolean => state === "pending" || state === "unfinished";
  return {
    migrations,
    faults: [
      ...contradictions(files, dev ?? []).map((fault) => `dev: ${fault}`),
      ...contradictions(files, prod ?? []).map((fault) => `prod: ${fault}`),
    ],
    readyForProd: migrations.filter((row) => isPending(row.prod) && row.dev === "applied").length,
    pendingOnDev: migrations.filter((row) => isPending(row.dev)).length,
  };
}

/** Migrations of dev that prod does not have yet, in the order dev took them. */
export async function pendingDevFirst(
  prodClient: pg.ClientBase,
  devClient: pg.ClientBase,
  table: MigrationTable,
  files: MigrationFile[],
): Promise<DevFirstMigration[]> {
  const onProd = new Map(migrationsOf(await listApplied(prodClient, table)).map((row) => [row.name, row]));
  const byName = new Map(files.map((file) => [file.name, file]));
  return migrationsOf(await listApplied(devClient, table)).flatMap((row): DevFirstMigration[] => {
    const prodRow = onProd.get(row.name);
    if (prodRow !== undefined && unfinishedProgress(prodRow) === undefined) return [];
    const file = byName.get(row.name);
    const unreplayable = whyUnreplayable(row, prodRow, file);
    if (unreplayable !== undefined) return [{ name: row.name, unreplayable }];
    return file === undefined ? [] : [{ name: row.name, file }];
  });
}

/**
 * Writes the next `NNNN_name.sql` and answers its path. The number is taken by
 * creating the file: two at once get two numbers or one of them an error.
 */
export async function createMigration(directory: string, name: string): Promise<string> {
  const words = name
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== "");
  if (words.length === 0) {
    throw new AppError("invalid_input", `${JSON.stringify(name)} gives no file name`, {
      hint: "Name it in lower-case words: leveredge migrate new add_agent_region",
    });
  }
  const number = ((await readMigrationFiles(directory)).at(-1)?.number ?? 0) + 1;
  if (number > 9999) throw new AppError("conflict", `migrations in ${directory} have used up their four-digit numbers`);
  const path = join(directory, `${String(number).padStart(4, "0")}_${words.join("_")}.sql`);
  const owner = actAs(await findOwner(directory));
  await writeFile(path, `-- ${words.join(" ")}: what it changes, and why.\n`, { flag: "wx" }).catch(
    (cause: unknown) => {
      throw new AppError(
        "forbidden",
        `cannot write ${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
        {
          cause,
          hint: `Make ${directory} a directory that this user may write to.`,
        },
      );
    },
  );
  if (owner !== undefined) await chown(path, owner.uid, owner.gid);
  return path;
}

async function applyGated(client: pg.Client, request: UpRequest, onDev: Applied[] | undefined): Promise<UpOutcome> {
  let refused: { name: string; reason: string }[] = [];
  const gate = async (pending: MigrationFile[]): Promise<void> => {
    refused = onDev === undefined ? [] : notProvenOnDev(pending, onDev);
    if (refused.length > 0) throw new AppError("precondition_failed", "dev has not recorded what prod would take");
  };
  try {
    const applied = await applyMigrations(client, request.table, request.files, {
      appliedBy: request.appliedBy,
      lockTimeoutMs,
      environment: request.environment,
      gate,
      signal: request.signal,
      ...(request.onApplied === undefined ? {} : { onApplied: request.onApplied }),
      ...(request.interrupted === undefined ? {} : { interrupted: request.interrupted }),
    });
    return { state: "applied", applied };
  } catch (error) {
    // The gate's own refusal is an answer; everything else is a failure.
    if (refused.length > 0) return { state: "refused", refused };
    throw error;
  }
}

/** What dev has recorded; refuses a dev that is prod itself under another name. */
async function readDevRecord(prodClient: pg.Client, { dev, table }: UpRequest): Promise<Applied[]> {
  if (dev === undefined) {
    throw new AppError(
      "precondition_failed",
      "prod takes only what dev has recorded, and no dev database is configured",
      {
        hint: "Add environments.dev.database to leveredge.yaml.",
      },
    );
  }
  const client = await connect(dev, { readOnly: true });
  try {
    if (isSameDatabase(await identify(client), await identify(prodClient))) {
      throw new AppError("conflict", "dev and prod are the same database", {
        hint: "Check the two URLs that environments in leveredge.yaml refers to.",
      });
    }
    return await listApplied(client, table);
  } finally {
    await client.end();
  }
}

function notProvenOnDev(pending: MigrationFile[], onDev: Applied[]): { name: string; reason: string }[] {
  const recorded = new Map(migrationsOf(onDev).map((row) => [row.name, row]));
  return pending.flatMap((file) => {
    const row = recorded.get(file.name);
    const reason =
      row === undefined
        ? "dev has not recorded it"
        : unfinishedProgress(row) !== undefined
          ? "it stopped midway on dev"
          : row.checksum === null
            ? "dev recorded it without a checksum"
            : row.checksum !== file.checksum
              ? `dev recorded checksum ${row.checksum}, the file has ${file.checksum}`
              : undefined;
    return reason === undefined ? [] : [{ name: file.name, reason }];
  });
}

function whyUnreplayable(
  row: Applied,
  prodRow: Applied | undefined,
  file: MigrationFile | undefined,
): string | undefined {
  if (prodRow !== undefined) return "it stopped midway on prod";
  const progress = unfinishedProgress(row);
  if (progress !== undefined) return `it stopped on dev at statement ${progress.statement} of ${progress.of}`;
  if (row.checksum === null) return "dev recorded it without a checksum, so no file can be proven to be it";
  if (file === undefined) return "its file is missing";
  if (file.checksum !== row.checksum) return `dev recorded checksum ${row.checksum}, the file has ${file.checksum}`;
  return undefined;
}

function standing(name: string, file: MigrationFile | undefined, recorded: Applied[]): Standing | null {
  const row = migrationsOf(recorded).find((candidate) => candidate.name === name);
  if (row === undefined) return file === undefined ? null : "pending";
  if (unfinishedProgress(row) !== undefined) return "unfinished";
  if (row.checksum === null) return "unproven";
  if (file === undefined) return "missing";
  return file.checksum === row.checksum ? "applied" : "edited";
}

function unfinishedDetail(name: string, recorded: Applied[] | null, label: string): string | null {
  const row = migrationsOf(recorded ?? []).find((candidate) => candidate.name === name);
  const progress = row && unfinishedProgress(row);
  if (progress === undefined) return null;
  const how = progress.state === "failed" ? "failed at" : "was interrupted at";
  return `${label}: ${how} statement ${progress.statement} of ${progress.of}, line ${progress.line}: ${progress.headline}`;
}

function migrationsOf(recorded: Applied[]): Applied[] {
  return recorded.filter((row) => row.kind === "migration");
}
