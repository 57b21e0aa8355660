import { AppError, readErrorCode } from "#errors.ts";
import { type Db, transaction } from "#store/database.ts";

import { deleteDeadCopies, findJob, updateJobToRetry } from "./queries.ts";
import type { JobRecord } from "./schema.ts";

/** Gives a failed job another try under its own id; `conflict` when it has not failed, or its work waits or runs again already. */
export async function retryJob(db: Db, jobId: string): Promise<JobRecord> {
  const job = await findJob(db, jobId);
  if (job === undefined) throw new AppError("not_found", `there is no job ${jobId}`);
  const changed = await transaction(db, async (tx) => {
    const rows = await updateJobToRetry(tx, jobId);
    if (rows > 0) await deleteDeadCopies(tx, jobId);
    return rows;
  }).catch((cause: unknown) => {
    // The library's index lets one job of a key wait or run.
    if (readErrorCode(cause) === "23505") return 0;
    throw cause;
  });
  const now = await findJob(db, jobId);
  if (changed > 0 && now !== undefined) return now;
  const why = job.state === "failed" ? "the same work waits or runs again already" : `it is ${job.state}`;
  throw new AppError("conflict", `job ${jobId} is not tried again: ${why}`, {
    hint: "Look at what is under way: leveredge jobs list",
  });
}
