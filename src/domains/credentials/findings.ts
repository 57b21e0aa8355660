/** What is loose about the credentials, in one list: the run keeps it as loose ends, the health check shows it. */
import type { App } from "#app.ts";
import type { LooseEnd } from "#domain.ts";

import { listCredentials, listEqualGroups } from "./queries.ts";
import { listStuckRotations, type StuckRotation } from "./rotation-queries.ts";
import type { Credential, EqualGroup } from "./schema.ts";
import { isDead, isLive } from "./standing.ts";

/** `subject` is what health checks call it. */
export type Finding = { subject: string; severity: LooseEnd["severity"]; text: string; remedy: string };

const dayMs = 86_400_000;
const soonDays = 30;
/** Of a proof, while checks give no new one. */
const staleDays = 7;

/** Reads stored verdicts only; nothing is asked of a provider. */
export async function listFindings(app: Pick<App, "db" | "now">): Promise<Finding[]> {
  const [credentials, groups, rotations] = await Promise.all([
    listCredentials(app.db),
    listEqualGroups(app.db),
    listStuckRotations(app.db),
  ]);
  return [
    ...credentials.flatMap((credential) => judge(credential, app.now())),
    ...describeUndated(credentials),
    ...groups.filter(crossesProd).map(describeGroup),
    ...rotations.map(describeRotation),
  ];
}

export function credentialSubject(name: string): string {
  return `credential ${name}`;
}

/** What is wrong with the value, and what with its date. */
function judge(credential: Credential, now: Date): Finding[] {
  const { credentialName: name } = credential;
  const standing = judgeStanding(credential, now);
  return [
    ...(standing === undefined ? [] : [describe(credential, credentialSubject(name), standing)]),
    ...(isDead(credential.validationStatus) ? [] : judgeExpiry(credential, now)),
  ];
}

type Judgement = { severity: Finding["severity"]; text: string; remedy: string };

/** The gravest alone. */
function judgeStanding(credential: Credential, now: Date): Judgement | undefined {
  const { validationStatus: status, attemptVerdict, deadVerdict, quarantineReason: reason } = credential;
  if (credential.version === 0) return { severity: "medium", text: "has no value yet", remedy: "rotate" };
  if (reason !== null) return { severity: "high", text: `is quarantined: ${reason}`, remedy: "show" };
  if (isDead(status)) return { severity: "high", text: `is ${status}`, remedy: "rotate" };
  if (deadVerdict !== null) {
    return { severity: "medium", text: `answered ${deadVerdict} once; a second check decides`, remedy: "check" };
  }
  if (status === "unknown") {
    return { severity: "medium", text: describeIgnorance(attemptVerdict), remedy: "check" };
  }
  if (status === "not_checkable") return undefined;
  if (isStale(credential, now)) {
    const text = `was last seen alive on ${date(credential.lastValidatedAt)}; ${describeIgnorance(attemptVerdict)}`;
    return { severity: "medium", text, remedy: "check" };
  }
  if (status === "insufficient_scope") {
    return { severity: "low", text: "lives, but has not the right that its check asks for", remedy: "show" };
  }
  return undefined;
}

/** No details of the attempt: they differ from run to run, and equal states are told in equal words. */
function describeIgnorance(attemptVerdict: Credential["attemptVerdict"]): string {
  switch (attemptVerdict) {
    case null:
      return "was never checked";
    case "provider_down":
      return "could not be checked: its provider is not reachable";
    case "rate_limited":
      return "could not be checked: its provider refuses so many requests";
    default:
      return "could not be checked: its provider's answer proves nothing";
  }
}

/** The last proof is old, and the last check gave none. */
function isStale({ lastValidatedAt, attemptVerdict }: Credential, now: Date): boolean {
  if (lastValidatedAt === null || attemptVerdict === null || isLive(attemptVerdict)) return false;
  return now.getTime() - Date.parse(lastValidatedAt) > staleDays * dayMs;
}

function judgeExpiry(credential: Credential, now: Date): Finding[] {
  const { credentialName: name, expiresAt } = credential;
  if (expiresAt === null) return [];
  const daysLeft = (Date.parse(expiresAt) - now.getTime()) / dayMs;
  if (daysLeft >= soonDays) return [];
  const subject = `expiry of credential ${name}`;
  const judgement: Judgement =
    daysLeft < 0
      ? { severity: "high", text: `passed its date, ${date(expiresAt)}`, remedy: "rotate" }
      : { severity: "medium", text: `expires on ${date(expiresAt)}`, remedy: "rotate" };
  return [describe(credential, subject, judgement)];
}

function describe({ credentialName: name }: Credential, subject: string, judgement: Judgement): Finding {
  const { severity, text, remedy } = judgement;
  return { subject, severity, text: `credential ${name} ${text}`, remedy: `leveredge credentials ${remedy} ${name}` };
}

/** One for all of them: many keys tell no date, and a list of them would hide the rest. */
function describeUndated(credentials: readonly Credential[]): Finding[] {
  const names = credentials
    .filter(({ expiresAt, validationStatus }) => expiresAt === null && isLive(validationStatus))
    .map(({ credentialName }) => credentialName);
  const [first] = names;
  if (first === undefined) return [];
  const some = names.length > 10 ? `${names.slice(0, 10).join(", ")} and ${names.length - 10} more` : names.join(", ");
  return [
    {
      subject: "credentials without a known expiry",
      severity: "low",
      text: `nobody knows when these expire: ${some}`,
      remedy: `leveredge credentials change ${first} --expires DATE`,
    },
  ];
}

/** A failed one is told until the credential gets another value. */
function describeRotation({ credentialName: name, phase, failure, isFinished }: StuckRotation): Finding {
  return {
    subject: `rotation of ${name}`,
    severity: isFinished ? "high" : "medium",
    text: isFinished
      ? `the rotation of ${name} failed: ${failure}`
      : `the rotation of ${name} waits before ${phase}: ${failure}`,
    remedy: `leveredge credentials rotate ${name}${isFinished ? "" : " --by-provider"}`,
  };
}

function crossesProd({ members }: EqualGroup): boolean {
  return new Set(members.map(({ environment }) => environment === "prod")).size === 2;
}

function describeGroup({ members }: EqualGroup): Finding {
  const names = members.map(({ credentialName, field, environment }) => `${credentialName}/${field} (${environment})`);
  const other = members.find(({ environment }) => environment !== "prod");
  return {
    subject: `equal values ${members.map(({ credentialName, field }) => `${credentialName}/${field}`).join(" ")}`,
    severity: "high",
    text: `the same value is used in prod and outside of it: ${names.join(", ")}`,
    remedy: `leveredge credentials rotate ${other?.credentialName ?? ""}`,
  };
}

function date(at: string | null): string {
  return at?.slice(0, 10) ?? "";
}
