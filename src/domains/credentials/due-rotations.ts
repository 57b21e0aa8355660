/** Rotations that wait for nobody: whose grace is over, or that did not get further some time ago. */
import { AppError } from "#errors.ts";
import type { CheckTools } from "#providers/ask.ts";

import { carryOnRotation, type Rotated, type RotationApp, type RotationWork } from "./rotation.ts";
import { listDueRotations } from "./rotation-queries.ts";

/** One after the other. One that somebody else is at is his; one that cannot go on does not hold up the others. */
export async function carryOnDue(
  app: RotationApp,
  tools: CheckTools,
  work: RotationWork,
): Promise<Partial<Record<Rotated["state"] | "refused", number>>> {
  const ends: Partial<Record<Rotated["state"] | "refused", number>> = {};
  for (const name of await listDueRotations(app.db)) {
    work.signal.throwIfAborted();
    const end = await carryOnOne(app, tools, name, work);
    if (end !== undefined) ends[end] = (ends[end] ?? 0) + 1;
  }
  return ends;
}

async function carryOnOne(
  app: RotationApp,
  tools: CheckTools,
  name: string,
  work: RotationWork,
): Promise<Rotated["state"] | "refused" | undefined> {
  try {
    return (await carryOnRotation(app, tools, name, work))?.state;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    work.progress(`${name}: ${error.message}`);
    return "refused";
  }
}
