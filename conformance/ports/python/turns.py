"""Turns: which channel sends the next frame (SPEC section 9.8)."""

from typing import Iterable, Optional

from channels import Channel

NORMAL, HIGH = False, True

# Of so many bytes, normal gets one when high never pauses.
SHARE = 7


class Turns:
    """The marks of the two priorities, the credit, and the channels that wait."""

    def __init__(self):
        self._marks = [0, 0]
        self._credit = 0
        self._waiting: list[dict[int, Channel]] = [{}, {}]  # by priority

    def update(self, channel: Channel) -> None:
        """Notes what a channel waits with, after anything that could have changed it."""
        sender = channel.head_sender()
        priority = None if sender is None else sender.high
        if priority == channel.waits:
            return
        if channel.waits is not None:
            del self._waiting[channel.waits][channel.id]
        channel.waits = priority
        if priority is not None:
            self._waiting[priority][channel.id] = channel
            channel.tags[priority] = max(channel.tags[priority], self._marks[priority])  # TURN-001

    def waiting(self, priority: bool) -> Iterable[Channel]:
        return self._waiting[priority].values()

    @staticmethod
    def first(channels: Iterable[Channel], priority: bool) -> Optional[Channel]:
        """Of the channels in turn the one that goes first within a priority (TURN-002)."""
        return min(channels, key=lambda channel: (channel.tags[priority], channel.id), default=None)

    def choose(self, normal_length: Optional[int], high_length: Optional[int]) -> Optional[bool]:
        """The priority that goes first, by the lengths of the frames that are first in each."""
        if normal_length is None or high_length is None:
            self._credit = 0  # TURN-005
            if high_length is not None:
                return HIGH
            return NORMAL if normal_length is not None else None
        if self._credit >= SHARE * normal_length:  # TURN-005
            self._credit -= SHARE * normal_length
            return NORMAL
        self._credit += high_length
        return HIGH  # TURN-004

    def take(self, channel: Channel, priority: bool, length: int, weight: int) -> None:
        """A frame of a channel is taken (TURN-003)."""
        self._marks[priority] = max(self._marks[priority], channel.tags[priority])
        channel.tags[priority] = self._marks[priority] + (length << weight)
