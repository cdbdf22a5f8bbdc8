"""Channel ids and the channels of the sending side (SPEC sections 9.3, 9.4, 9.7, 9.8)."""

from bisect import bisect_left, bisect_right, insort
from typing import Callable, Optional

import calls
import serial
from queues import TransmitQueue
from senders import Sender

MAX_ID = 65535


class ChannelIds:
    """Which channel ids are in use by an open sender of this endpoint."""

    def __init__(self, draw: Callable[[int], bytes]):
        self._draw = draw
        self.used: list[int] = []  # ascending

    def use(self, channel: int) -> None:
        insort(self.used, channel)

    def free(self, channel: int) -> None:
        del self.used[bisect_left(self.used, channel)]

    def choose(self) -> int:
        """A random free id (CHAN-001); draws random bytes only if there is one (CHAN-003)."""
        count = MAX_ID - len(self.used)
        if count == 0:  # CHAN-002
            raise calls.CallError(calls.RANDOM_ID_NOT_AVAILABLE, MAX_ID, MAX_ID)
        rank = int.from_bytes(self._draw(4), "big") * count >> 32
        low, high = 1, MAX_ID  # the least id up to which there are more than rank free ones
        while low < high:
            middle = (low + high) // 2
            if middle - bisect_right(self.used, middle) > rank:
                high = middle
            else:
                low = middle + 1
        return low


class Channel:
    """What an endpoint keeps of a channel that it has had a sender on."""

    def __init__(self, channel: int):
        self.id = channel
        self.session: Optional[int] = None  # of the latest session (SESS-002)
        self.sender: Optional[Sender] = None  # the open one
        self.queue = TransmitQueue()
        self.tags = [0, 0]  # by priority, see turns
        self.waits: Optional[bool] = None  # the priority in which it waits

    def begin_session(self, tick: int) -> int:
        """The id of a new session (SESS-001)."""
        if self.session is None:
            self.session = tick
        else:
            following = (self.session + 1) & serial.MASK
            self.session = tick if serial.is_newer(tick, following) else following
        return self.session

    @property
    def keep_alive_waits(self) -> bool:
        return self.sender is not None and self.sender.keep_alive_waits

    def head_sender(self) -> Optional[Sender]:
        """The sender of the frame that the channel waits with, if it waits."""
        if self.queue.head is not None:
            return self.queue.head.sender
        return self.sender if self.keep_alive_waits else None
