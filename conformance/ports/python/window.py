"""The window of a receiver over the sequence numbers of its session (SPEC section 9.13)."""

from enum import Enum
from typing import Optional

import serial

WIDTH = 1024


def first_base(number: int) -> int:
    """The base of a receiver whose first number is ``number`` (WINDOW-001)."""
    if (number - 1) & serial.MASK < WIDTH:
        return 1
    return (number - WIDTH + 1) & serial.MASK


class Place(Enum):
    """How a number stands to a window."""

    STALE = "stale"  # below the base
    DUPLICATE = "duplicate"
    NEW = "new"


class Window:
    """Numbers are kept unwrapped, as integers that go on growing: base, top and the others.

    A number that comes in is unwrapped by its serial distance to base, or, if it is
    the last number of a KEEPALIVE or CLOSE, to top.  Bit i of the masks stands for
    base + i; bits above top are clear.
    """

    def __init__(self, base: int):
        self.base = base
        self.top = base - 1
        self.high: Optional[int] = None
        self.low: Optional[int] = None
        self.mark: Optional[int] = None
        self.delivered = 0
        self.lost = 0
        self.unknown = 0
        self._accepted = 0
        self._proved = 0  # missing numbers that are proved to be lost

    @property
    def is_missing(self) -> bool:
        """Whether a number is missing; base always is one, if any is."""
        return self.base <= self.top

    def unwrap_last(self, number: int) -> int:
        """The last number of a KEEPALIVE or CLOSE, unwrapped."""
        return self.top + serial.distance(number, self.top)

    def place(self, number: int) -> Place:
        ahead = serial.distance(number, self.base)
        if ahead < 0:
            return Place.STALE  # WINDOW-002
        if ahead < WIDTH and self._accepted >> ahead & 1:
            return Place.DUPLICATE  # WINDOW-003
        return Place.NEW

    def accept(self, number: int, run: Optional[int]) -> None:
        """Takes in the number of a message that is new (WINDOW-004)."""
        number = self.base + serial.distance(number, self.base)
        known = self.top
        self.delivered += 1
        self.high = number if self.high is None else max(self.high, number)
        self.low = number if self.low is None else min(self.low, number)
        self.top = max(self.top, number)
        self._extend(known, number, run)
        self._accepted |= 1 << number - self.base
        self._pass_accepted()

    def note_last(self, number: int, run: Optional[int]) -> None:
        """Takes in the last number of a KEEPALIVE or CLOSE."""
        number = self.unwrap_last(number)
        known = self.top
        self.top = max(self.top, number)  # WINDOW-005
        self._extend(known, number, run)

    def settle(self, last: int) -> None:
        """Settles every missing number up to ``last``, which is at most top."""
        width = last + 1 - self.base
        if width <= 0:
            return
        missing = _ones(0, width) & ~self._accepted
        lost = _count(missing & self._proved)
        self.lost += lost  # WINDOW-009
        self.unknown += _count(missing) - lost
        self._move(width)
        self._pass_accepted()

    def settle_all(self) -> None:
        self.settle(self.top)

    def _extend(self, known: int, number: int, run: Optional[int]) -> None:
        """What a frame proves, and what it settles because it is far ahead.

        ``known`` is top as it was before the frame.
        """
        first, last = self._proof(number, run)
        self._prove(first, min(last, known))
        bottom = number - WIDTH + 1
        if bottom > self.base:  # WINDOW-006
            self.settle(min(bottom - 1, known))
            # The rest was not known before: all of it is missing.
            begin, end = self.base, bottom - 1
            if begin <= end:
                lost = max(0, min(last, end) - max(first, begin) + 1)
                self.lost += lost
                self.unknown += end - begin + 1 - lost
                self._move(bottom - begin)
        self._prove(first, last)

    def _proof(self, number: int, run: Optional[int]) -> tuple[int, int]:
        """The first and the last number of which a frame proves the missing ones (WINDOW-011)."""
        nothing = (self.top + 1, self.top)
        if self.high is None or self.high > number:
            return nothing
        first = self.low + 1
        if run is not None:  # WINDOW-012
            if self.high <= number - run:
                return nothing
            first = max(first, number - run + 1)
        return first, number

    def _prove(self, first: int, last: int) -> None:
        begin, end = max(first, self.base), last + 1
        if begin < end:
            self._proved |= _ones(begin - self.base, end - self.base)

    def _move(self, width: int) -> None:
        self.base += width
        self._accepted >>= width
        self._proved >>= width

    def _pass_accepted(self) -> None:
        """Moves base to the first number that is neither accepted nor settled."""
        ones = ~self._accepted & (self._accepted + 1)  # the lowest bit that is clear
        self._move(ones.bit_length() - 1)


def _ones(begin: int, end: int) -> int:
    """A mask of the bits from ``begin`` up to and without ``end``."""
    return (1 << end) - (1 << begin)


def _count(mask: int) -> int:
    return bin(mask).count("1")
