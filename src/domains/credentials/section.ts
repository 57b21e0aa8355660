/** Section 3, AEGIS: the registry of providers is in place, and every credential that is due was asked for live. */
import type { Section, Step } from "#domain.ts";

export const aegisProviders: Section = {
  number: 3,
  title: "AEGIS providers",
  wanted: () => true,
  steps: ({ environments }) => [
    lateStep(
      "seed-providers",
      "bring aegis_providers up to date",
      async () => (await import("./section-steps.ts")).seedRegistry,
    ),
    ...(environments.dev === undefined && environments.prod === undefined
      ? []
      : [
          lateStep(
            "import-existing",
            "take over what the platform's own aegis_credentials says",
            async () => (await import("./existing.ts")).takeOverExisting,
          ),
        ]),
    lateStep(
      "check-credentials",
      "check the credentials live",
      async () => (await import("./section-steps.ts")).checkLive,
    ),
  ],
  files: () => [],
};

type Body = Pick<Step, "plan" | "apply" | "verify">;

/** Loaded when it is asked: the list of sections must not cost a start of the program. */
function lateStep(action: string, title: string, load: () => Promise<Body>): Step {
  return {
    environment: "shared",
    action,
    title,
    plan: async (app, context) => (await load()).plan(app, context),
    apply: async (app, plan, context) => (await load()).apply(app, plan, context),
    verify: async (app, context) => (await load()).verify(app, context),
  };
}
