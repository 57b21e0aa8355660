/** Health of the credentials by what is stored: reads only, asks no provider. */
import type { App } from "#app.ts";
import type { Check } from "#domain.ts";

import { listFindings } from "./findings.ts";
import { listCredentials } from "./queries.ts";

const states = { high: "failed", medium: "loose", low: "unknown" } as const;

/** One answer for each finding, and one for all when there is none. */
export async function checkCredentials(app: Pick<App, "db" | "now">): Promise<Check[]> {
  const credentials = await listCredentials(app.db);
  if (credentials.length === 0) return [];
  const findings = await listFindings(app);
  if (findings.length === 0) {
    return [
      {
        subject: "credentials",
        state: "ok",
        detail: `${credentials.length} credentials, and nothing amiss by their last checks`,
      },
    ];
  }
  return findings.map(({ subject, severity, text, remedy }) => ({
    subject,
    state: states[severity],
    detail: text,
    remedy,
  }));
}
