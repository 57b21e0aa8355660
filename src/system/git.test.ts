import assert from "node:assert/strict";
import { chmod, chown, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

import { commitFiles, findGitObstacle } from "./git.ts";
import { runProgram } from "./run.ts";

const commit = { files: ["shared/a.sh"], subject: "GSD: [Section 1] - Databases", trailer: "LeverEdge-Run: 1f" };

async function git(root: string, ...args: string[]): Promise<string> {
  const { stdout } = await runProgram("git", ["-C", root, ...args], {
    timeoutMs: 30_000,
    env: { GIT_CONFIG_GLOBAL: "/dev/null", HOME: "/nonexistent" },
  });
  return stdout.trimEnd();
}

/** A directory with a file that the run wrote. */
async function platform(t: TestContext): Promise<string> {
  const root = await realpath(await mkdtemp(join(tmpdir(), "git-")));
  t.after(() => rm(root, { recursive: true, force: true }));
  await mkdir(join(root, "shared"));
  await writeFile(join(root, "shared/a.sh"), "echo a\n");
  return root;
}

/** A checkout with one commit of the operator's. */
async function checkout(t: TestContext): Promise<string> {
  const root = await platform(t);
  await git(root, "init", "--quiet", "--initial-branch=main");
  await git(root, "config", "user.name", "Damon");
  await git(root, "config", "user.email", "damon@example.com");
  await writeFile(join(root, "theirs"), "one\n");
  await git(root, "add", "theirs");
  await git(root, "commit", "--quiet", "--message=Begin");
  return root;
}

test("a new file is committed alone, and what the operator staged or changed stays as it is", async (t) => {
  const root = await checkout(t);
  await writeFile(join(root, "staged"), "staged\n");
  await git(root, "add", "staged");
  await writeFile(join(root, "theirs"), "two\n");
  await writeFile(join(root, "untracked"), "untracked\n");

  const outcome = await commitFiles(runProgram, root, commit);

  assert.equal(outcome.state, "committed");
  assert.equal(
    await git(root, "show", "--name-only", "--format=%an: %B", "HEAD"),
    `Damon: ${commit.subject}\n\n${commit.trailer}\n\n\nshared/a.sh`,
  );
  assert.equal(await git(root, "status", "--porcelain"), "A  staged\n M theirs\n?? untracked");
});

test("a second call makes no second commit and answers the first", async (t) => {
  const root = await checkout(t);
  const first = await commitFiles(runProgram, root, commit);

  const second = await commitFiles(runProgram, root, commit);

  assert.deepEqual(second, first);
  assert.equal(await git(root, "rev-list", "--count", "HEAD"), "2");
});

test("where nothing differs there is no commit", async (t) => {
  const root = await checkout(t);
  await commitFiles(runProgram, root, commit);

  const outcome = await commitFiles(runProgram, root, {
    ...commit,
    trailer: "LeverEdge-Run: 2f",
    files: ["shared/a.sh", "gone"],
  });

  assert.deepEqual(outcome, { state: "unchanged", obstacle: undefined });
});

test("a file that was staged by a call that was killed is committed by the next", async (t) => {
  const root = await checkout(t);
  await git(root, "add", "shared/a.sh");

  await commitFiles(runProgram, root, commit);

  assert.equal(await git(root, "status", "--porcelain"), "");
});

test("the first commit of a repository without an author is LeverEdge's", async (t) => {
  const root = await platform(t);
  await git(root, "init", "--quiet");

  await commitFiles(runProgram, root, commit);

  assert.equal(await git(root, "log", "--format=%an <%ae>"), "LeverEdge <leveredge@localhost>");
});

test("hooks and programs of the repository's configuration do not run", async (t) => {
  const root = await checkout(t);
  const trap = join(root, ".git/hooks/trap");
  await writeFile(trap, `#!/bin/sh\ntouch ${root}/sprung\nexit 1\n`);
  await chmod(trap, 0o755);
  for (const hook of ["pre-commit", "post-commit", "prepare-commit-msg", "commit-msg", "reference-transaction"]) {
    await writeFile(join(root, ".git/hooks", hook), await readFile(trap));
    await chmod(join(root, ".git/hooks", hook), 0o755);
  }
  await git(root, "config", "core.fsmonitor", trap);
  await git(root, "config", "commit.gpgSign", "true");
  await git(root, "config", "gpg.program", trap);

  const outcome = await commitFiles(runProgram, root, commit);

  assert.equal(outcome.state, "committed");
  await assert.rejects(readFile(join(root, "sprung")), { code: "ENOENT" });
});

test("what stands in the way is named, and nothing is committed or staged", async (t) => {
  const detached = await checkout(t);
  await git(detached, "switch", "--quiet", "--detach");
  const merging = await checkout(t);
  await writeFile(join(merging, ".git/MERGE_HEAD"), `${await git(merging, "rev-parse", "HEAD")}\n`);
  const rebasing = await checkout(t);
  await mkdir(join(rebasing, ".git/rebase-merge"));
  const plain = await platform(t);
  const below = join(await checkout(t), "shared");

  for (const [root, id] of [
    [detached, "git-detached-head"],
    [merging, "git-operation"],
    [rebasing, "git-operation"],
    [plain, "git-no-checkout"],
    [below, "git-no-checkout"],
  ] as const) {
    const files = root === below ? ["a.sh"] : commit.files;
    const outcome = await commitFiles(runProgram, root, { ...commit, files });

    assert.equal(outcome.state, "obstructed", id);
    assert.equal(outcome.obstacle?.id, id);
    assert.equal((await findGitObstacle(runProgram, root, files))?.id, id);
    if (root !== plain) assert.equal(await git(root, "diff", "--cached", "--name-only"), "");
  }
});

test("an ignored file is named and the others are committed", async (t) => {
  const root = await checkout(t);
  await writeFile(join(root, ".git/info/exclude"), "/docs/\n");
  await mkdir(join(root, "docs"));
  await writeFile(join(root, "docs/b.md"), "b\n");

  const outcome = await commitFiles(runProgram, root, { ...commit, files: ["shared/a.sh", "docs/b.md"] });

  assert.equal(outcome.state, "committed");
  assert.equal(outcome.obstacle?.id, "git-ignored:docs/b.md");
  assert.equal(await git(root, "show", "--name-only", "--format=", "HEAD"), "shared/a.sh");
});

test("a name with quotes, newlines, stars or a leading colon is one file", async (t) => {
  const root = await checkout(t);
  const files = ['a "quoted" name', "a\nline", "*", ":(top)x", "-x"];
  for (const file of files) await writeFile(join(root, file), "x\n");

  await commitFiles(runProgram, root, { ...commit, files });

  const committed = await git(root, "show", "-z", "--name-only", "--format=", "HEAD");
  assert.deepEqual(
    committed
      .split("\0")
      .filter((name) => name !== "")
      .toSorted(),
    files.toSorted(),
  );
  assert.equal(await git(root, "status", "--porcelain"), "?? shared/");
});

test(
  "root commits as the owner of the checkout",
  { skip: process.getuid?.() === 0 ? false : "only root can" },
  async (t) => {
    const root = await platform(t);
    await chmod(root, 0o755);
    const owner = { uid: 65_534, gid: 65_534 };
    for (const path of [root, join(root, "shared"), join(root, "shared/a.sh")]) await chown(path, owner.uid, owner.gid);
    await runProgram("git", ["init", "--quiet", root], { timeoutMs: 30_000, user: owner });

    const outcome = await commitFiles(runProgram, root, commit);

    assert.equal(outcome.state, "committed");
    const foreign = await runProgram("find", [root, "-uid", "0"], { timeoutMs: 30_000 });
    assert.equal(foreign.stdout, "");
  },
);

test("a lock that another git holds is waited for", async (t) => {
  const root = await checkout(t);
  const lock = join(root, ".git/index.lock");
  await writeFile(lock, "");
  const seen: string[] = [];
  const watching: typeof runProgram = async (program, args, options) => {
    const adds = args.includes("add");
    if (adds && seen.push("add") === 2) await rm(lock);
    return runProgram(program, args, options);
  };

  const outcome = await commitFiles(watching, root, commit);

  assert.equal(outcome.state, "committed");
});
