/** Credentials in words: one table, one paint, one exit code, the same wherever they are shown. */
import type { Paint } from "#cli/paint.ts";
import { formatTable } from "#cli/table.ts";
import { outcomeExit, type OutcomeExit } from "#errors.ts";
import type { Verdict } from "#providers/provider.ts";

import type { Credential } from "./schema.ts";
import { isDead, isLive } from "./standing.ts";
import type { Swept } from "./sweep.ts";

/** `12 checked: 10 valid, 2 provider_down; 3 were not due`. */
export function describeSweep({ verdicts, skipped, needConfirmation }: Swept): string {
  const counted = Object.entries(verdicts);
  const total = counted.reduce((sum, [, count]) => sum + count, 0);
  const told =
    total === 0
      ? "0 checked"
      : `${total} checked: ${counted.map(([verdict, count]) => `${count} ${verdict}`).join(", ")}`;
  const waiting = needConfirmation === 0 ? "" : `; ${needConfirmation} dead answers wait for their confirmation`;
  return `${told}${skipped === 0 ? "" : `; ${skipped} were not asked`}${waiting}`;
}

/** The gravest of all: one that is dead or may be so, then one whose last check proved nothing. */
export function exitOfCredentials(credentials: readonly Credential[]): OutcomeExit {
  if (credentials.some(({ validationStatus, deadVerdict }) => isDead(validationStatus) || deadVerdict !== null)) {
    return outcomeExit.failed;
  }
  const isUntold = credentials.some(
    ({ version, quarantineReason, attemptVerdict }) =>
      version > 0 &&
      attemptVerdict !== "not_checkable" &&
      (quarantineReason !== null || attemptVerdict === null || !isLive(attemptVerdict)),
  );
  return isUntold ? outcomeExit.blocked : outcomeExit.ok;
}

/** Dead is a failure; what nobody could tell is blocked and never a failure. */
export function exitOfVerdict(verdict: Verdict): OutcomeExit {
  if (isLive(verdict)) return outcomeExit.ok;
  return isDead(verdict) ? outcomeExit.failed : outcomeExit.blocked;
}

export function paintVerdict(verdict: Verdict, paint: Paint): string {
  if (verdict === "valid") return paint.good(verdict);
  return isDead(verdict) ? paint.bad(verdict) : paint.loose(verdict);
}

/** One row for each credential. */
export function formatCredentials(credentials: readonly Credential[], paint: Paint, now: Date): string {
  const header = ["NAME", "PROVIDER", "ENV", "STATUS", "AS OF", "EXPIRES", "LAST ANSWER"].map(paint.faint);
  const rows = credentials.map((credential) => [
    credential.credentialName,
    credential.provider,
    credential.environment,
    formatStanding(credential, paint),
    credential.lastValidatedAt === null ? "-" : `${formatAge(credential.lastValidatedAt, now)} ago`,
    formatExpiry(credential, now),
    credential.attemptVerdict === null ? "never asked" : credential.attemptVerdict,
  ]);
  return formatTable(header, rows);
}

/** `valid`; `valid, invalid?` while a dead answer waits for its confirmation. */
function formatStanding({ quarantineReason, validationStatus, deadVerdict }: Credential, paint: Paint): string {
  if (quarantineReason !== null) return paint.bad("quarantined");
  const known = paintVerdict(validationStatus, paint);
  return deadVerdict === null ? known : `${known}, ${paint.loose(`${deadVerdict}?`)}`;
}

/** `2027-01-31 (declared)`, or that nobody knows. */
export function formatExpiry(
  { expiresAt, expirySource }: Pick<Credential, "expiresAt" | "expirySource">,
  now: Date,
): string {
  if (expiresAt === null) return "unknown";
  const day = expiresAt.slice(0, 10);
  const past = Date.parse(expiresAt) < now.getTime() ? ", past" : "";
  return `${day} (${expirySource}${past})`;
}

function formatAge(from: string, now: Date): string {
  const seconds = Math.max(0, (now.getTime() - Date.parse(from)) / 1000);
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}
