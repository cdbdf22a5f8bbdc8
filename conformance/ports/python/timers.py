"""Time and timers (SPEC section 9.1)."""

import heapq
from enum import IntEnum
from typing import Callable, Optional


class Kind(IntEnum):
    """The kinds of timers, in the order of TIME-003."""

    SETTLING = 0
    IDLE = 1
    EXPIRY = 2
    KEEP_ALIVE = 3


class Timer:
    """One deadline, and what is done when it is due."""

    __slots__ = ("kind", "action", "deadline", "order")

    def __init__(self, kind: Kind, action: Callable[[], None]):
        self.kind = kind
        self.action = action
        self.deadline: Optional[int] = None
        self.order = 0

    @property
    def runs(self) -> bool:
        return self.deadline is not None


class Timers:
    """All timers of an endpoint, and its present time.

    The heap keeps entries of timers that were set anew or stopped; they are
    passed over when they come up, and swept when they are the most of it.
    """

    def __init__(self, now: int):
        self.now = now  # the present time: that of the input, or of the timer that is due
        self.until = now  # the time of the input
        self._heap: list[tuple[int, Kind, int, Timer]] = []
        self._running = 0
        self._orders = 0

    def set(self, timer: Timer, deadline: int) -> None:
        if timer.deadline == deadline:  # TIME-003: it keeps its place
            return
        self._running += not timer.runs
        self._orders += 1
        timer.deadline = deadline
        timer.order = self._orders
        heapq.heappush(self._heap, (deadline, timer.kind, timer.order, timer))
        if len(self._heap) > 2 * self._running + 64:
            self._heap = [entry for entry in self._heap if self._is_valid(entry)]
            heapq.heapify(self._heap)

    def stop(self, timer: Timer) -> None:
        self._running -= timer.runs
        timer.deadline = None

    @staticmethod
    def _is_valid(entry) -> bool:
        return entry[3].runs and entry[3].order == entry[2]

    def next_deadline(self) -> Optional[int]:
        """The earliest deadline of all timers, or none (TIME-005)."""
        while self._heap and not self._is_valid(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def begin(self, now: int) -> None:
        """Does what is due at the time of an input, and makes that the present time."""
        self.until = max(now, self.until)  # TIME-001
        # TIME-002, TIME-003: the heap is in the order of deadlines, kinds and setting.
        # TIME-004: a timer that is set on the way is in the heap as well.
        while (deadline := self.next_deadline()) is not None and deadline <= self.until:
            timer = heapq.heappop(self._heap)[3]
            self.now = deadline
            self.stop(timer)
            timer.action()
        self.now = self.until
