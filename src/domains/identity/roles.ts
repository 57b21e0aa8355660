/** What each role may do: the one table, and how scopes are compared. Pure. */
import type { Scope } from "#http/permission.ts";

import type { Role } from "./schema.ts";

/**
 * A token may name any part of its user's row and nothing beyond it. An operator
 * has no `jobs:retry`: it would repeat what only an admin may begin. Nor may he see or
 * change a credential, in dev either: the value may be prod's.
 */
export const roleScopes: Record<Role, readonly Scope[]> = {
  viewer: ["*:read:*", "sessions:write:*"],
  operator: [
    "*:read:*",
    "mirror:*:dev",
    "migrations:*:dev",
    "backups:*:dev",
    "credentials:validate:*",
    "notifications:send:*",
    "notifications:resend:*",
    "runs:start:*",
    "backups:verify:*",
    "backups:create:*",
    "sessions:write:*",
  ],
  admin: ["*:*:*"],
  agent: ["notifications:send:*", "usage:write:*"],
  service: [
    "status:read:*",
    "jobs:read:*",
    "runs:read:*",
    "mirror:read:*",
    "migrations:read:*",
    "backups:read:*",
    "backups:verify:*",
    "backups:create:*",
    "notifications:send:*",
    "usage:write:*",
  ],
};

/** What everybody may do who is known at all: ask who he is, and sign out. */
export const ownScopes: readonly Scope[] = ["me:read:shared", "me:write:shared"];

/** Roles of programs: they have tokens and never a session. */
export const programRoles: readonly Role[] = ["agent", "service"];

/** Whether one of the held scopes allows everything that the wanted one does. */
export function covers(held: readonly Scope[], wanted: Scope): boolean {
  const parts = wanted.split(":");
  return held.some((scope) => isWider(scope.split(":"), parts));
}

/** What both lists allow: a token keeps of its scopes what its user's role still gives. */
export function intersect(some: readonly Scope[], others: readonly Scope[]): Scope[] {
  const theirs = others.map((scope) => scope.split(":"));
  const common = some.flatMap((scope) => theirs.flatMap((other) => narrow(scope.split(":"), other)));
  const widest = common.filter(
    (parts, index) =>
      !common.some((other, place) => isWider(other, parts) && (place < index || !isWider(parts, other))),
  );
  // Three parts of two scopes are a scope.
  return widest.map((parts) => parts.join(":") as Scope);
}

/** The scope, in parts, that two have in common; none when a part differs. */
function narrow(one: readonly string[], other: readonly string[]): string[][] {
  const parts = one.map((part, index) => (part === "*" ? (other[index] ?? part) : part));
  return isWider(other, parts) ? [parts] : [];
}

function isWider(wide: readonly string[], parts: readonly string[]): boolean {
  return parts.every((part, index) => wide[index] === "*" || wide[index] === part);
}
