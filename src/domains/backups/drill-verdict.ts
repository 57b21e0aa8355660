/** From what a restore left behind to the verdict: who is accused, and how much a success proves. */
import { provesDamage } from "./manifest.ts";
import type { RestoreFailure } from "./restore-failures.ts";
import type { Assurance, DrillResult, DumpHeader } from "./schema.ts";

export type RestoreOutcome = {
  failures: readonly RestoreFailure[];
  missingExtensions: readonly string[];
  roles: readonly string[];
  /** What only a superuser may make; settings of the database itself are not among it. */
  leftOut: readonly string[];
  /** In what the restored database is not what the manifest says; undefined without one. */
  mismatches: readonly string[] | undefined;
  /** Whether the drill's server is of the dump's own major version. */
  isSameMajor: boolean;
  tables: number;
  rows: number;
  format: DumpHeader["format"];
  compression: "none" | "gzip" | "lz4" | "zstd" | null;
};

export type Judgement = Pick<DrillResult, "verdict" | "assurance" | "why" | "notes">;

const shownNames = 6;
const shownMismatches = 50;

export function judgeRestore(outcome: RestoreOutcome): Judgement {
  const { failures, mismatches } = outcome;
  const first = (kind: RestoreFailure["kind"]): string | undefined => failures.find((f) => f.kind === kind)?.text;
  const notes = describeNotes(outcome);
  const refuse = (verdict: "damaged" | "unverifiable", why: string): Judgement => ({
    verdict,
    assurance: null,
    why,
    notes,
  });

  const full = first("disk");
  if (full !== undefined) return refuse("unverifiable", `the disk was full: ${full}`);
  const unreadable = first("archive");
  if (unreadable !== undefined) return refuse("damaged", `it cannot be read to its end: ${unreadable}`);
  const changed = mismatches?.find(provesDamage);
  if (changed !== undefined) return refuse("damaged", describeMismatches(changed, mismatches));
  const lacking = describeLack(outcome);
  const refused = first("statement");
  if (lacking !== undefined) {
    // Whatever else went wrong may follow from it; only rows that are all there say more.
    const isProven =
      mismatches === undefined ? failures.every(({ kind }) => kind === "minor") : mismatches.length === 0;
    return isProven ? accept(outcome, notes) : refuse("unverifiable", lacking);
  }
  if (refused !== undefined) {
    const isFiles = outcome.isSameMajor || refused.startsWith("COPY failed");
    return isFiles
      ? refuse("damaged", `it does not restore: ${refused}`)
      : refuse("unverifiable", `a newer server than the dump's refuses it: ${refused}`);
  }
  const [mismatch] = mismatches ?? [];
  return mismatch === undefined ? accept(outcome, notes) : refuse("damaged", describeMismatches(mismatch, mismatches));
}

function describeMismatches(shown: string, all: readonly string[] = []): string {
  return `it is not what was dumped: ${shown}${all.length > 1 ? `, and ${all.length - 1} more` : ""}`;
}

function accept(outcome: RestoreOutcome, notes: string[]): Judgement {
  const assurance = assuranceOf(outcome);
  const amount = `${outcome.rows} rows in ${outcome.tables} tables`;
  const { leftOut } = outcome;
  const restores = leftOut.length === 0 ? "it restores" : `it restores but for ${listNames(leftOut)}`;
  const why = {
    content: `${restores}, and its ${amount} are those of the manifest`,
    restored: `${restores}: ${amount}`,
    stubs: `${restores}, with what this host lacks made up or left out: ${amount}`,
  }[assurance];
  return { verdict: "verified", assurance, why, notes };
}

/** Roles are in no dump: made-up ones take nothing from rows that were compared. */
function assuranceOf({ mismatches, roles, ...outcome }: RestoreOutcome): Assurance {
  if (outcome.missingExtensions.length > 0 || outcome.failures.length > 0) return "stubs";
  if (mismatches !== undefined) return "content";
  return roles.length > 0 ? "stubs" : "restored";
}

function describeLack({ missingExtensions, failures }: RestoreOutcome): string | undefined {
  if (missingExtensions.length > 0) {
    const names = listNames(missingExtensions);
    return `it needs ${missingExtensions.length === 1 ? "the extension" : "the extensions"} ${names}, which no server of this host has`;
  }
  const failure = failures.find(({ kind }) => kind === "host" || kind === "minor");
  return failure === undefined ? undefined : `this host cannot restore all of it: ${failure.text}`;
}

function describeNotes(outcome: RestoreOutcome): string[] {
  const { failures, missingExtensions, roles, leftOut, mismatches } = outcome;
  return [
    ...(missingExtensions.length === 0
      ? []
      : [`left out: ${missingExtensions.map((name) => `extension ${name}`).join(", ")}`]),
    ...(leftOut.length === 0 ? [] : ["what only a superuser may make is not restored by a drill"]),
    ...(roles.length === 0
      ? []
      : [`roles are in no dump: ${listNames(roles)} were made up; keep pg_dumpall --globals-only beside it`]),
    ...failures.slice(0, shownNames).map(({ text }) => text),
    ...(mismatches === undefined ? describeGaps(outcome) : mismatches.slice(0, shownMismatches)),
  ];
}

/** What damage a restore alone does not notice. */
function describeGaps({ format, compression }: RestoreOutcome): string[] {
  const rows = "without a manifest rows that are missing or were changed before the dump are not noticed";
  const isChecked = format === "plain.gz" || (format === "custom" && compression === "gzip");
  return isChecked
    ? [rows]
    : [
        rows,
        "a flipped byte in a row slips through where the value still parses: this format has no checksum of the rows",
      ];
}

function listNames(names: readonly string[]): string {
  const rest = names.length - shownNames;
  return `${names.slice(0, shownNames).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}
