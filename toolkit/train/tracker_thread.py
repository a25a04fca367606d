"""A tracker in a thread of its own, so that nobody waits for it."""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Event, Thread

from toolkit.plugin.interfaces import Tracker

Call = Callable[[Tracker], object]
"""Tells a tracker one thing."""


class TrackerThread:
    """Makes a tracker and calls it, one call after the other; the first that fails is the last.

    The thread does not keep the process from ending.

    Args:
        name: of the tracker.
        make: makes it, in the thread.

    Attributes:
        failure: what it raised; None = nothing so far.
        dropped: number of calls that were not made because too many were waiting.
    """

    def __init__(self, name: str, make: Callable[[], Tracker]) -> None:
        self.name = name
        self._tracker: object = None
        self.failure: BaseException | None = None
        self.dropped = 0
        self._calls: SimpleQueue[Call | None] = SimpleQueue()
        self._made = Event()
        self._thread = Thread(target=self._work, args=(make,), name=f"tracker {name}", daemon=True)
        self._thread.start()

    def _work(self, make: Callable[[], Tracker]) -> None:
        try:
            tracker = self._tracker = make()
            self._made.set()
            while (call := self._calls.get()) is not None:
                call(tracker)
        except BaseException as error:  # SystemExit, too: it would end the thread without a word
            self.failure = error
        finally:
            self._made.set()

    @property
    def waiting(self) -> int:
        """Number of calls that are not begun yet."""
        return self._calls.qsize()

    def lacks(self, ability: type) -> bool:
        """Return whether it is known that the tracker has failed, or is not of this protocol."""
        made = self._tracker is not None
        return self.failure is not None or (made and not isinstance(self._tracker, ability))

    def put(self, call: Call, most: int) -> None:
        """Let a call be made in its turn; it is dropped when `most` are waiting already."""
        if self.failure is not None:
            return
        if self.waiting >= most:
            self.dropped += 1
        else:
            self._calls.put(call)

    def end(self, calls: list[Call]) -> None:
        """Let the thread end after these last calls, however many are waiting."""
        for call in (*calls, None):
            self._calls.put(call)

    def wait_until_made(self, seconds: float) -> None:
        """Wait until the tracker is made or has failed, at most this long."""
        self._made.wait(seconds)

    def wait_for_end(self, seconds: float) -> bool:
        """Wait until the thread has ended, at most this long; return whether it has."""
        self._thread.join(seconds)
        return not self._thread.is_alive()
