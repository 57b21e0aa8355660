/** Callers for tests of what needs to know who asks: a user and a token of each role, and tokens that open nothing. */
import type { App } from "#app.ts";
import { createToken, createUser, revokeToken } from "#domains/identity/identity.ts";
import { roleScopes } from "#domains/identity/roles.ts";
import { NewToken, Role } from "#domains/identity/schema.ts";
import { changeUser } from "#domains/identity/users.ts";

export type TestActors = Record<Role | "expired" | "revoked" | "disabled", string>;

const asker = { name: "test", scopes: ["*:*:*"] } as const;
const yearMs = 366 * 24 * 60 * 60 * 1000;

/** The text of a token for each; the users are named after their roles. `expired`, `revoked` and `disabled` were admins'. */
export async function testActors(app: Pick<App, "db" | "keys" | "now">): Promise<TestActors> {
  const tokens = new Map<string, string>();
  for (const role of Role.options) {
    await createUser(app, { name: role, role }, asker);
    tokens.set(role, await testToken(app, role));
  }
  await createUser(app, { name: "disabled", role: "admin" }, asker);
  tokens.set("disabled", await testToken(app, "disabled"));
  await changeUser(app, "disabled", { disabled: true }, asker);
  tokens.set("expired", await testToken({ ...app, now: () => new Date(app.now().getTime() - yearMs) }, "admin"));
  tokens.set("revoked", await testToken(app, "admin"));
  await revokeToken(app, (tokens.get("revoked") ?? "").slice(10, 18), asker);
  // Every key was set above.
  return Object.fromEntries(tokens) as TestActors;
}

/** A new token of a user; a service's names all that its role gives. */
export async function testToken(
  app: Pick<App, "db" | "keys" | "now">,
  user: string,
  settings: { scopes?: string[]; expires?: string } = {},
): Promise<string> {
  const scopes = user === "service" ? { scopes: [...roleScopes.service] } : {};
  const input = NewToken.parse({ user, name: "test", ...scopes, ...settings });
  return (await createToken(app, input, asker)).token.reveal();
}
