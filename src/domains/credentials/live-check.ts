/**
 * One live check of one credential: claimed, opened, asked for, judged, kept.
 *
 * Nothing of the store is held while the provider is asked. The claim keeps a second
 * asker away; what is found is kept only under the claim that asked and for the value
 * that was asked with. A value that cannot be opened or sent is an answer too: unknown.
 */
import type { App } from "#app.ts";
import { AppError } from "#errors.ts";
import { appendEvent } from "#events/events.ts";
import { type CheckAnswer, type CheckTools, checkFields } from "#providers/ask.ts";
import { transaction } from "#store/database.ts";

import { type Checkable, claimCheck, findCheckable, keepCheck, releaseCheck } from "./check-queries.ts";
import { findCredential } from "./queries.ts";
import { requireProvider } from "./registry.ts";
import type { Credential } from "./schema.ts";
import { isDead, judgeAnswer } from "./standing.ts";
import { describeTurn } from "./turns.ts";
import { hasNoCredential, openForUse } from "./vault.ts";

export type CheckApp = Pick<App, "config" | "db" | "keys">;

export type CheckWork = {
  requestedBy: string;
  signal: AbortSignal;
  /** Also when it was asked a short while ago, or is proved dead. */
  force?: boolean;
};

/** `skipped`: nothing was judged, and why. */
export type CheckOutcome =
  | {
      state: "checked";
      answer: CheckAnswer;
      /** A dead answer that waits for a second one from `confirmAfter` on. */
      needsConfirmation: boolean;
      confirmAfter: string | null;
    }
  | { state: "skipped"; why: string };

/** With the credential as it stands afterwards. */
export type Checked = CheckOutcome & { credential: Credential };

/** A check takes 10 s at most, of AWS twice that, and its turn at the host as much; one that holds its claim longer was killed. */
const claimLapseMs = 60_000;

/** A provider that could not be reached is tried again this soon. */
const unreachedAgainS = 60;

/** Asks the provider and keeps what it said. A bad key is an answer; `not_found` is the only name that is refused. */
export async function checkCredential(
  app: CheckApp,
  tools: CheckTools,
  name: string,
  work: CheckWork,
): Promise<Checked> {
  const credential = await findCheckable(app.db, name);
  if (credential === undefined) throw hasNoCredential(name);
  const why = await findReasonToSkip(app, credential, work);
  if (why !== undefined) return { state: "skipped", credential, why };
  const outcome = await askAndKeep(app, tools, credential, work);
  const after = await findCredential(app.db, name);
  return { ...outcome, credential: after ?? credential };
}

/** Asks for one that was just read as due. */
export async function askAndKeep(
  app: CheckApp,
  tools: CheckTools,
  credential: Checkable,
  work: CheckWork,
): Promise<CheckOutcome> {
  const claim = await claimCheck(app.db, credential, claimLapseMs);
  if (claim === undefined) return { state: "skipped", why: "somebody else checks or changes it at this moment" };
  const begunAt = performance.now();
  let isKept = false;
  try {
    const answer = await ask(app, tools, credential, work);
    if (answer === "quarantined") return { state: "skipped", why: "it is quarantined" };
    // The database's clock, carried on by our own: instants of several hosts compare.
    const at = new Date(Date.parse(claim.claimedAt) + Math.round(performance.now() - begunAt)).toISOString();
    const kept = await keep(app, credential, { ...claim, answer, at, requestedBy: work.requestedBy });
    isKept = kept.state === "checked";
    return kept;
  } finally {
    if (!isKept) await releaseCheck(app.db, credential.id, claim.claimedAt);
  }
}

/** Why a credential is not asked for now; undefined when it is due. */
export async function findReasonToSkip(
  app: CheckApp,
  credential: Checkable,
  { force = false }: Pick<CheckWork, "force">,
): Promise<string | undefined> {
  const { validationStatus, askedAgoS, isConfirmable, confirmAfter, quarantineReason } = credential;
  if (credential.version === 0) return "it has no value yet";
  if (quarantineReason !== null) return `it is quarantined: ${quarantineReason}`;
  if (force) return undefined;
  if (isDead(validationStatus)) return `it is ${validationStatus}: it is asked again when its value changes`;
  if (isConfirmable === false) return `its dead answer can be confirmed from ${String(confirmAfter)} on`;
  if (isConfirmable === true || askedAgoS === null) return undefined;
  const intervalS = await findIntervalS(app, credential);
  return askedAgoS < intervalS ? `it was asked for ${Math.round(askedAgoS)} s ago` : undefined;
}

async function findIntervalS(app: CheckApp, { attemptVerdict, provider: name }: Checkable): Promise<number> {
  if (attemptVerdict === "provider_down") return unreachedAgainS;
  try {
    return (await requireProvider(app, name)).provider.min_interval_s;
  } catch (error) {
    if (error instanceof AppError && error.code === "not_found") return unreachedAgainS;
    throw error;
  }
}

async function ask(
  app: CheckApp,
  tools: CheckTools,
  credential: Checkable,
  { requestedBy, signal }: CheckWork,
): Promise<CheckAnswer | "quarantined"> {
  try {
    const { provider, fields } = await openForUse(app, credential, { name: requestedBy });
    const answer = await checkFields(tools, provider, fields, { signal });
    // STS answers SignatureDoesNotMatch for a while when two secrets of one key id are tried.
    const isDoubtful = provider.name === "aws" && isDead(answer.verdict);
    return isDoubtful ? await checkFields(tools, provider, fields, { signal }) : answer;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    // Both ways the vault has quarantined it, with an event.
    if (error.code === "conflict" || error.code === "sealed") return "quarantined";
    if (error.code === "invalid_input" || error.code === "not_found") return cannotBeAsked(error.message);
    throw error;
  }
}

function cannotBeAsked(why: string): CheckAnswer {
  return {
    ...{ verdict: "unknown", detail: `it cannot be asked for: ${why}`, status: null, latencyMs: 0 },
    ...{ expiresAt: null, scopes: null, identity: null, retryAfterS: null },
  };
}

/** The check, the standing and what turned, together. A value that changed meanwhile is not judged. */
async function keep(
  app: CheckApp,
  credential: Checkable,
  found: { claimedAt: string; answer: CheckAnswer; at: string; requestedBy: string },
): Promise<CheckOutcome> {
  const { claimedAt, answer, at, requestedBy } = found;
  const { standing, turns, needsConfirmation } = judgeAnswer(credential, answer, at);
  const { verdict, detail, status, latencyMs, identity, scopes, expiresAt } = answer;
  const { id: credentialId, version } = credential;
  const check = { version, verdict, detail, status, latencyMs, identity, scopes, expiresAt, requestedBy };
  const row = { credentialId, claimedAt, check, standing };
  const isKept =
    turns.length === 0
      ? await keepCheck(app.db, row)
      : await transaction(app.db, async (tx) => {
          if (!(await keepCheck(tx, row))) return false;
          for (const turn of turns) {
            await appendEvent(tx, app.keys, describeTurn(credential, turn, { requestedBy, detail }));
          }
          return true;
        });
  if (!isKept)
    return { state: "skipped", why: "its value changed, or another check took over, while it was asked for" };
  return { state: "checked", answer, needsConfirmation, confirmAfter: standing.confirmAfter };
}
