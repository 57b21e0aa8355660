# Managed by LeverEdge: `leveredge harden` writes this file anew, edits are lost.
"""Logs calls of language models to LeverEdge, which prices them.

    from shared.lib.cost_tracker import CostTracker

    tracker = CostTracker(LEVEREDGE_URL, LEVEREDGE_TOKEN)
    await tracker.log_usage(
        agent_name="CHIRON", model="claude-sonnet-4-5", input_tokens=812, output_tokens=64,
        context="endpoint: /plan", operation="plan",
    )

Standard library only, Python 3.9 and later. A call is handed to a thread and `log_usage`
returns: it never raises, and never waits for disk or network. The thread writes batches to
disk within a moment; another sends them, and tries again with the same ids until the server
has them; the server books an id once. What a killed process left is sent by the next one
that logs, but for the last tenth of a second before a SIGKILL.

Batches lie in `~/.local/state/leveredge/usage`, apart for each server and environment
(`environment`, else `$LEVEREDGE_ENVIRONMENT`); in `spool_directory`, else
`$LEVEREDGE_USAGE_SPOOL`, as they are: one for each token then. What the server refuses for
good stands in `rejected.jsonl` there, with the reason.
"""

import asyncio
import atexit
import fcntl
import hashlib
import json
import logging
import os
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

    def __init__(
        self,
        supabase_url: str,
        supabase_key: str,
        spool_directory: Optional[str] = None,
        environment: Optional[str] = None,
    ):
        # A token that was read from a file has a line's end.
        self.supabase_url = str(supabase_url or "").strip()
        self.supabase_key = str(supabase_key or "").strip()
        self._environment = environment or os.environ.get("LEVEREDGE_ENVIRONMENT") or None
        self._directory = spool_directory or _usual_directory(self.supabase_url, self._environment)
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
            if self._environment is not None:
                known.setdefault("environment", self._environment)
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
    """Two threads: one writes to disk, which the network never holds up, the other sends what is there."""

    def __init__(self, url: str, key: str, directory: str):
        self.pid = os.getpid()
        self._address = url.rstrip("/") + "/usage"
        self._key = key
        self._spool = _Spool(directory)
        # Guards all that both threads have.
        self._changed = threading.Condition()
        self._waiting: List[str] = []
        # Taken from those that wait, and not on disk yet.
        self._in_hand = 0
        self._unsent = 0
        self._stopping = False
        self._has_news = True
        # Batches that the disk would not take.
        self._held: List[List[str]] = []
        # Batches on disk that this process has counted.
        self._left: Set[str] = set()
        self._pause = _SHORTEST_PAUSE
        self._not_before = 0.0
        self._writer = threading.Thread(target=self._write_all, name="leveredge-usage-writer", daemon=True)
        self._sender = threading.Thread(target=self._send_all, name="leveredge-usage-sender", daemon=True)
        self._writer.start()
        self._sender.start()

    def put(self, line: str) -> None:
        with self._changed:
            is_full = len(self._waiting) >= _MOST_WAITING
            if not is_full:
                self._waiting.append(line)
                self._unsent += 1
                self._changed.notify_all()
        if is_full:
            _warn("lost", "more than %d calls wait to be written; the newest are lost", _MOST_WAITING)

    def wait_until_idle(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._unsent == 0, seconds)

    def stop(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._writer.join(seconds)
        self._sender.join(max(0.0, until - time.monotonic()))
        with self._changed:
            lost = len(self._waiting) + self._in_hand + sum(map(len, self._held))
        if lost > 0:
            _warn("lost at the end", "%d calls are neither sent nor written; they are lost", lost)

    def _write_all(self) -> None:
        while True:
            lines = self._gather()
            if not lines:
                return
            try:
                batch = self._spool.write(lines)
            except Exception as problem:  # The thread must outlive whatever comes.
                _warn("broken", "logging of usage met a problem: %s", type(problem).__name__)
                batch = None
            with self._changed:
                self._in_hand = 0
                if batch is None:
                    self._held.append(lines)
                else:
                    self._left.add(batch.path)
                    batch.release()
                self._has_news = True
                self._changed.notify_all()

    def _gather(self) -> List[str]:
        """What waits, after a moment in which more may come. None: it is the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopping)
            self._changed.wait_for(lambda: len(self._waiting) >= _MOST_AT_ONCE or self._stopping, _GATHER_SECONDS)
            lines = self._waiting[:_MOST_AT_ONCE]
            del self._waiting[:_MOST_AT_ONCE]
            self._in_hand = len(lines)
            return lines

    def _send_all(self) -> None:
        while True:
            try:
                with self._changed:
                    self._changed.wait_for(lambda: self._stopping or self._may_send(), self._patience())
                    self._has_news = False
                if self._is_time():
                    self._send_held()
                    self._send_spooled()
                with self._changed:
                    # What the writer still has is sent too, as long as the server takes it.
                    is_over = not self._waiting and self._in_hand == 0 and not self._has_news
                    if self._stopping and (is_over or not self._is_time()):
                        return
                    if self._stopping and not is_over and not self._has_news:
                        self._changed.wait(_GATHER_SECONDS)
            except Exception as problem:  # The thread must outlive whatever comes.
                _warn("broken", "logging of usage met a problem: %s", type(problem).__name__)
                time.sleep(_SHORTEST_PAUSE)

    def _may_send(self) -> bool:
        return self._has_news and self._is_time()

    def _patience(self) -> float:
        wait = self._not_before - time.monotonic()
        return min(wait, _LOOK_SECONDS) if wait > 0 and self._unsent > 0 else _LOOK_SECONDS

    def _is_time(self) -> bool:
        return time.monotonic() >= self._not_before

    def _send_held(self) -> None:
        while self._held and self._is_time():
            outcome, reasons = self._post(self._held[0])
            if outcome == "later":
                self._put_off()
                break
            self._report(self._held[0], reasons)
            self._settle(len(self._drop_held()))
        while sum(map(len, self._held)) > _MOST_WAITING:
            lost = self._drop_held()
            self._settle(len(lost))
            _warn("lost", "neither the server nor the disk takes calls; %d are lost", len(lost))

    def _drop_held(self) -> List[str]:
        with self._changed:
            return self._held.pop(0)

    def _send_spooled(self) -> None:
        while self._is_time():
            batch = self._spool.take()
            if batch is None:
                self._settle_all()
                return
            with self._changed:
                is_counted = batch.path in self._left
                self._left.add(batch.path)
            if not is_counted:
                # Of another process.
                self._settle(-len(batch.lines))
            self._deliver(batch)

    def _deliver(self, batch: "_Batch") -> None:
        outcome, reasons = self._post(batch.lines)
        if outcome == "later":
            batch.release()
            self._put_off()
            return
        self._report(batch.lines, reasons)
        batch.remove()
        with self._changed:
            self._left.discard(batch.path)
        self._settle(len(batch.lines))

    def _report(self, lines: List[str], reasons: Dict[int, str]) -> None:
        self._pause = _SHORTEST_PAUSE
        for index, reason in reasons.items():
            if index < len(lines):
                self._spool.reject(lines[index], reason)
                _warn("rejected", "the server refused a call: %s", reason)

    def _put_off(self) -> None:
        with self._changed:
            self._not_before = time.monotonic() + self._pause
            self._has_news = True
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    def _settle(self, count: int) -> None:
        with self._changed:
            self._unsent -= count
            self._changed.notify_all()

    def _settle_all(self) -> None:
        """Nothing is left on disk: what is missing there was taken, and sent, by another process."""
        with self._changed:
            if not self._waiting and self._in_hand == 0 and not self._held and not self._has_news:
                self._left.clear()
                self._unsent = 0
                self._changed.notify_all()

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
        try:
            request = urllib.request.Request(
                self._address,
                data=('{"calls":[' + ",".join(lines) + "]}").encode("utf-8"),
                headers={"Authorization": "Bearer " + self._key, "Content-Type": "application/json"},
                method="POST",
            )
            with _opener.open(request, timeout=_TIMEOUT_SECONDS) as answer:
                return answer.status, _parse(answer.read())
        except urllib.error.HTTPError as refusal:
            with refusal:
                status, body = refusal.code, _parse(refusal.read())
            if status not in (200, 400, 413, 422):
                remedy = "; make a token: leveredge tokens create" if status in (401, 403) else ""
                _warn("refused", "the usage server answered %d; calls are kept%s", status, remedy)
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


def _usual_directory(url: str, environment: Optional[str]) -> str:
    chosen = os.environ.get("LEVEREDGE_USAGE_SPOOL")
    state = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    # Another server's or environment's calls must not be sent to this one.
    own = hashlib.sha256(("%s %s" % (url, environment or "")).encode("utf-8")).hexdigest()[:12]
    return chosen or os.path.join(state, "leveredge", "usage", own)


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
