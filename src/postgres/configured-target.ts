import type { App } from "#app.ts";
import { AppError } from "#errors.ts";

import type { DatabaseTarget } from "./connection.ts";

/** Opens the reference of an environment's database; `not_found` when the configuration names none. */
export async function configuredTarget(
  app: Pick<App, "config" | "openReference">,
  environment: "dev" | "prod",
): Promise<DatabaseTarget> {
  const configured = app.config.environments[environment];
  if (configured === undefined) {
    throw new AppError("not_found", `the configuration names no ${environment} database`, {
      hint: `Add environments.${environment}.database to leveredge.yaml.`,
    });
  }
  const via = splitVia(configured.via);
  return {
    label: environment,
    url: await app.openReference(configured.database),
    ...(via.length === 0 ? {} : { via }),
  };
}

/** The words of `via`; none when it is not configured. */
export function splitVia(via: string | undefined): string[] {
  return via?.split(/\s+/).filter((word) => word !== "") ?? [];
}
