import type { App } from "#app.ts";
import { findKeySource } from "#config/key-source.ts";
import type { Check } from "#domain.ts";
import { describeKeySource } from "#secrets/key-source.ts";
import { type RootSealRow, listRootSeals } from "#store/key-queries.ts";

import { labelOf, readRecovery } from "./keys.ts";
import type { RecoveryStatus } from "./schema.ts";

const retentionMs = 30 * 24 * 60 * 60 * 1000;

/** Where the unseal key lies, whether a rotation of it is unfinished, and whether the root key can be brought back. */
export async function checkKeys(app: Pick<App, "db" | "now" | "stateDir">): Promise<Check[]> {
  return [
    checkSource(app.stateDir, await listRootSeals(app.db), app.now()),
    { subject: "key recovery", ...describeRecovery(await readRecovery(app.db)) },
  ];
}

function checkSource(stateDir: string, seals: readonly RootSealRow[], now: Date): Check {
  const subject = "unseal key";
  const source = findKeySource(stateDir);
  const [staged, previous] = [
    seals.find(({ state }) => state === "staged"),
    seals.find(({ state }) => state === "previous"),
  ];
  if (source.kind === "env") {
    return {
      subject,
      state: "loose",
      detail: `${describeKeySource(source)} holds it: every program of this user can read it`,
      remedy: "keep it in a file or a systemd credential, and set LEVEREDGE_UNSEAL_KEY=file:PATH or systemd:NAME",
    };
  }
  if (staged !== undefined) {
    return {
      subject,
      state: "loose",
      detail: `a rotation to unseal key ${labelOf(staged)} was begun at ${staged.changedAt} and is not finished`,
      remedy: "leveredge keys rotate --unseal",
    };
  }
  if (previous !== undefined && now.getTime() - Date.parse(previous.changedAt) > retentionMs) {
    return {
      subject,
      state: "loose",
      detail: `the previous unseal key ${labelOf(previous)} still opens the store, since ${previous.changedAt}`,
      remedy: "leveredge keys rotate --unseal --drop-previous",
    };
  }
  return { subject, state: "ok", detail: describeKeySource(source) };
}

function describeRecovery(recovery: RecoveryStatus): Omit<Check, "subject"> {
  switch (recovery.state) {
    case "proven":
      return {
        state: "ok",
        detail: recovery.recipients
          .map(({ recipient, provenAt }) => `${recipient} proved it on ${provenAt.slice(0, 10)}`)
          .join(", "),
      };
    case "accepted":
      return {
        state: "ok",
        detail: `${recovery.waiver.recordedBy} goes without since ${recovery.waiver.recordedAt.slice(0, 10)}: ${recovery.waiver.words}`,
      };
    case "missing":
      return {
        state: "loose",
        detail: "recovery is not proven: when the unseal key is lost, so is every credential",
        remedy: "leveredge keys recover --add age1… (a public key that age-keygen prints)",
      };
  }
}
