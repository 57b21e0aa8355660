/**
 * The users of this host that a server is about: who runs this program, and
 * `leveredge-db`, as whom PostgreSQL runs when this program runs as root.
 */
import { AppError } from "#errors.ts";
import { runProgram } from "#system/run.ts";

export type SystemUser = { uid: number; gid: number };

const databaseUserName = "leveredge-db";
const lookUpTimeoutMs = 10_000;

/** Whether this program runs as root. */
export function isRoot(): boolean {
  return ownUid() === 0;
}

/** The user id that this program runs as. */
export function ownUid(): number {
  const uid = process.getuid?.();
  if (uid === undefined) throw new AppError("unavailable", "this system has no user ids: LeverEdge runs on Linux");
  return uid;
}

/** For messages; a user id without a name is named by its number. */
export async function userName(uid: number): Promise<string> {
  const { stdout } = await runProgram("getent", ["passwd", String(uid)], {
    timeoutMs: lookUpTimeoutMs,
    accept: [0, 2],
  });
  return stdout.split(":")[0] || `uid ${uid}`;
}

/** The user `leveredge-db`, made when missing; the refusal holds the command that makes it. */
export async function findOrMakeDatabaseUser(): Promise<SystemUser> {
  const existing = await findDatabaseUser();
  if (existing !== undefined) return existing;
  const args = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"];
  const command = [...args, "--shell", "/usr/sbin/nologin", databaseUserName];
  const failure = await runProgram("useradd", command, { timeoutMs: 30_000 }).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  // Another process may have made it in the same moment: what counts is that it is there.
  const made = await findDatabaseUser();
  if (made !== undefined) return made;
  throw new AppError("unavailable", `PostgreSQL does not run as root and the user ${databaseUserName} cannot be made`, {
    hint: `Make it, then try again: useradd ${command.join(" ")}`,
    cause: failure,
  });
}

async function findDatabaseUser(): Promise<SystemUser | undefined> {
  const { stdout } = await runProgram("getent", ["passwd", databaseUserName], {
    timeoutMs: lookUpTimeoutMs,
    accept: [0, 2],
  });
  const [, , uid, gid] = stdout.split(":");
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}
