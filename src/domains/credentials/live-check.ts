/**
 * One live check of one credential: claimed, opened, asked for, judged, kept.
 *
 * Nothing of the store is held while the provider is asked. The claim keeps a second
 * asker away; what is found is kept only under the claim that asked and for the value
 * that was asked with. A value that cannot be opened or sent is an answer too: unknown.
 */
import type { App } from "#app.ts";
import { AppError, readErrorCode } from "#errors.ts";
import { type CheckAnswer, type CheckTools, checkFields } from "#providers/ask.ts";

import { type CheckBatches, createCheckBatches } from "./check-batches.ts";
import { type Checkable, findCheckable, releaseCheck } from "./check-queries.ts";
import { findCredential } from "./queries.ts";
import { findDefinitionFault, requireProvider } from "./registry.ts";
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
  const outcome = await askAndKeep({ app, tools, batches: createCheckBatches(app) }, credential, work);
  const after = await findCredential(app.db, name);
  return { ...outcome, credential: after ?? credential };
}

/** What one check after the other is made with. */
export type Checker = { app: CheckApp; tools: CheckTools; batches: CheckBatches };

/** Asks for one that was just read as due. */
export async function askAndKeep(checker: Checker, credential: Checkable, work: CheckWork): Promise<CheckOutcome> {
  const { app, batches } = checker;
  const claim = await batches.claim(credential);
  if (claim === undefined) return { state: "skipped", why: "somebody else checks or changes it at this moment" };
  const begunAt = performance.now();
  let isKept = false;
  try {
    // The database's clock, carried on by our own: instants of several hosts compare.
    const readAt = (): string =>
      new Date(Date.parse(claim.claimedAt) + Math.round(performance.now() - begunAt)).toISOString();
    const keepAnswer = (answer: CheckAnswer): Promise<CheckOutcome> =>
      keep(batches, credential, { ...claim, answer, at: readAt(), requestedBy: work.requestedBy });
    const kept = await askAndJudge(checker, credential, { work, keepAnswer });
    isKept = kept.state === "checked";
    return kept;
  } finally {
    if (!isKept) await releaseCheck(app.db, credential.id, claim.claimedAt);
  }
}

/** What breaks is one credential's own: the others of a sweep go on. Where nothing can be kept at all, it throws. */
async function askAndJudge(
  checker: Checker,
  credential: Checkable,
  { work, keepAnswer }: { work: CheckWork; keepAnswer: (answer: CheckAnswer) => Promise<CheckOutcome> },
): Promise<CheckOutcome> {
  try {
    const answer = await ask(checker, credential, work);
    if (answer === "quarantined") return { state: "skipped", why: "it is quarantined" };
    return await keepAnswer(answer);
  } catch (error) {
    if (work.signal.aborted) throw error;
    const cause = readErrorCode(error) ?? (error instanceof Error ? error.name : "no error");
    return keepAnswer(undecided(`the program could not carry out or keep its check: ${cause}`));
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
  { app, tools, batches }: Checker,
  credential: Checkable,
  { requestedBy, signal }: CheckWork,
): Promise<CheckAnswer | "quarantined"> {
  try {
    const { provider, source, fields } = await openForUse(app, credential, { name: requestedBy }, batches.readSealed);
    // The others were judged when they were read: a stored one may be older than a rule.
    const fault = source === "api" ? findDefinitionFault(provider) : undefined;
    if (fault !== undefined) return undecided(`its provider's definition is refused: ${fault}`);
    const answer = await checkFields(tools, provider, fields, { signal });
    // STS answers SignatureDoesNotMatch for a while when two secrets of one key id are tried.
    const isDoubtful = provider.name === "aws" && isDead(answer.verdict);
    return isDoubtful ? await checkFields(tools, provider, fields, { signal }) : answer;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    // Both ways the vault has quarantined it, with an event.
    if (error.code === "conflict" || error.code === "sealed") return "quarantined";
    if (error.code === "invalid_input" || error.code === "not_found")
      return undecided(`it cannot be asked for: ${error.message}`);
    throw error;
  }
}

function undecided(detail: string): CheckAnswer {
  return {
    ...{ verdict: "unknown", detail, status: null, latencyMs: 0 },
    ...{ expiresAt: null, scopes: null, identity: null, retryAfterS: null },
  };
}

/** The check, the standing and what turned, together. A value that changed meanwhile is not judged. */
async function keep(
  batches: CheckBatches,
  credential: Checkable,
  found: { claimedAt: string; answer: CheckAnswer; at: string; requestedBy: string },
): Promise<CheckOutcome> {
  const { claimedAt, answer, at, requestedBy } = found;
  const { standing, turns, needsConfirmation } = judgeAnswer(credential, answer, at);
  const { verdict, detail, status, latencyMs, identity, scopes, expiresAt } = answer;
  const { id: credentialId, version } = credential;
  const check = { version, verdict, detail, status, latencyMs, identity, scopes, expiresAt, requestedBy };
  const events = turns.map((turn) => describeTurn(credential, turn, { requestedBy, detail }));
  const isKept = await batches.keep({ row: { credentialId, claimedAt, check, standing }, events });
  if (!isKept)
    return { state: "skipped", why: "its value changed, or another check took over, while it was asked for" };
  return { state: "checked", answer, needsConfirmation, confirmAfter: standing.confirmAfter };
}
