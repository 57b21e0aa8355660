import type { App } from "#app.ts";
import type { Check, Domain } from "#domain.ts";
import { redact } from "#secrets/redact.ts";

/** Every domain's checks; one that cannot be asked is `unknown`, and the others answer all the same. */
export function askDomains(app: App, domains: readonly Domain[]): Promise<{ domain: string; checks: Check[] }[]> {
  return Promise.all(
    domains.map(async ({ name, checks }) => {
      try {
        return { domain: name, checks: (await checks?.(app)) ?? [] };
      } catch (error) {
        const detail = `cannot be checked: ${redact(error instanceof Error ? error.message : String(error))}`;
        return { domain: name, checks: [{ subject: name, state: "unknown", detail, remedy: "leveredge doctor" }] };
      }
    }),
  );
}
