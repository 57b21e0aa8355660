/**
 * Commits files in a git checkout that somebody works in.
 *
 * Only the named files go into a commit, and only where they differ from HEAD:
 * what the operator has staged or changed elsewhere stays as it is. Git runs as
 * the owner of the checkout, without hooks, global or system configuration, or
 * prompts. Whatever stands in the way (no checkout, detached HEAD, a merge under
 * way, a lock) is an answer that names the remedy, never forced.
 *
 * A lock that another git holds is waited for, then reported: nothing proves
 * that a lock left behind is ours, so it is never removed.
 */
import { access, realpath } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { AppError } from "#errors.ts";

import { actAs, findOwner } from "./owner.ts";
import type { Run, RunOptions, RunResult } from "./run.ts";

export type GitCommit = {
  /** Relative to the root; those that do not exist are left out. */
  files: string[];
  subject: string;
  /** `Key: value`, the last paragraph; finds the commit again after a crash. */
  trailer: string;
};

/** An obstacle beside a commit: some of the files could not go in. */
export type GitOutcome =
  | { state: "committed"; hash: string; obstacle: GitObstacle | undefined }
  | { state: "unchanged"; obstacle: GitObstacle | undefined }
  | { state: "obstructed"; obstacle: GitObstacle };

/** Why nothing was committed. The id is stable: `git-detached-head`. */
export type GitObstacle = { id: string; text: string; remedy: string };

type Git = (args: readonly string[], options?: Pick<RunOptions, "accept">) => Promise<RunResult>;

const gitTimeoutMs = 60_000;
const lockWaitMs = 10_000;
const lockPollMs = 200;

/**
 * Commits what differs. A second call with the same trailer and subject makes no
 * second commit: it answers the first one's hash.
 */
export async function commitFiles(run: Run, root: string, commit: GitCommit): Promise<GitOutcome> {
  const giveUpAt = performance.now() + lockWaitMs;
  for (;;) {
    try {
      return await commitOnce(run, root, commit);
    } catch (error) {
      if (!isLockHeld(error)) throw error;
      if (performance.now() > giveUpAt) return { state: "obstructed", obstacle: await describeLock(run, root) };
      await delay(lockPollMs);
    }
  }
}

/** What stands in the way of a commit of these files; undefined when nothing does. Reads only. */
export async function findGitObstacle(run: Run, root: string, files: string[]): Promise<GitObstacle | undefined> {
  const opened = await openCheckout(run, root);
  if ("obstacle" in opened) return opened.obstacle;
  const { git } = opened;
  return (await findOperationObstacle(opened, root)) ?? describeIgnored(root, (await readStatus(git, files)).ignored);
}

async function commitOnce(run: Run, root: string, commit: GitCommit): Promise<GitOutcome> {
  const opened = await openCheckout(run, root);
  if ("obstacle" in opened) return { state: "obstructed", obstacle: opened.obstacle };
  const { git } = opened;
  const before = await readStatus(git, await keepExisting(root, commit.files));
  const ignoredObstacle = describeIgnored(root, before.ignored);

  const answer = async (): Promise<GitOutcome> => {
    const hash = await findEarlierCommit(git, commit);
    return hash === undefined
      ? { state: "unchanged", obstacle: ignoredObstacle }
      : { state: "committed", hash, obstacle: ignoredObstacle };
  };
  if (before.differing.length === 0) return answer();
  const obstacle = await findOperationObstacle(opened, root);
  if (obstacle !== undefined) return { state: "obstructed", obstacle };

  await git(["add", "--", ...before.differing]);
  // What was staged and taken back on disk no longer differs.
  const { differing } = await readStatus(git, before.differing);
  if (differing.length === 0) return answer();
  const message = [`--message=${commit.subject}`, `--message=${commit.trailer}`];
  const author = await authorOptions(git);
  const committed = await git(
    [...author, "commit", "--quiet", "--no-verify", ...message, "--only", "--", ...differing],
    {
      accept: [0, 1],
    },
  );
  // A git that outlived its killed caller may have been faster: then nothing is left to commit.
  if (committed.exitCode === 1 && (await readStatus(git, differing)).differing.length > 0) {
    throw new AppError("upstream_failed", `git commit failed: ${committed.stderr}${committed.stdout}`.trim());
  }
  return answer();
}

type Checkout = { git: Git; gitDirectory: string };

/** Git at the top of the checkout, as its owner. */
async function openCheckout(run: Run, root: string): Promise<Checkout | { obstacle: GitObstacle }> {
  const owner = await findOwner(root);
  const user = actAs(owner);
  const git: Git = (args, options) =>
    run("git", ["--literal-pathspecs", "--no-optional-locks", "-C", root, ...settings, ...args], {
      timeoutMs: gitTimeoutMs,
      env: gitEnvironment,
      ...(user === undefined ? {} : { user }),
      ...options,
    });
  const top = await git(["rev-parse", "--show-toplevel", "--absolute-git-dir"], { accept: [0, 128] }).catch(
    (error: unknown) => {
      if (error instanceof AppError && error.code === "not_found") return undefined;
      throw error;
    },
  );
  if (top === undefined) {
    const text = "git is not installed: the run leaves no commits";
    return { obstacle: { id: "git-missing", text, remedy: "apt-get install git" } };
  }
  const [directory, gitDirectory] = top.stdout.split("\n");
  if (top.exitCode !== 0 || directory === undefined || gitDirectory === undefined) {
    return { obstacle: describeNoCheckout(root, top.stderr) };
  }
  if ((await realpath(directory)) !== (await realpath(root))) {
    const text = `${root} lies inside the checkout ${directory} and is not one itself: the run leaves no commits`;
    return { obstacle: { id: "git-no-checkout", text, remedy: `git init ${root}` } };
  }
  return { git, gitDirectory };
}

function describeNoCheckout(root: string, stderr: string): GitObstacle {
  if (stderr.includes("dubious ownership")) {
    const text = `the checkout ${root} belongs to another user: the run leaves no commits`;
    return { id: "git-foreign-owner", text, remedy: `run leveredge as the owner of ${root}` };
  }
  const text = `${root} is not a git checkout: the run leaves no commits`;
  return { id: "git-no-checkout", text, remedy: `git init ${root}` };
}

/** Settings of the repository that would run a program or ask somebody, off. */
const settings = [
  ["core.hooksPath", "/dev/null"],
  ["core.fsmonitor", "false"],
  ["commit.gpgSign", "false"],
  ["gc.auto", "0"],
  ["maintenance.auto", "false"],
].flatMap(([name, value]) => ["-c", `${name}=${value}`]);

const gitEnvironment = {
  HOME: "/nonexistent",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_TERMINAL_PROMPT: "0",
  GIT_EDITOR: "false",
};

async function keepExisting(root: string, files: string[]): Promise<string[]> {
  const found = await Promise.all(
    files.map((file) =>
      access(join(root, file)).then(
        () => [file],
        // A file that the section did not write, or that is gone, is not its work.
        () => [],
      ),
    ),
  );
  return found.flat();
}

/** Files that are not in HEAD as they are on disk or in the index, and those of which git wants to know nothing. */
async function readStatus(git: Git, files: string[]): Promise<{ differing: string[]; ignored: string[] }> {
  if (files.length === 0) return { differing: [], ignored: [] };
  // With all untracked files, `traditional` lists ignored files one by one.
  const listing = ["--no-renames", "--untracked-files=all", "--ignored=traditional"];
  const { stdout } = await git(["status", "--porcelain=v1", "-z", ...listing, "--", ...files]);
  const entries = stdout
    .split("\0")
    .filter((entry) => entry !== "")
    .map((entry) => ({ isIgnored: entry.startsWith("!!"), file: entry.slice(3) }));
  return {
    differing: entries.filter((entry) => !entry.isIgnored).map((entry) => entry.file),
    ignored: entries.filter((entry) => entry.isIgnored).map((entry) => entry.file),
  };
}

/** The commit of a call that was killed before it could answer. */
async function findEarlierCommit(git: Git, commit: GitCommit): Promise<string | undefined> {
  const match = ["--fixed-strings", "--all-match", `--grep=${commit.subject}`, `--grep=${commit.trailer}`];
  const found = await git(["log", "-1", "--format=%H", ...match], { accept: [0, 128] });
  const hash = found.stdout.trim();
  return hash === "" ? undefined : hash;
}

/** The repository's own author where it names one. */
async function authorOptions(git: Git): Promise<string[]> {
  const { stdout } = await git(["config", "--name-only", "--get-regexp", "^user\\.(name|email)$"], { accept: [0, 1] });
  const named = stdout.toLowerCase().split("\n");
  return [
    ...(named.includes("user.name") ? [] : ["-c", "user.name=LeverEdge"]),
    ...(named.includes("user.email") ? [] : ["-c", "user.email=leveredge@localhost"]),
  ];
}

const operations = [
  { file: "MERGE_HEAD", name: "merge" },
  { file: "rebase-merge", name: "rebase" },
  { file: "rebase-apply", name: "rebase" },
  { file: "CHERRY_PICK_HEAD", name: "cherry-pick" },
  { file: "REVERT_HEAD", name: "revert" },
] as const;

async function findOperationObstacle({ git, gitDirectory }: Checkout, root: string): Promise<GitObstacle | undefined> {
  for (const { file, name } of operations) {
    if (!(await exists(join(gitDirectory, file)))) continue;
    const text = `a ${name} is under way in ${root}: the run leaves no commits`;
    return {
      id: "git-operation",
      text,
      remedy: `git -C ${root} ${name} --continue, or git -C ${root} ${name} --abort`,
    };
  }
  const branch = await git(["symbolic-ref", "--quiet", "HEAD"], { accept: [0, 1] });
  if (branch.exitCode === 0) return undefined;
  const text = `HEAD of ${root} is detached: the run leaves no commits`;
  return { id: "git-detached-head", text, remedy: `git -C ${root} switch BRANCH` };
}

function describeIgnored(root: string, ignored: string[]): GitObstacle | undefined {
  if (ignored.length === 0) return undefined;
  const names = ignored.join(", ");
  const text = `git ignores ${names} in ${root}: not committed`;
  return { id: `git-ignored:${ignored[0]}`, text, remedy: `take ${names} out of ${root}/.gitignore` };
}

async function describeLock(run: Run, root: string): Promise<GitObstacle> {
  const opened = await openCheckout(run, root);
  if ("obstacle" in opened) return opened.obstacle;
  const lock = join(opened.gitDirectory, "index.lock");
  const text = `${lock} is held or was left behind by a git that was killed: not committed`;
  return { id: "git-locked", text, remedy: `make sure that no git is at work in ${root}, then rm ${lock}` };
}

function isLockHeld(error: unknown): boolean {
  return (
    error instanceof AppError &&
    error.code === "upstream_failed" &&
    /\.lock': File exists|Another git process seems/.test(error.message)
  );
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    // Not there, or not to be seen: then git says what is wrong.
    () => false,
  );
}
