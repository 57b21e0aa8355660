/** API tokens: made for a user, shown once, revoked. What one may do shrinks with its user's role and never grows. */
import type { App } from "#app.ts";
import { AppError } from "#errors.ts";
import { appendEvent } from "#events/events.ts";
import type { NewEvent } from "#events/schema.ts";
import type { Scope } from "#http/permission.ts";
import type { Secret } from "#secrets/secret.ts";
import { type Db, transaction } from "#store/database.ts";

import { countAdmins, findToken, findUser, insertToken, lockAdmins, revokeTokenOnce } from "./queries.ts";
import { covers, roleScopes } from "./roles.ts";
import { type ApiToken, NewToken, type User } from "./schema.ts";
import { createTokenText, hashText } from "./token-text.ts";
import { type Asker, hostAsker, requireHeld, requireUser, writeUser } from "./users.ts";

const firstAdmin = "admin";
const unitMs = { h: 60 * 60 * 1000, d: 24 * 60 * 60 * 1000 };
const longestMs = 365 * unitMs.d;

/** The text is known now and never again: the store keeps a hash. */
export type CreatedToken = { token: Secret; record: ApiToken };

/** Makes a token that may do no more than its user's role and no more than the asker. */
export async function createToken(
  app: Pick<App, "db" | "keys" | "now">,
  input: NewToken,
  by: Asker,
): Promise<CreatedToken> {
  return transaction(app.db, async (tx) => writeToken(tx, app, await requireUser(tx, input.user), input, by));
}

/** From the next request on it opens nothing. Answers false when it was revoked before. */
export async function revokeToken(app: Pick<App, "db" | "keys" | "now">, id: string, by: Asker): Promise<boolean> {
  return transaction(app.db, async (tx) => {
    const token = await findToken(tx, id);
    if (token === undefined) {
      throw new AppError("not_found", `there is no API token ${id}`, {
        hint: "List the tokens with: leveredge tokens list",
      });
    }
    if (!(await revokeTokenOnce(tx, id, app.now().toISOString()))) return false;
    await appendEvent(tx, app.keys, {
      actor: by.name,
      action: "identity.token",
      target: id,
      outcome: "revoked",
      details: { user: token.user, name: token.name },
    });
    return true;
  });
}

/**
 * Makes the user `admin` with a token for a store that never had an admin: once,
 * however many ask. Everybody else gets undefined. When the token is lost before
 * somebody saw it, `leveredge tokens create --user admin` makes another.
 */
export async function ensureFirstAdmin(app: Pick<App, "db" | "keys" | "now">): Promise<{ token: Secret } | undefined> {
  if ((await countAdmins(app.db, "all")) > 0) return undefined;
  return transaction(app.db, async (tx) => {
    await lockAdmins(tx);
    if ((await countAdmins(tx, "all")) > 0 || (await findUser(tx, firstAdmin)) !== undefined) return undefined;
    const by = hostAsker();
    const user = await writeUser(tx, app, { name: firstAdmin, role: "admin" }, by);
    const { token } = await writeToken(tx, app, user, NewToken.parse({ user: firstAdmin, name: "first" }), by);
    return { token };
  });
}

async function writeToken(
  tx: Db,
  app: Pick<App, "keys" | "now">,
  user: User,
  input: NewToken,
  by: Asker,
): Promise<CreatedToken> {
  const scopes = chooseScopes(user, input);
  requireHeld(by, scopes, `make this token for ${user.name}`);
  const { id, text } = createTokenText();
  const now = app.now();
  const row = {
    id,
    userId: user.id,
    name: input.name,
    scopes,
    ...hashText(app.keys, "pat", text.reveal()),
    createdAt: now.toISOString(),
    createdBy: by.name,
    expiresAt: new Date(now.getTime() + readExpiry(input.expires)).toISOString(),
  };
  if (!(await insertToken(tx, row))) throw new AppError("unavailable", `the token id ${id} is taken: try again`);
  await appendEvent(tx, app.keys, describeCreation(user, row, by));
  const record = await findToken(tx, id);
  if (record === undefined) throw new AppError("internal", `token ${id} was written and is not there`);
  return { token: text, record };
}

function chooseScopes(user: User, input: NewToken): readonly Scope[] {
  if (user.disabledAt !== null) {
    throw new AppError("conflict", `user ${user.name} is disabled`, {
      hint: `Enable it first: leveredge users enable ${user.name}`,
    });
  }
  const held = roleScopes[user.role];
  if (input.scopes === undefined && user.role !== "service") return held;
  const scopes: readonly Scope[] = [...new Set(input.scopes ?? [])];
  const hint = `Choose among: ${held.join(", ")}`;
  if (scopes.length === 0) throw new AppError("invalid_input", "a token of a service must name its scopes", { hint });
  const beyond = scopes.filter((scope) => !covers(held, scope));
  if (beyond.length === 0) return scopes;
  throw new AppError("forbidden", `the role ${user.role} of ${user.name} does not give ${beyond.join(", ")}`, { hint });
}

function readExpiry(text: string): number {
  const ms = Number(text.slice(0, -1)) * (text.endsWith("h") ? unitMs.h : unitMs.d);
  if (ms > 0 && ms <= longestMs) return ms;
  throw new AppError("invalid_input", `a token cannot last ${text}`, { hint: "Choose at most 365d." });
}

function describeCreation(
  user: User,
  { id, name, scopes, expiresAt }: { id: string; name: string; scopes: readonly Scope[]; expiresAt: string },
  by: Asker,
): NewEvent {
  const isAdmins = scopes.some((scope) => covers([scope], "tokens:write:shared"));
  return {
    actor: by.name,
    action: "identity.token",
    target: id,
    outcome: "created",
    details: { user: user.name, name, scopes, expiresAt },
    notice: isAdmins
      ? {
          severity: "normal",
          title: `API token ${id} of admin ${user.name} was made`,
          text: `Made by ${by.name}; it ends ${expiresAt}. If nobody meant it: leveredge tokens revoke ${id}`,
        }
      : undefined,
  };
}
