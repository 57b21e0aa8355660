import type { App } from "#app.ts";
import type { Check } from "#domain.ts";

import { countAdmins, listTokens, listUsers } from "./queries.ts";
import type { ApiToken } from "./schema.ts";

const soonMs = 14 * 24 * 60 * 60 * 1000;

/** Whether somebody can manage the server, and which tokens will stop working soon. Silent before the first user. */
export async function checkIdentity(app: Pick<App, "db" | "now">): Promise<Check[]> {
  const users = await listUsers(app.db);
  if (users.length === 0) return [];
  const enabled = users.filter(({ disabledAt }) => disabledAt === null).map(({ name }) => name);
  const now = app.now().getTime();
  const live = (await listTokens(app.db)).filter(
    ({ user, revokedAt, expiresAt }) => enabled.includes(user) && revokedAt === null && Date.parse(expiresAt) > now,
  );
  const ending = live.filter(({ expiresAt }) => Date.parse(expiresAt) - now < soonMs);
  return [await checkAdmin(app), { subject: "API tokens", ...describeTokens(live, ending) }];
}

async function checkAdmin(app: Pick<App, "db">): Promise<Check> {
  const admins = await countAdmins(app.db, "enabled");
  if (admins > 0) return { subject: "admins", state: "ok", detail: `${admins} may manage users and tokens` };
  return {
    subject: "admins",
    state: "loose",
    detail: "no user of role admin: nobody can manage users and tokens over HTTP",
    remedy: "leveredge users create NAME --role admin",
  };
}

function describeTokens(live: readonly ApiToken[], ending: readonly ApiToken[]): Omit<Check, "subject"> {
  const [first] = ending.toSorted((a, b) => a.expiresAt.localeCompare(b.expiresAt));
  if (first === undefined) return { state: "ok", detail: `${live.length} in use` };
  return {
    state: "loose",
    detail: `${ending.length} of ${live.length} end within 14 days, first ${first.id} (${first.name}) of ${first.user} at ${first.expiresAt}`,
    remedy: `leveredge tokens create --user ${first.user} --name NAME`,
  };
}
