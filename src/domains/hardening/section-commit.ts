/**
 * The evidence of a section in the platform's checkout: one commit of the files
 * that the section wrote. A platform without a checkout, or one that cannot take
 * a commit now, is a loose end; the run goes on.
 */
import type { App } from "#app.ts";
import { AppError } from "#errors.ts";
import { redact } from "#secrets/redact.ts";
import { type GitObstacle, type GitOutcome, commitFiles } from "#system/git.ts";

import type { LooseEnd } from "./schema.ts";

export type SettledCommit = {
  state: "committed" | "unchanged" | "skipped";
  hash: string | undefined;
  looseEnds: LooseEnd[];
};

/** Commits what differs from HEAD; called again for the same run it makes no second commit. */
export async function commitToPlatform(
  app: Pick<App, "run" | "config">,
  commit: { runId: string; subject: string; files: string[] },
): Promise<SettledCommit> {
  const outcome = await commitFiles(app.run, app.config.platform.root, {
    files: commit.files,
    subject: commit.subject,
    trailer: `LeverEdge-Run: ${commit.runId}`,
  }).catch((error: unknown) => describeGitFailure(app.config.platform.root, error));
  return {
    state: outcome.state === "obstructed" ? "skipped" : outcome.state,
    hash: outcome.state === "committed" ? outcome.hash : undefined,
    looseEnds: outcome.obstacle === undefined ? [] : [describeObstacle(outcome.obstacle)],
  };
}

export function describeObstacle({ id, text, remedy }: GitObstacle): LooseEnd {
  return { id, severity: "low", text, remedy };
}

/** Git's own refusal: whatever it is, the operator's checkout is as it was. */
function describeGitFailure(root: string, error: unknown): GitOutcome {
  if (!(error instanceof AppError)) throw error;
  const text = `git cannot commit in ${root}: ${redact(error.message)}`;
  return { state: "obstructed", obstacle: { id: "git-failed", text, remedy: error.hint ?? `git -C ${root} status` } };
}
