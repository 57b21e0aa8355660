/**
 * Events of many callers, committed together. Who records waits until its event is
 * durable; one that cannot be written takes no other with it.
 */
import type { App } from "#app.ts";
import { transaction } from "#store/database.ts";
import { createGroupCommit } from "#store/group-commit.ts";

import { appendEvents } from "./events.ts";
import type { NewEvent } from "./schema.ts";

/** Resolves when the event is durable, rejects when it is not. */
export type RecordEvent = (event: NewEvent) => Promise<void>;

const mostAtOnce = 200;

export function createRecorder(app: Pick<App, "db" | "keys">): RecordEvent {
  const write = async (events: readonly NewEvent[]): Promise<undefined[]> => {
    await transaction(app.db, (tx) => appendEvents(tx, app.keys, events));
    return events.map(() => undefined);
  };
  return createGroupCommit(write, { mostAtOnce });
}
