/** `leveredge credentials export`: values leave as an age file for somebody who has the identity. */
import { resolve } from "node:path";

import type { App } from "#app.ts";
import type { CommandContext } from "#cli/command.ts";
import { AppError, outcomeExit } from "#errors.ts";

import { sealBundle, writeBundle } from "./bundle.ts";
import { requester, textOf } from "./command-input.ts";
import type { BundleLine } from "./import-sources.ts";
import { listCredentials } from "./queries.ts";
import type { Credential } from "./schema.ts";
import { openVersion, recordUse } from "./vault.ts";

export async function runExport(context: CommandContext): Promise<number> {
  const recipients = context.lists?.["recipient"] ?? [];
  const out = textOf(context, "out");
  if (recipients.length === 0 || out === undefined) {
    throw new AppError("invalid_input", "--recipient and --out are needed: a bundle is never written in clear", {
      hint: "Make an identity with: age-keygen -o identity.txt",
    });
  }
  const app = await context.openApp();
  const lines: BundleLine[] = [];
  const closed: { name: string; why: string }[] = [];
  for (const credential of await listCredentials(app.db)) {
    const line = await describeCredential(app, credential);
    if (typeof line === "string") closed.push({ name: credential.credentialName, why: line });
    else lines.push(line);
  }
  // Encrypted first: a wrong recipient is found before anything is recorded as exported.
  const bundle = await sealBundle(lines, recipients);
  for (const credential of await listCredentials(app.db)) {
    const line = lines.find(({ name }) => name === credential.credentialName);
    if (line === undefined) continue;
    const field = Object.keys(line.fields).join(", ");
    await recordUse(app, credential, { action: "credentials.export", outcome: "exported", field, by: requester() });
  }
  await writeBundle(resolve(out), bundle);
  const names = lines.map(({ name }) => name);
  const told = `${out}: ${names.length} credentials, for ${recipients.length === 1 ? "one recipient" : `${recipients.length} recipients`}`;
  context.output.data({ path: resolve(out), recipients, exported: names, closed }, told);
  for (const { name, why } of closed) context.output.say(`not exported: ${name}: ${why}`);
  context.output.say(`Back with: leveredge credentials import ${out} --identity FILE`);
  return closed.length === 0 ? outcomeExit.ok : outcomeExit.blocked;
}

/** Why it has none, where it has none. What it is without a value is in the store's own backup. */
async function describeCredential(app: App, credential: Credential): Promise<BundleLine | string> {
  if (credential.version === 0) return "it has no value yet";
  try {
    const opened = await openVersion(app.db, app, credential, credential.version);
    const fields = Object.entries(opened).map(([name, value]) => [name, value.reveal()] as const);
    return {
      leveredge: "credential/v1",
      name: credential.credentialName,
      provider: credential.provider,
      environment: credential.environment,
      fields: Object.fromEntries(fields),
      expires_at: credential.expirySource === "declared" ? credential.expiresAt : null,
      rotation_reminder_days: credential.rotationReminderDays,
      note: credential.note,
    };
  } catch (error) {
    if (error instanceof AppError && error.code === "sealed") return error.message;
    throw error;
  }
}
