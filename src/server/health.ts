/** The health check of a server: asked at most every ten seconds, whoever looks, and never longer than a check may take. */
import { setTimeout as delay } from "node:timers/promises";

import type { App } from "#app.ts";
import type { Check, Domain } from "#domain.ts";
import { redact } from "#secrets/redact.ts";

export type DomainCheck = Check & { domain: string };

export type Health = {
  /** One question at a time: who asks meanwhile gets its answer. */
  ask(): Promise<{ askedAt: string; checks: DomainCheck[] }>;
};

const freshForMs = 10_000;
const domainWithinMs = 8_000;

export function createHealth(app: App, domains: readonly Domain[]): Health {
  let last: Promise<{ askedAt: string; checks: DomainCheck[] }> | undefined;
  let since = Number.NEGATIVE_INFINITY;
  return {
    ask: () => {
      if (last === undefined || performance.now() - since > freshForMs) {
        since = performance.now();
        last = askDomains(app, domains);
      }
      return last;
    },
  };
}

async function askDomains(app: App, domains: readonly Domain[]): Promise<{ askedAt: string; checks: DomainCheck[] }> {
  const askedAt = app.now().toISOString();
  const answers = await Promise.all(domains.map((domain) => askDomain(app, domain)));
  return { askedAt, checks: answers.flat() };
}

/** One that cannot be asked is `unknown`, and the others answer all the same. */
async function askDomain(app: App, { name, checks }: Domain): Promise<DomainCheck[]> {
  const tooLate = new AbortController();
  const unknown = (detail: string): Check[] => [
    { subject: name, state: "unknown", detail: `cannot be checked: ${detail}`, remedy: "leveredge doctor" },
  ];
  const late = delay(domainWithinMs, unknown(`no answer within ${domainWithinMs / 1000} seconds`), {
    signal: tooLate.signal,
  });
  try {
    const asked = Promise.resolve(checks?.(app) ?? []);
    const found = await Promise.race([asked, late]);
    return found.map((check) => ({ ...check, domain: name }));
  } catch (error) {
    const why = redact(error instanceof Error ? error.message : String(error));
    return unknown(why).map((check) => ({ ...check, domain: name }));
  } finally {
    // Whichever of the two came later has nobody who waits for it.
    late.catch(() => undefined);
    tooLate.abort();
  }
}
