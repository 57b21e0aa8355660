/** Section 5, cost tracking: the platform's own records in the ledger, and the tracker that its agents import. */
import type { Config } from "#config/schema.ts";
import type { Section, Step } from "#domain.ts";

/** Where the agents import it from, relative to the platform's root. */
export const trackerPath = "shared/lib/cost_tracker.py";

export const costTracking: Section = {
  number: 5,
  title: "Cost tracking",
  wanted: ({ usage, agents }) => usage !== undefined || agents.some(({ llm }) => llm),
  steps: (config) => [
    ...(hasDatabase(config)
      ? [
          lateStep(
            "import-existing",
            "take over the calls that the platform recorded itself",
            async () => (await import("./existing.ts")).importExisting,
          ),
        ]
      : []),
    lateStep(
      "install-tracker",
      `install ${trackerPath}`,
      async () => (await import("./tracker-step.ts")).installTracker,
    ),
  ],
  files: () => [trackerPath],
};

function hasDatabase({ environments }: Config): boolean {
  return environments.dev !== undefined || environments.prod !== undefined;
}

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
