/** `leveredge credentials list`, `show` and `reveal`. A value is in the answer of `reveal` alone. */
import type { CommandContext } from "#cli/command.ts";
import { createPaint, type Paint } from "#cli/paint.ts";
import { formatTable } from "#cli/table.ts";
import { outcomeExit } from "#errors.ts";

import { listChecks } from "./check-queries.ts";
import { requester, textOf } from "./command-input.ts";
import { requireCredential } from "./credentials.ts";
import { listCredentials, listEqualGroups, listVersions } from "./queries.ts";
import { requireProvider } from "./registry.ts";
import type { Credential, CredentialCheck, EqualGroup, VersionSummary } from "./schema.ts";
import { revealField } from "./vault.ts";
import { formatCredentials, formatExpiry, paintVerdict } from "./words.ts";

const shownChecks = 5;

export async function runList(context: CommandContext): Promise<number> {
  const provider = textOf(context, "provider");
  const app = await context.openApp();
  if (provider !== undefined) await requireProvider(app, provider);
  const credentials = await listCredentials(app.db, provider);
  const table = formatCredentials(credentials, createPaint({ color: context.global.color }), app.now());
  context.output.data(credentials, credentials.length === 0 ? "no credentials" : table);
  return outcomeExit.ok;
}

export async function runShow(context: CommandContext): Promise<number> {
  const app = await context.openApp();
  const credential = await requireCredential(app, context.arguments[0] ?? "");
  const [versions, checks, groups] = await Promise.all([
    listVersions(app.db, credential.id),
    listChecks(app.db, credential.id, shownChecks),
    listEqualGroups(app.db),
  ]);
  const equal = groups.filter(({ members }) =>
    members.some(({ credentialName }) => credentialName === credential.credentialName),
  );
  const paint = createPaint({ color: context.global.color });
  const text = formatShown({ credential, versions, checks, equal }, paint, app.now());
  context.output.data({ ...credential, versions, checks, equal }, text);
  return outcomeExit.ok;
}

export async function runReveal(context: CommandContext): Promise<number> {
  const [name = "", field = ""] = context.arguments;
  const app = await context.openApp();
  const value = (await revealField(app, name, field, requester())).reveal();
  if (process.stdout.isTTY)
    context.output.say(`warning: ${name}/${field} stands on your screen now, and in its scrollback`);
  if (context.global.json || process.stdout.isTTY) context.output.data({ name, field, value }, value);
  // For programs byte by byte: what is made printable for a terminal is another value.
  else process.stdout.write(`${value}\n`);
  return outcomeExit.ok;
}

type Shown = {
  credential: Credential;
  versions: VersionSummary[];
  checks: CredentialCheck[];
  equal: EqualGroup[];
};

function formatShown({ credential, versions, checks, equal }: Shown, paint: Paint, now: Date): string {
  const { credentialName: name, provider, environment, validationStatus: status } = credential;
  const facts = [
    [
      "status",
      credential.quarantineReason === null
        ? paintVerdict(status, paint)
        : `${paint.bad("quarantined")}: ${credential.quarantineReason}`,
    ],
    ["as of", credential.lastValidatedAt ?? "-"],
    ["last answer", tellAttempt(credential)],
    ["expires", formatExpiry(credential, now)],
    ["account", credential.identity ?? "-"],
    ["scopes", credential.scopes?.join(" ") ?? "-"],
    ["rotate every", `${credential.rotationReminderDays} d, value since ${credential.valueChangedAt ?? "-"}`],
    ...(credential.note === null ? [] : [["note", credential.note]]),
    ...equal.map(({ members }) => ["same value as", tellOthers(members, name)]),
  ];
  return [
    `${paint.strong(name)} (${provider}, ${environment}, version ${credential.version})`,
    ...facts.map(([label = "", text = ""]) => `  ${label.padEnd(14)}${text}`),
    "versions",
    formatTable(
      ["  VERSION", "SECRETS", "SETTINGS", "ORIGIN", "MADE", "BY"].map(paint.faint),
      versions.map(toVersionRow),
    ),
    ...(checks.length === 0
      ? ["never checked"]
      : ["checks", formatTable(["  AT", "VERDICT", "MS", "DETAIL"].map(paint.faint), checks.map(toCheckRow))]),
  ].join("\n");
}

function tellAttempt({ attemptVerdict, attemptedAt, attemptDetail }: Credential): string {
  return attemptVerdict === null ? "never asked" : `${attemptVerdict} at ${attemptedAt ?? "-"}: ${attemptDetail ?? ""}`;
}

function tellOthers(members: EqualGroup["members"], name: string): string {
  const others = members.filter(({ credentialName }) => credentialName !== name);
  const told = others.length === 0 ? members : others;
  return told.map(({ credentialName, field, environment }) => `${credentialName}/${field} (${environment})`).join(", ");
}

function toVersionRow({ version, secrets, settings, origin, createdAt, createdBy }: VersionSummary): string[] {
  const told = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  return [`  ${version}`, secrets.join(" "), told.join(" ") || "-", origin || "-", createdAt.slice(0, 16), createdBy];
}

function toCheckRow({ checkedAt, verdict, latencyMs, detail }: CredentialCheck): string[] {
  return [`  ${checkedAt.slice(0, 19)}Z`, verdict, String(latencyMs), detail];
}
