/**
 * Who may do what, as text: a permission is `resource:action`, a scope adds the
 * environment it holds in, and any part of a scope may be `*`. Pure; who holds
 * which scopes is decided elsewhere.
 */

/** `backups:verify`. The actions are `read` and what changes something. */
export type Permission = `${string}:${string}`;

/** `backups:verify:dev`, `*:read:*`. */
export type Scope = `${string}:${string}:${string}`;

export type ScopeEnvironment = "dev" | "prod" | "shared";

const scopeEnvironments: readonly ScopeEnvironment[] = ["dev", "prod", "shared"];

/** Who asks. */
export type Actor = {
  /** For events and logs: `user:damon`, with a token `user:damon/8Fq2Rz0b`. Holds no secret. */
  name: string;
  role: "viewer" | "operator" | "admin" | "agent" | "service";
  /** Everything this caller may do: what the role gives, narrowed by the token. */
  scopes: readonly Scope[];
  via: "token" | "session";
};

/** Whether one of the scopes covers the permission in that environment. */
export function allows(scopes: readonly string[], permission: Permission, environment: ScopeEnvironment): boolean {
  const wanted = [...permission.split(":"), environment];
  return scopes.some((scope) => {
    const parts = scope.split(":");
    return parts.length === wanted.length && parts.every((part, index) => part === "*" || part === wanted[index]);
  });
}

/** The environments in which the scopes cover the permission: what a list may show. */
export function listAllowed(scopes: readonly string[], permission: Permission): ScopeEnvironment[] {
  return scopeEnvironments.filter((environment) => allows(scopes, permission, environment));
}
