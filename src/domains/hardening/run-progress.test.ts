import assert from "node:assert/strict";
import { test } from "node:test";

import type { ServerSentEvent } from "#http/route.ts";
import { transaction } from "#store/database.ts";
import { testApp } from "#test/app.ts";
import { singleStepDomain } from "#test/small-section.ts";

import { beginRun, resumeRun, startRun } from "./hardening.ts";
import { RunProgressEvent, watchRuns } from "./run-progress.ts";
import { listSteps, releaseLease, startStep } from "./queries.ts";

async function collect(events: AsyncIterable<ServerSentEvent>): Promise<ServerSentEvent[]> {
  const all: ServerSentEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

test("a run that has ended is one event, and none for who has seen it", async (t) => {
  const app = await testApp(t);
  const { rows } = await startRun(app, [singleStepDomain()], { onlySection: undefined }, () => undefined);
  const watch = watchRuns(app.db);
  const follow = (lastEventId?: string): Promise<ServerSentEvent[]> =>
    collect(watch.follow(rows.run.id, { lastEventId, signal: app.signal }));

  const events = await follow();
  const again = await follow(events[0]?.id);
  const unknown = await collect(
    watch.follow("00000000-0000-4000-8000-000000000000", { lastEventId: undefined, signal: app.signal }),
  );

  assert.equal(events.length, 1);
  const progress = RunProgressEvent.parse(events[0]?.data);
  assert.deepEqual(
    [progress.state, progress.steps.map(({ action, state, summary }) => [action, state, summary])],
    ["verified", [["act", "verified", "proven"]]],
  );
  assert.deepEqual([again, unknown], [[], []]);
});

test("each change of a step is told to all who watch, and the signal ends it", async (t) => {
  const app = await testApp(t);
  const run = await beginRun(app, [singleStepDomain()], { onlySection: undefined, requestedBy: "cli" });
  const [step] = await listSteps(app.db, run.id);
  const leaving = new AbortController();
  const watch = watchRuns(app.db);
  const follow = (): AsyncIterator<ServerSentEvent> =>
    watch.follow(run.id, { lastEventId: undefined, signal: leaving.signal })[Symbol.asyncIterator]();
  const [one, other] = [follow(), follow()];

  const [first] = [await one.next(), await other.next()];
  const plan = { state: "ready", summary: "s", changes: ["x"], fingerprint: "f", looseEnds: [] } as const;
  await transaction(app.db, (tx) =>
    startStep(tx, { runId: run.id, attempt: run.attempt }, step?.id ?? "", {
      ...plan,
      changes: [...plan.changes],
      looseEnds: [],
    }),
  );
  const [second, same] = [await one.next(), await other.next()];
  leaving.abort();
  const ends = [await one.next(), await other.next()];

  const statesOf = (result: IteratorResult<ServerSentEvent>): string[] =>
    RunProgressEvent.parse(result.value.data).steps.map(({ state }) => state);
  assert.deepEqual([statesOf(first), statesOf(second), statesOf(same)], [["planned"], ["applying"], ["applying"]]);
  assert.deepEqual(
    ends.map(({ done }) => done),
    [true, true],
  );
});

test("a run that is interrupted is told as such and followed on, until it ends", async (t) => {
  const app = await testApp(t);
  const domains = [singleStepDomain()];
  const { id, attempt } = await beginRun(app, domains, { onlySection: undefined, requestedBy: "cli" });
  await releaseLease(app.db, { runId: id, attempt });
  const events = watchRuns(app.db).follow(id, { lastEventId: undefined, signal: app.signal })[Symbol.asyncIterator]();

  const first = await events.next();
  await resumeRun(app, domains, () => undefined);
  const rest = await collect({ [Symbol.asyncIterator]: () => events });

  const states = [first.value, ...rest].map((event) => RunProgressEvent.parse(event.data).state);
  assert.deepEqual([states[0], states.at(-1)], ["interrupted", "verified"]);
});
