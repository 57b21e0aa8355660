/** `leveredge usage import`: calls of a file, recorded in batches, with what became of them. */
import type { CommandContext } from "#cli/command.ts";
import { createLedger, findOwnRows, type Ledger, type Receipt } from "#domains/usage/usage.ts";
import { AppError, outcomeExit } from "#errors.ts";
import type { ScopeEnvironment } from "#http/permission.ts";
import type { Db } from "#store/database.ts";

import { createContentKeys } from "./content-keys.ts";
import { guessFormat, type ImportFormat, readLines } from "./import-files.ts";
import { type ReadCall, readPastCall } from "./read-calls.ts";
import { recordRead } from "./usage-routes.ts";

type Outcome = { recorded: number; duplicate: number; rejected: number; faults: { line: number; reason: string }[] };
type Batch = { line: number; read: ReadCall }[];

const batchSize = 1_000;
const mostFaults = 20;
const tellEvery = 50_000;

export async function runImport(context: CommandContext): Promise<number> {
  const [path = ""] = context.arguments;
  const format = (context.options["format"] ?? guessFormat(path)) as ImportFormat | undefined;
  if (format === undefined) {
    throw new AppError("invalid_input", `${path} is neither .csv nor .jsonl`, { hint: "Say which: --format csv" });
  }
  // The option has these choices alone.
  const environment = (context.options["environment"] ?? "prod") as ScopeEnvironment;
  const isDry = context.options["dryRun"] === true;
  const app = await context.openApp();
  const reading = { timezone: app.config.platform.timezone, now: app.now(), environment };
  const ignored = new Set<string>();
  const withKey = createContentKeys();
  const outcome: Outcome = { recorded: 0, duplicate: 0, rejected: 0, faults: [] };
  const ledger = isDry ? undefined : createLedger(app);
  try {
    let batch: Batch = [];
    const write = async (): Promise<void> => {
      await record(ledger === undefined ? undefined : passOverOwn(ledger, app.db), batch, { environment, outcome });
      batch = [];
      const done = outcome.recorded + outcome.duplicate + outcome.rejected;
      if (done % tellEvery === 0 && done > 0) context.output.say(`… ${done} lines, ${tell(outcome)}`);
    };
    for await (const one of readLines(path, format, ignored)) {
      context.signal.throwIfAborted();
      const read =
        "reason" in one ? { reason: one.reason, code: "custom", field: undefined } : readPastCall(one.value, reading);
      batch.push({ line: one.line, read: "call" in read ? { call: withKey(read.call) } : read });
      if (batch.length === batchSize) await write();
    }
    await write();
  } catch (error) {
    if (outcome.recorded + outcome.duplicate > 0 && !isDry) {
      context.output.say(`before that: ${tell(outcome)}; to import the file again books none of them twice`);
    }
    throw error;
  } finally {
    await ledger?.close();
  }
  tellOutcome(context, { outcome, ignored, isDry });
  return outcome.rejected === 0 ? outcomeExit.ok : outcomeExit.failed;
}

function tellOutcome(
  context: CommandContext,
  { outcome, ignored, isDry }: { outcome: Outcome; ignored: ReadonlySet<string>; isDry: boolean },
): void {
  if (ignored.size > 0) context.output.say(`columns that are not taken: ${[...ignored].toSorted().join(", ")}`);
  for (const { line, reason } of outcome.faults) context.output.say(`line ${line}: ${reason}`);
  const words = isDry ? `${outcome.recorded} calls can be recorded, ${outcome.rejected} cannot` : tell(outcome);
  context.output.data({ dryRun: isDry, ...outcome, ignored: [...ignored] }, words);
}

/** What was exported from this ledger is known by its place in it, whatever ids it was told with. */
function passOverOwn(ledger: Ledger, db: Db): Pick<Ledger, "record" | "reject"> {
  return {
    reject: ledger.reject,
    record: async (calls, origin) => {
      const own = await findOwnRows(db, calls);
      const others = calls.filter((call) => !own.has(call));
      const receipts = others.length === 0 ? [] : await ledger.record(others, origin);
      const receiptOf = new Map(others.map((call, index) => [call, receipts[index]]));
      return calls.flatMap((call): Receipt | [] => {
        const id = own.get(call);
        return id === undefined ? (receiptOf.get(call) ?? []) : { state: "duplicate", id };
      });
    },
  };
}

async function record(
  ledger: Pick<Ledger, "record" | "reject"> | undefined,
  batch: Batch,
  { environment, outcome }: { environment: ScopeEnvironment; outcome: Outcome },
): Promise<void> {
  const read = batch.map((one) => one.read);
  const dry = {
    record: async (calls: readonly unknown[]) => calls.map(() => ({ state: "recorded" as const })),
    reject: () => undefined,
  };
  const receipts = await recordRead(ledger ?? dry, read, { source: "import", environment });
  for (const [index, { state, reason = "refused" }] of receipts.entries()) {
    outcome[state] += 1;
    if (state === "rejected" && outcome.faults.length < mostFaults) {
      outcome.faults.push({ line: batch[index]?.line ?? 0, reason });
    }
  }
}

function tell({ recorded, duplicate, rejected }: Outcome): string {
  return `${recorded} calls recorded, ${duplicate} were there already, ${rejected} rejected`;
}
