/**
 * A process, told from every other one of any host, before and after it: numbers
 * of processes are given again, also after a reboot and in each container.
 */
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** Stands for a start time that this user may not see. */
const unseen = "unseen";

/** This process as `host/boot/pid-space:pid:start`, to be stored and compared later. */
export function describeProcess(): string {
  return `${hostname()}/${bootId()}/${pidSpace()}:${process.pid}:${startOf(process.pid) ?? unseen}`;
}

/** True only when it is certain: it ran on this host and is no more. */
export function isProcessGone(described: string): boolean {
  const parts = pattern.exec(described)?.groups;
  if (parts === undefined || parts["host"] !== hostname()) return false;
  if (parts["boot"] !== bootId()) return true;
  // In another container of this host numbers mean other processes.
  if (parts["space"] !== pidSpace()) return false;
  const start = startOf(Number(parts["pid"]));
  return start === undefined || (start !== unseen && parts["start"] !== unseen && start !== parts["start"]);
}

/** For people: `process 4711 on atlas`. */
export function nameProcess(described: string): string {
  const parts = pattern.exec(described)?.groups;
  return parts === undefined ? described : `process ${parts["pid"]} on ${parts["host"]}`;
}

const pattern = /^(?<host>.*)\/(?<boot>\w+)\/(?<space>\w+):(?<pid>\d+):(?<start>\w+)$/;

/** Which numbering of processes this one is in: a container has its own. */
function pidSpace(): string {
  return readlinkSync("/proc/self/ns/pid").replace(/\D/g, "");
}

function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").slice(0, 8);
}

/** Start time of a living process in ticks since boot; undefined when there is none. */
function startOf(pid: number): string | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    const [state, start] = [fields[0], fields[19]];
    return state === "Z" || state === "X" ? undefined : start;
  } catch {
    return isSignalable(pid) ? unseen : undefined;
  }
}

/** Asks the kernel: /proc may hide the processes of others. */
function isSignalable(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
