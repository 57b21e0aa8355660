import { userInfo } from "node:os";

/** The user of this process, as it is recorded with what it does: `root`, `uid 1000` where the number has no name. */
export function currentUser(): string {
  try {
    return userInfo().username;
  } catch {
    // In a container a user may be a number without a name.
    return `uid ${process.getuid?.() ?? "unknown"}`;
  }
}
