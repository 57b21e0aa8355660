/** Users: made, given another role, disabled. What a user may do ends with the next request. */
import type { App } from "#app.ts";
import { AppError } from "#errors.ts";
import { appendEvent } from "#events/events.ts";
import type { Actor, Scope } from "#http/permission.ts";
import { type Db, transaction } from "#store/database.ts";
import { currentUser } from "#system/user.ts";

import { countAdmins, findUser, insertUser, lockAdmins, updateUser } from "./queries.ts";
import { covers, roleScopes } from "./roles.ts";
import type { NewUser, User, UserChange } from "./schema.ts";
import { deleteSessionsOf } from "./sign-in-queries.ts";

/** Who asks for a change, and what he may do: nobody gives what he does not hold. */
export type Asker = Pick<Actor, "name" | "scopes">;

/** Whoever runs a command on this host may read the store's keys: he may do everything. */
export function hostAsker(): Asker {
  return { name: `cli:${currentUser()}`, scopes: roleScopes.admin };
}

/** Makes a user; `conflict` when the name is taken. */
export async function createUser(app: Pick<App, "db" | "keys" | "now">, input: NewUser, by: Asker): Promise<User> {
  requireHeld(by, roleScopes[input.role], `make a user of role ${input.role}`);
  return transaction(app.db, (tx) => writeUser(tx, app, input, by));
}

/** The part of `createUser` that runs in the caller's transaction. */
export async function writeUser(tx: Db, app: Pick<App, "keys" | "now">, input: NewUser, by: Asker): Promise<User> {
  const user = await insertUser(tx, { ...input, createdBy: by.name, createdAt: app.now().toISOString() });
  if (user === undefined) {
    throw new AppError("conflict", `user ${input.name} exists already`, {
      hint: "List the users with: leveredge users list",
    });
  }
  await appendEvent(tx, app.keys, {
    actor: by.name,
    action: "identity.user",
    target: user.name,
    outcome: "created",
    details: { role: user.role },
    notice: adminNotice(user, `admin ${user.name} was made`, by),
  });
  return user;
}

/**
 * Gives a user another role, disables or enables it. The last admin who may sign in
 * stays. A user that is disabled loses its sessions; its tokens sleep until it is enabled.
 */
export async function changeUser(
  app: Pick<App, "db" | "keys" | "now">,
  name: string,
  change: UserChange,
  by: Asker,
): Promise<User> {
  return transaction(app.db, async (tx) => {
    await lockAdmins(tx);
    const user = await requireUser(tx, name);
    const role = change.role ?? user.role;
    const disabled = change.disabled ?? user.disabledAt !== null;
    requireHeld(by, [...roleScopes[user.role], ...roleScopes[role]], `change user ${name}`);
    const disabledAt = disabled ? (user.disabledAt ?? app.now().toISOString()) : null;
    if (role === user.role && disabledAt === user.disabledAt) return user;

    const changed = await updateUser(tx, user.id, { role, disabledAt });
    if (user.role === "admin" && (await countAdmins(tx, "enabled")) === 0) {
      throw new AppError("conflict", `user ${name} is the last admin: nobody could manage users and tokens`, {
        hint: "Make another one first: leveredge users create NAME --role admin",
      });
    }
    if (disabled) await deleteSessionsOf(tx, user.id);
    await appendEvent(tx, app.keys, {
      actor: by.name,
      action: "identity.user",
      target: name,
      outcome: describeChange(user, changed),
      details: { role: { from: user.role, to: role }, disabled },
      notice: adminNotice(changed, `admin ${name}: ${describeChange(user, changed)}`, by),
    });
    return changed;
  });
}

/** The user of that name; `not_found` says how to see them. */
export async function requireUser(db: Db, name: string): Promise<User> {
  const user = await findUser(db, name);
  if (user !== undefined) return user;
  throw new AppError("not_found", `there is no user ${name}`, { hint: "List the users with: leveredge users list" });
}

/** Refuses what goes beyond what the asker may do. */
export function requireHeld(by: Asker, wanted: readonly Scope[], deed: string): void {
  const missing = wanted.filter((scope) => !covers(by.scopes, scope));
  if (missing.length === 0) return;
  throw new AppError("forbidden", `${by.name} may not ${deed}: that gives ${missing.join(", ")}`, {
    hint: "Ask an admin, or run the command on the host.",
  });
}

function describeChange(before: User, after: User): string {
  if (before.disabledAt === null && after.disabledAt !== null) return "disabled";
  if (before.disabledAt !== null && after.disabledAt === null) return "enabled";
  return "role changed";
}

function adminNotice(
  user: User,
  title: string,
  by: Asker,
): { severity: "normal"; title: string; text: string } | undefined {
  if (user.role !== "admin") return undefined;
  return {
    severity: "normal",
    title,
    text: `Done by ${by.name}. If nobody meant it: leveredge users disable ${user.name}`,
  };
}
