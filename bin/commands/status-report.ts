/** The health of a platform as one screen of 80 columns or more: what is wrong stands first and in full. */
import type { Paint } from "#cli/paint.ts";
import { wrapText } from "#cli/wrap.ts";
import type { Check } from "#domain.ts";
import { formatState } from "#domains/hardening/report.ts";
import type { RunView } from "#domains/hardening/run-view.ts";
import type { LooseEnd } from "#domains/hardening/schema.ts";

export type Status = {
  platform: string;
  configPath: string;
  programVersion: string;
  /** `blocked`: something could not be asked, done or proven. */
  state: "well" | "blocked" | "failed";
  run: RunView | undefined;
  looseEnds: LooseEnd[];
  checks: Check[];
};

/** Without a width lines are as long as they are. */
type Screen = { now: Date; width: number | undefined; paint: Paint };

const mostLooseEnds = 5;
const margin = 10;
const narrowest = 60;
const subjectShare = 0.45;

export function formatStatus(status: Status, screen: Screen): string {
  const { paint } = screen;
  const colour = { well: paint.good, blocked: paint.loose, failed: paint.bad }[status.state];
  return [
    `${paint.strong(status.platform)}  ${colour(status.state)}  ${paint.faint(status.configPath)}`,
    "",
    ...inMargin("Run", formatRun(status.run, screen), paint),
    "",
    ...inMargin("Loose", formatLooseEnds(status.looseEnds, screen), paint),
    "",
    ...inMargin("Health", formatChecks(status.checks, screen), paint),
  ].join("\n");
}

function formatRun(run: RunView | undefined, { now, paint }: Screen): string[] {
  if (run === undefined) return [`none yet ${paint.faint("→ leveredge harden --plan")}`];
  const { state, startedAt, finishedAt, onlySection } = run;
  const begun = `${finishedAt === null ? "begun" : "ended"} ${formatAge(finishedAt ?? startedAt, now)}`;
  const only = onlySection === null ? "" : `, section ${onlySection} only`;
  const resume = state === "interrupted" ? [paint.faint("→ leveredge harden --resume")] : [];
  return [
    `${formatState(state, paint)}, ${begun}${only}, by ${run.requestedBy}`,
    ...resume,
    ...run.sections.map(({ number, title, state: ended }) => `${mark(ended, paint)} § ${number}  ${title}`),
  ];
}

function formatLooseEnds(looseEnds: readonly LooseEnd[], { width, paint }: Screen): string[] {
  if (looseEnds.length === 0) return [paint.good("nothing")];
  const colours = { high: paint.bad, medium: paint.loose, low: paint.faint };
  const count = (severity: LooseEnd["severity"]): string[] => {
    const { length } = looseEnds.filter((end) => end.severity === severity);
    return length === 0 ? [] : [colours[severity](`${length} ${severity}`)];
  };
  const shown = looseEnds
    .slice(0, mostLooseEnds)
    .flatMap(({ severity, text, remedy }) => [
      ...wrapText(text, room(width, 8)).map(
        (line, at) => `${at === 0 ? colours[severity](severity.padEnd(8)) : "        "}${line}`,
      ),
      ...wrapText(`→ ${remedy}`, room(width, 8)).map((line) => `        ${paint.faint(line)}`),
    ]);
  const rest = looseEnds.length - mostLooseEnds;
  const counts = [...count("high"), ...count("medium"), ...count("low")].join(", ");
  return [counts, ...shown, ...(rest > 0 ? [paint.faint(`and ${rest} more in LOOSE-ENDS.md and --json`)] : [])];
}

/** One line for each: what is loose stands above with its remedy. */
function formatChecks(checks: readonly Check[], { width, paint }: Screen): string[] {
  const longest = Math.max(0, ...checks.map(({ subject }) => subject.length));
  const subjectWidth = width === undefined ? longest : Math.min(longest, Math.floor(room(width, 0) * subjectShare));
  const line = ({ subject, state, detail }: Check): string => {
    const name = shorten(subject, subjectWidth).padEnd(subjectWidth);
    return `${mark(state, paint)} ${name}  ${shorten(detail, room(width, subjectWidth + 4))}`;
  };
  const order = ["failed", "unknown", "loose", "ok"];
  return checks.toSorted((a, b) => order.indexOf(a.state) - order.indexOf(b.state)).map(line);
}

function inMargin(title: string, lines: readonly string[], paint: Paint): string[] {
  return lines.map((line, at) =>
    `${at === 0 ? paint.strong(title.padEnd(margin)) : " ".repeat(margin)}${line}`.trimEnd(),
  );
}

function room(width: number | undefined, indent: number): number {
  return width === undefined ? Number.POSITIVE_INFINITY : Math.max(narrowest, width) - margin - indent;
}

function mark(state: Check["state"] | RunView["state"], paint: Paint): string {
  switch (state) {
    case "ok":
    case "verified":
      return paint.good("✓");
    case "loose":
    case "blocked":
    case "interrupted":
      return paint.loose("!");
    case "failed":
    case "abandoned":
      return paint.bad("✗");
    case "unknown":
      return paint.loose("?");
    case "running":
      return "…";
  }
}

/** In its largest unit: `3 h ago`. */
function formatAge(at: string, now: Date): string {
  const minutes = Math.max(0, Math.floor((now.getTime() - Date.parse(at)) / 60_000));
  if (minutes < 1) return "just now";
  if (minutes < 120) return `${minutes} min ago`;
  return minutes < 48 * 60 ? `${Math.floor(minutes / 60)} h ago` : `${Math.floor(minutes / (24 * 60))} d ago`;
}

function shorten(text: string, length: number): string {
  const line = text.replace(/\s+/g, " ");
  return line.length <= length ? line : `${line.slice(0, length - 1)}…`;
}
