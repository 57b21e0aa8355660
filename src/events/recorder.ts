/**
 * Events of many callers, committed together. Who records waits until its event is
 * durable; what is recorded while a commit is under way goes into the next one, so that
 * the cost of a commit is shared by all who wait. When a commit fails each of its events
 * is tried alone: one that cannot be written takes no other with it.
 */
import type { App } from "#app.ts";
import { transaction } from "#store/database.ts";

import { appendEvents } from "./events.ts";
import type { NewEvent } from "./schema.ts";

/** Resolves when the event is durable, rejects when it is not. */
export type RecordEvent = (event: NewEvent) => Promise<void>;

type Waiting = { event: NewEvent; done: () => void; fail: (error: unknown) => void };

const mostAtOnce = 200;

export function createRecorder(app: Pick<App, "db" | "keys">): RecordEvent {
  let waiting: Waiting[] = [];
  let isWriting = false;

  const write = async (batch: readonly Waiting[]): Promise<void> => {
    try {
      await transaction(app.db, (tx) =>
        appendEvents(
          tx,
          app.keys,
          batch.map(({ event }) => event),
        ),
      );
      for (const { done } of batch) done();
    } catch (error) {
      const [only] = batch;
      if (only !== undefined && batch.length === 1) return only.fail(error);
      for (const one of batch) await write([one]);
    }
  };

  const drain = async (): Promise<void> => {
    isWriting = true;
    while (waiting.length > 0) {
      const batch = waiting.slice(0, mostAtOnce);
      waiting = waiting.slice(mostAtOnce);
      await write(batch);
    }
    isWriting = false;
  };

  return (event) =>
    new Promise((done, fail) => {
      waiting.push({ event, done, fail });
      if (!isWriting) {
        isWriting = true;
        // Whoever asks in this turn comes along.
        setImmediate(() => void drain());
      }
    });
}
