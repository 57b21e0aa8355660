/** Background work of credentials: sweeps, the confirmation of dead answers, reminders. */
import { z } from "zod";

import { job } from "#jobs/job.ts";

import { Environment } from "./schema.ts";

const hourMs = 3_600_000;

/** All that are due, those of some environments, or one by its name. */
const sweep = job({
  name: "credentials.sweep",
  data: z.object({
    name: z.string().optional(),
    force: z.boolean().optional(),
    environments: z.array(Environment).optional(),
  }),
  timeoutMs: hourMs,
  run: async (app, { name, force = false, environments }, { actor, signal, progress }) => {
    const { sweepCredentials, withCheckTools } = await import("./sweep.ts");
    const { checkCredential } = await import("./live-check.ts");
    const { remind } = await import("./reminders.ts");
    return withCheckTools(app, async (tools) => {
      if (name !== undefined) {
        const checked = await checkCredential(app, tools, name, { requestedBy: actor, signal, force });
        return {
          checked: checked.state,
          ...(checked.state === "checked" ? { verdict: checked.answer.verdict } : { why: checked.why }),
        };
      }
      const swept = await sweepCredentials(app, tools, { requestedBy: actor, signal, progress, force, environments });
      return { ...swept, reminded: await remind(app, { name: actor }) };
    });
  },
});

/** Asks those again whose first dead answer is a minute old, and carries rotations on. */
const confirm = job({
  name: "credentials.confirm",
  data: z.object({}),
  timeoutMs: hourMs,
  run: async (app, _data, { actor, signal, progress }) => {
    const { sweepCredentials, withCheckTools } = await import("./sweep.ts");
    const { remind } = await import("./reminders.ts");
    const work = { requestedBy: actor, signal, progress, which: "pending" } as const;
    const { carryOnDue } = await import("./due-rotations.ts");
    return withCheckTools(app, async (tools) => {
      const swept = await sweepCredentials(app, tools, work);
      const rotated = await carryOnDue(app, tools, { requestedBy: actor, signal, progress });
      return { ...swept, reminded: await remind(app, { name: actor }), rotated };
    });
  },
});

/** Carries one rotation on that was begun; a second run finds it where the first left it. */
const rotate = job({
  name: "credentials.rotate",
  data: z.object({ name: z.string() }),
  timeoutMs: hourMs,
  run: async (app, { name }, { actor, signal, progress }) => {
    const { withCheckTools } = await import("./sweep.ts");
    const { carryOnRotation } = await import("./rotation.ts");
    const rotated = await withCheckTools(app, (tools) =>
      carryOnRotation(app, tools, name, { requestedBy: actor, signal, progress }),
    );
    if (rotated === undefined) return { state: "elsewhere" };
    return { state: rotated.state, ...("why" in rotated ? { why: rotated.why } : {}) };
  },
});

export const credentialJobs = [sweep, confirm, rotate];
