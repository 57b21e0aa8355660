/** A mirror's plan, outcome and proof in words for people. */
import type { Hazard } from "#config/schema.ts";

import type { RowsRefusal } from "./reference-tables.ts";
import type {
  Difference,
  MirrorFinding,
  MirrorOutcome,
  MirrorReport,
  MirrorStatement,
  MirrorVerdict,
  PendingMigration,
  Refusal,
  SegmentStatus,
} from "./schema.ts";

const longestLine = 160;
const shownSubjects = 5;
const shownItems = 40;

/** What each hazard costs, as a person would say it. */
export const hazardWords: Record<Hazard, string> = {
  "data-loss": "rows or columns with data are lost",
  lock: "a table with rows is locked while it runs",
  rewrite: "a table is written anew, which takes long and locks it",
  "index-rebuild": "an index is built anew",
  privilege: "who may do what changes",
  "endpoint-copied": "an address or key of prod would work on dev",
  ahead: "migrations of dev that cannot be replayed would be undone",
};

/** `41 differences of 30 classes: column missing 2, …`; no line when nothing differs. */
export function describeDrift(drift: MirrorReport["drift"]): string[] {
  const classes = Object.entries(drift);
  if (classes.length === 0) return [];
  const total = classes.reduce((sum, [, count]) => sum + count, 0);
  const listed = classes.map(([name, count]) => (count === 1 ? name : `${name} (${count})`));
  return [`${total} differences of ${classes.length} classes: ${listed.join(", ")}`];
}

/** One line per statement: what happens to which object, and its hazards. */
export function describeStatement({ verb, kind, object, hazards, notes }: MirrorStatement): string {
  const cost = hazards.length === 0 ? "" : ` [${hazards.join(", ")}]`;
  const why = notes.length === 0 ? "" : `: ${notes.join("; ")}`;
  return `${verb} ${kind} ${object}${cost}${why}`;
}

/** Why a plan is refused, with what would let it pass. */
export function describeRefusal({ hazard, text, subjects, remedy }: Refusal): string {
  const names = listSome(subjects, shownSubjects);
  return `${hazard === null ? "" : `${hazard}: `}${text}${names === "" ? "" : ` (${names})`}: ${remedy}`;
}

/** The first few of a list and how many are left. */
export function listSome(items: readonly string[], most: number): string {
  const left = items.length - most;
  return left <= 0 ? items.join(", ") : `${items.slice(0, most).join(", ")} and ${left} more`;
}

/** SQL on one line, cut where a line gets too long. */
export function shorten(sql: string): string {
  const line = sql.replaceAll(/\s+/g, " ").trim();
  return line.length <= longestLine ? line : `${line.slice(0, longestLine - 1)}…`;
}

/** The whole plan: counts by kind of object, statements, what stays, what stands in the way. */
export function formatPlan(report: MirrorReport, options: { sql: boolean }): string {
  const { statements } = report;
  const isUntold = report.state !== "ready" && statements.length === 0;
  const headline = isUntold
    ? `${report.to} stays as it is: ${report.state}`
    : statements.length === 0
      ? `${report.to} needs no statement to equal ${report.desired}`
      : `${statements.length} statements make ${report.to} equal ${report.desired}`;
  const lines = options.sql ? statements.map(formatSql) : shortenList(statements.map(describeStatement));
  return sections([
    describeDrift(report.drift),
    [headline, ...Object.entries(report.counts).map(([kind, count]) => `  ${kind}: ${formatCount(count)}`)],
    lines.length === 0 ? [] : ["statements:", ...indent(lines)],
    formatHazards(statements),
    formatPending(report.pending),
    report.kept.length === 0 ? [] : [`only ${report.to} has, and keeps: ${listSome(report.kept, shownItems)}`],
    report.missingRoles.length === 0 ? [] : [`roles missing on ${report.to}: ${report.missingRoles.join(", ")}`],
    report.findings.map(formatFinding),
    report.needs.map((need) => `blocked: ${need}`),
    report.refusals.map((refusal) => `refused: ${describeRefusal(refusal)}`),
  ]);
}

/** The verifier's answer, grouped by class of difference. */
export function formatVerdict(verdict: MirrorVerdict): string {
  const digest = verdict.actualDigest.slice(0, 12);
  const headline =
    verdict.needs.length > 0
      ? "whether they are equal cannot be told"
      : verdict.equal
        ? `equal: ${verdict.objects} objects, digest ${digest}`
        : `${verdict.differences.length} differences in ${verdict.objects} objects`;
  return sections([
    [headline],
    groupByClass(verdict.differences),
    formatPending(verdict.pending),
    verdict.kept.length === 0 ? [] : [`only the target has, and keeps: ${listSome(verdict.kept, shownItems)}`],
    verdict.findings.map(formatFinding),
    verdict.needs.map((need) => `blocked: ${need}`),
  ]);
}

/** What applying came to, and the proof. */
export function formatOutcome(outcome: MirrorOutcome): string {
  const { failure, recordedAs } = outcome;
  const done = `${outcome.statements} statements in ${outcome.passes} ${outcome.passes === 1 ? "pass" : "passes"}`;
  return sections([
    [`${outcome.state}: ${done}${recordedAs === null ? "" : `, recorded as ${recordedAs}`}`],
    failure === null
      ? []
      : [`failed: ${failure.message}`, `  statement: ${shorten(failure.sql)}`, `  hint: ${failure.hint}`],
    outcome.segments.filter(({ state }) => state !== "committed").map(formatSegment),
    outcome.needs.map((need) => `blocked: ${need}`),
    outcome.refusals.map((refusal) => `refused: ${describeRefusal(refusal)}`),
    outcome.verdict === null ? [] : [formatVerdict(outcome.verdict)],
  ]);
}

/** What the reference rows are, or came to, under their own heading. */
export function formatRows(lines: readonly string[], refusals: readonly RowsRefusal[]): string {
  if (lines.length === 0 && refusals.length === 0) return "reference rows: equal";
  const refused = refusals.map(({ table, reason, remedy }) => `refused: ${table}: ${reason}: ${remedy}`);
  return ["reference rows:", ...indent([...lines, ...refused])].join("\n");
}

/** Differences under a heading per class, the most frequent first. */
export function groupByClass(differences: readonly Difference[]): string[] {
  const classes = new Map<string, string[]>();
  for (const { identity, class: name } of differences) {
    classes.set(name, [...(classes.get(name) ?? []), identity]);
  }
  return [...classes]
    .toSorted(([a, left], [b, right]) => right.length - left.length || (a < b ? -1 : 1))
    .flatMap(([name, objects]) => [`${name} (${objects.length})`, ...indent(shortenList(objects))]);
}

function formatHazards(statements: readonly MirrorStatement[]): string[] {
  const counts = new Map<Hazard, number>();
  for (const hazard of statements.flatMap(({ hazards }) => hazards)) counts.set(hazard, (counts.get(hazard) ?? 0) + 1);
  if (counts.size === 0) return [];
  return ["hazards:", ...indent([...counts].map(([hazard, count]) => `${hazard} (${count}): ${hazardWords[hazard]}`))];
}

function formatPending(pending: readonly PendingMigration[]): string[] {
  return pending.map(({ name, unreplayable }) =>
    unreplayable === null
      ? `migration ${name} is ahead of prod and is kept`
      : `migration ${name} cannot be kept: ${unreplayable}`,
  );
}

function formatCount({ create, alter, drop }: { create: number; alter: number; drop: number }): string {
  const parts = [
    [create, "to create"],
    [alter, "to alter"],
    [drop, "to drop"],
  ] as const;
  return parts
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${count} ${word}`)
    .join(", ");
}

function formatSql(statement: MirrorStatement): string {
  return `-- ${describeStatement(statement)}\n${statement.sql.trim().replace(/;?$/, ";")}`;
}

function formatSegment({ segment, statements, state }: SegmentStatus): string {
  return `segment ${segment} with ${statements} statements: ${state}`;
}

function formatFinding({ severity, text, remedy }: MirrorFinding): string {
  return `${severity}: ${text}; ${remedy}`;
}

function shortenList(lines: readonly string[]): string[] {
  const left = lines.length - shownItems;
  return left <= 0 ? [...lines] : [...lines.slice(0, shownItems), `… and ${left} more (all with --json)`];
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

/** Blocks of lines, an empty line between those that have any. */
function sections(blocks: readonly (readonly string[])[]): string {
  return blocks
    .filter((block) => block.length > 0)
    .map((block) => block.join("\n"))
    .join("\n\n");
}
