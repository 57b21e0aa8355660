# Managed by LeverEdge: `leveredge harden` writes this file anew, edits are lost.
"""Logs calls of language models to LeverEdge, which prices them.

    from shared.lib.cost_tracker import CostTracker

    tracker = CostTracker(LEVEREDGE_URL, LEVEREDGE_TOKEN)
    await tracker.log_usage(
        agent_name="CHIRON", model="claude-sonnet-4-5", input_tokens=812, output_tokens=64,
        context="endpoint: /plan", operation="plan",
    )

Standard library only, Python 3.9 and later. A call is handed to a thread and `log_usage`
returns: it never raises, and never waits for disk or network. The thread writes each batch
to disk, sends it, and tries again with the same ids until the server has it; the server
books an id once. What a killed process left is sent by the next one that logs.

The spool is `$LEVEREDGE_USAGE_SPOOL`, else `~/.local/state/leveredge/usage`. What the
server refuses for good stands in `rejected.jsonl` there, with the reason.
"""

import asyncio
import atexit
import fcntl
import json
import logging
import os
import queue
import threading
import time
import urllib.error
import urllib.request
import uuid
from datetime import datetime, timezone
from typing import Any, Dict, List, Optional, Set, Tuple

__all__ = ["CostTracker"]

_log = logging.getLogger("leveredge.cost_tracker")

_MOST_WAITING = 10_000
_MOST_AT_ONCE = 500
_MOST_SPOOLED_BYTES = 64 * 1024 * 1024
_GATHER_SECONDS = 0.05
_LOOK_SECONDS = 30.0
_SHORTEST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
_TIMEOUT_SECONDS = 10.0
_EXIT_SECONDS = 3.0
_WARN_EVERY_SECONDS = 60.0


class CostTracker:
    """One for a program; it may be used from every thread and event loop of it."""

    def __init__(self, supabase_url: str, supabase_key: str, spool_directory: Optional[str] = None):
        self.supabase_url = supabase_url
        self.supabase_key = supabase_key
        self._directory = spool_directory
        self._guard = threading.Lock()
        self._sender: Optional[_Sender] = None
        atexit.register(self.close)

    async def log_usage(
        self,
        agent_name: str,
        model: str,
        input_tokens: int,
        output_tokens: int,
        context: str = "",
        operation: Optional[str] = None,
        **more: Any,
    ) -> None:
        """Counts include what was cached; `more` takes the ledger's other fields, such as `provider`,
        `response_id` and `cache_read_tokens`."""
        self.record(
            agent_name=agent_name,
            model=model,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            context=context,
            operation=operation,
            **more,
        )

    def record(self, **call: Any) -> None:
        """The same for code that has no event loop."""
        try:
            known = {name: value for name, value in call.items() if value is not None}
            known.setdefault("created_at", datetime.now(timezone.utc).isoformat())
            known.setdefault("idempotency_key", str(uuid.uuid4()))
            self._living_sender().put(json.dumps(known, default=str))
        except Exception as problem:  # The call that was measured must not feel it.
            _warn("lost", "a call could not be logged: %s", type(problem).__name__)

    async def flush(self, seconds: float = 10.0) -> bool:
        """Whether the server has everything that was logged before."""
        sender = self._sender
        if sender is None:
            return True
        return await asyncio.get_running_loop().run_in_executor(None, sender.wait_until_idle, seconds)

    def close(self, seconds: float = _EXIT_SECONDS) -> None:
        """Writes what is left to disk and tries once to send it. At the end of the program it is called by itself."""
        with self._guard:
            sender, self._sender = self._sender, None
        if sender is not None and sender.pid == os.getpid():
            sender.stop(seconds)

    def _living_sender(self) -> "_Sender":
        with self._guard:
            # A forked process has its parent's memory and none of its threads.
            if self._sender is None or self._sender.pid != os.getpid():
                self._sender = _Sender(self.supabase_url, self.supabase_key, self._directory)
            return self._sender


class _Sender:
    """The thread that writes and sends."""

    def __init__(self, url: str, key: str, directory: Optional[str]):
        self.pid = os.getpid()
        self._address = url.rstrip("/") + "/usage"
        self._key = key
        self._spool = _Spool(directory or _default_directory())
        self._waiting: "queue.Queue[Optional[str]]" = queue.Queue(_MOST_WAITING)
        self._idle = threading.Condition()
        self._unsent = 0
        self._stopping = threading.Event()
        self._pause = _SHORTEST_PAUSE
        self._not_before = 0.0
        # Batches that the disk would not take.
        self._held: List[List[str]] = []
        # Batches on disk that could not be sent yet.
        self._left: Set[str] = set()
        self._thread = threading.Thread(target=self._run, name="leveredge-usage", daemon=True)
        self._thread.start()

    def put(self, line: str) -> None:
        try:
            with self._idle:
                self._waiting.put_nowait(line)
                self._unsent += 1
        except queue.Full:
            _warn("lost", "more than %d calls wait to be written; the newest are lost", _MOST_WAITING)

    def wait_until_idle(self, seconds: float) -> bool:
        with self._idle:
            return self._idle.wait_for(lambda: self._unsent == 0, seconds)

    def stop(self, seconds: float) -> None:
        self._stopping.set()
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            pass  # It has something to wake up for.
        self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            try:
                lines = self._gather()
                if lines:
                    self._take(lines)
                if self._is_time():
                    self._send_held()
                    self._send_spooled()
                if self._stopping.is_set() and self._waiting.empty():
                    return
            except Exception as problem:  # The thread must outlive whatever comes.
                _warn("broken", "logging of usage met a problem: %s", type(problem).__name__)
                time.sleep(_SHORTEST_PAUSE)

    def _gather(self) -> List[str]:
        """What waits, after a moment in which more may come."""
        lines: List[str] = []
        until = time.monotonic() + self._patience()
        while len(lines) < _MOST_AT_ONCE:
            left = until - time.monotonic()
            try:
                line = self._waiting.get(timeout=max(0.0, left)) if left > 0 else self._waiting.get_nowait()
            except queue.Empty:
                break
            if line is None:
                until = 0.0
                continue
            if not lines:
                until = time.monotonic() + (0.0 if self._stopping.is_set() else _GATHER_SECONDS)
            lines.append(line)
        return lines

    def _patience(self) -> float:
        if self._stopping.is_set():
            return 0.0
        wait = self._not_before - time.monotonic()
        return min(max(wait, 0.0), _LOOK_SECONDS) if self._has_left() else _LOOK_SECONDS

    def _has_left(self) -> bool:
        with self._idle:
            return self._unsent > 0

    def _is_time(self) -> bool:
        return time.monotonic() >= self._not_before

    def _take(self, lines: List[str]) -> None:
        batch = self._spool.write(lines)
        if batch is None:
            self._held.append(lines)
        elif self._is_time():
            self._deliver(batch)
        else:
            self._leave(batch)

    def _send_held(self) -> None:
        while self._held and self._is_time():
            outcome, reasons = self._post(self._held[0])
            if outcome == "later":
                self._put_off()
                break
            self._report(self._held[0], reasons)
            self._settle(len(self._held.pop(0)))
        while sum(map(len, self._held)) > _MOST_WAITING:
            lost = self._held.pop(0)
            self._settle(len(lost))
            _warn("lost", "neither the server nor the disk takes calls; %d are lost", len(lost))

    def _send_spooled(self) -> None:
        while self._is_time():
            batch = self._spool.take()
            if batch is None:
                self._settle_all()
                return
            if batch.path not in self._left:
                # Of an earlier process, and not counted yet.
                self._settle(-len(batch.lines))
            self._deliver(batch)

    def _deliver(self, batch: "_Batch") -> None:
        outcome, reasons = self._post(batch.lines)
        if outcome == "later":
            self._leave(batch)
            self._put_off()
            return
        self._report(batch.lines, reasons)
        self._left.discard(batch.path)
        self._settle(len(batch.lines))
        batch.remove()

    def _leave(self, batch: "_Batch") -> None:
        self._left.add(batch.path)
        batch.release()

    def _report(self, lines: List[str], reasons: Dict[int, str]) -> None:
        self._pause = _SHORTEST_PAUSE
        for index, reason in reasons.items():
            if index < len(lines):
                self._spool.reject(lines[index], reason)
                _warn("rejected", "the server refused a call: %s", reason)

    def _put_off(self) -> None:
        self._not_before = time.monotonic() + self._pause
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    def _settle(self, count: int) -> None:
        with self._idle:
            self._unsent -= count
            self._idle.notify_all()

    def _settle_all(self) -> None:
        """Nothing is left on disk: what is missing there was taken, and sent, by another process."""
        with self._idle:
            self._left.clear()
            if self._waiting.empty() and not self._held:
                self._unsent = 0
                self._idle.notify_all()

    def _post(self, lines: List[str]) -> Tuple[str, Dict[int, str]]:
        """`done` with the reasons of those that were refused, or `later`. Never in smaller parts than one."""
        status, body = self._ask(lines)
        if status in (200, 422) and isinstance(body.get("receipts"), list):
            receipts = [receipt for receipt in body["receipts"] if isinstance(receipt, dict)]
            return "done", {
                receipt["index"]: str(receipt.get("reason", "no reason given"))
                for receipt in receipts
                if receipt.get("state") == "rejected" and isinstance(receipt.get("index"), int)
            }
        if status not in (400, 413, 422):
            return "later", {}
        if len(lines) == 1:
            error = body.get("error")
            return "done", {0: str(error.get("message", status)) if isinstance(error, dict) else str(status)}
        half = len(lines) // 2
        first, first_reasons = self._post(lines[:half])
        second, second_reasons = self._post(lines[half:]) if first == "done" else ("later", {})
        if second == "later":
            return "later", {}
        return "done", {**first_reasons, **{half + index: reason for index, reason in second_reasons.items()}}

    def _ask(self, lines: List[str]) -> Tuple[int, Dict[str, Any]]:
        request = urllib.request.Request(
            self._address,
            data=('{"calls":[' + ",".join(lines) + "]}").encode("utf-8"),
            headers={"Authorization": "Bearer " + self._key, "Content-Type": "application/json"},
            method="POST",
        )
        try:
            with _opener.open(request, timeout=_TIMEOUT_SECONDS) as answer:
                return answer.status, _parse(answer.read())
        except urllib.error.HTTPError as refusal:
            with refusal:
                status, body = refusal.code, _parse(refusal.read())
            if status not in (200, 400, 413, 422):
                _warn("refused", "the usage server answered %d; calls are kept", status)
            return status, body
        except Exception as problem:  # Its text may hold the address: the kind is enough.
            _warn("unreachable", "the usage server cannot be reached (%s); calls are kept", type(problem).__name__)
            return 0, {}


class _Batch:
    """Some calls, one a line, in a file that is locked as long as this process has it."""

    def __init__(self, path: str, descriptor: int, lines: List[str]):
        self.lines = lines
        self.path = path
        self._descriptor = descriptor

    def release(self) -> None:
        """For whoever takes it next."""
        os.close(self._descriptor)

    def remove(self) -> None:
        try:
            os.unlink(self.path)
        finally:
            os.close(self._descriptor)


class _Spool:
    """A directory of batches that processes share. Who has the lock of a file sends it; the lock ends with its process."""

    def __init__(self, directory: str):
        self._directory = directory

    def write(self, lines: List[str]) -> Optional[_Batch]:
        """None when the disk would not have it."""
        name = "%020d-%s.jsonl" % (time.time_ns(), uuid.uuid4().hex)
        path = os.path.join(self._directory, name)
        try:
            os.makedirs(self._directory, mode=0o700, exist_ok=True)
            if self._size() > _MOST_SPOOLED_BYTES:
                raise OSError("full")
            # Under its name only when it is whole and locked.
            descriptor = os.open(path + ".new", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                with os.fdopen(os.dup(descriptor), "w", encoding="utf-8") as file:
                    file.write("".join(line + "\n" for line in lines))
                os.fsync(descriptor)
                os.rename(path + ".new", path)
                self._sync()
            except BaseException:
                os.close(descriptor)
                raise
            return _Batch(path, descriptor, lines)
        except OSError as problem:
            _warn("spool", "calls cannot be written to %s: %s", self._directory, problem.strerror or problem)
            return None

    def take(self) -> Optional[_Batch]:
        """The oldest that nobody sends."""
        try:
            names = sorted(name for name in os.listdir(self._directory) if name[:1].isdigit())
        except OSError:
            return None
        for name in names:
            path = os.path.join(self._directory, name)
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
            except OSError:
                continue
            batch = self._lock(path, descriptor)
            if batch is not None:
                return batch
            os.close(descriptor)
        return None

    def reject(self, line: str, reason: str) -> None:
        entry = {"rejected_at": datetime.now(timezone.utc).isoformat(), "reason": reason, "call": _parse(line)}
        try:
            path = os.path.join(self._directory, "rejected.jsonl")
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                if os.fstat(descriptor).st_size < _MOST_SPOOLED_BYTES:
                    file.write(json.dumps(entry) + "\n")
        except OSError as problem:
            _warn("spool", "a refused call cannot be kept: %s", problem.strerror or problem)

    def _lock(self, path: str, descriptor: int) -> Optional[_Batch]:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever had it may have sent and removed it since it was opened, or given it its name.
            if os.stat(path).st_ino != os.fstat(descriptor).st_ino:
                return None
            with os.fdopen(os.dup(descriptor), encoding="utf-8", errors="replace") as file:
                # What was being written when its process was killed is half a line, of a call that is lost with it.
                lines = [line for line in file.read().split("\n") if _parse(line)]
            if lines:
                return _Batch(path, descriptor, lines)
            os.unlink(path)
        except OSError:
            pass  # Somebody else has it.
        return None

    def _size(self) -> int:
        total = 0
        with os.scandir(self._directory) as entries:
            for entry in entries:
                if entry.name != "rejected.jsonl":
                    try:
                        total += entry.stat(follow_symlinks=False).st_size
                    except FileNotFoundError:
                        pass  # Another process has sent it.
        return total

    def _sync(self) -> None:
        descriptor = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The token goes to the address that was given, and nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect)
_warned: Dict[str, float] = {}


def _default_directory() -> str:
    chosen = os.environ.get("LEVEREDGE_USAGE_SPOOL")
    state = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return chosen or os.path.join(state, "leveredge", "usage")


def _parse(text: Any) -> Dict[str, Any]:
    try:
        parsed = json.loads(text)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _warn(kind: str, message: str, *values: Any) -> None:
    """Once a minute of each kind: who logs a thousand calls needs one line."""
    now = time.monotonic()
    if now - _warned.get(kind, -_WARN_EVERY_SECONDS) >= _WARN_EVERY_SECONDS:
        _warned[kind] = now
        _log.warning(message, *values)
