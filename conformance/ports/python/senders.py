"""Senders, their sessions, and lists of participants (SPEC sections 9.4 to 9.6)."""

from typing import Iterable, Optional

import calls
import serial
from timers import Timer

MAX_LIST = 64
MAX_RUN = 65535
MAX_HINT = 10_000_000
DEFAULT_HINT = 32
SECOND = 1_000_000
MAX_INTERVAL = 60 * SECOND


def make_list(handles: Iterable[int]) -> frozenset[int]:
    """The set of the handles that the application gave (LIST-001); empty: everyone."""
    result = frozenset(handles)
    calls.require(len(result) <= MAX_LIST)  # LIST-002
    calls.require(all(1 <= handle <= 65535 for handle in result))  # LIST-002
    return result


def weight(hint: int) -> int:
    """The exponent e of a bitrate hint (SPEC section 9.8)."""
    return sum((hint or DEFAULT_HINT) <= most for most in (16, 32, 64, 128, 256, 512))


class Sender:
    """One session of a channel, from the side that sends."""

    def __init__(self, channel: int, session: int, durable: bool, high: bool, hint: int,
                 interval: int, to: frozenset[int], first: int):
        self.channel = channel
        self.session = session
        self.durable = durable
        self.high = high
        self.weight = weight(hint)
        self.interval = interval
        self.to = to
        self.open = True
        self.data_taken = False  # whether a DATA frame of the session was taken
        self.queued = 0  # messages of the session in the transmit queue
        self.keep_alive_timer: Optional[Timer] = None
        self.keep_alive_waits = False

        self.last = 0  # the number of the last message, or 0
        self.last_run: Optional[int] = None  # the run that its DATA was to carry
        self._next = first
        self._run = 0  # messages accepted since the list was last changed
        self._list_changed = False

    def set_list(self, to: frozenset[int]) -> None:
        if to != self.to:  # LIST-008
            self.to = to
            self._run = 0
            self._list_changed = True

    def number_message(self) -> tuple[int, Optional[int]]:
        """The number of a message that is accepted (SESS-003), and the run that it is to carry."""
        self.last = self._next
        self._next = (self._next + 1) & serial.MASK
        self._run += 1
        # LIST-009, LIST-010
        self.last_run = min(self._run, MAX_RUN) if self._list_changed else None
        return self.last, self.last_run
