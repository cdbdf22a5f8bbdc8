"""Bounds, and what is counted for them (SPEC section 9.15)."""

from collections import OrderedDict
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Callable, Iterable, Optional

if TYPE_CHECKING:
    from fragments import MessageInProgress
    from receivers import ChannelRecord, Receiver

MAX_BOUND = 2147483647
LEAST_BYTES = 33408


def cost(size: int) -> int:
    """What a message of ``size`` bytes costs while it is held."""
    return size + size // 64 + 128


@dataclass(frozen=True)
class Bounds:
    """The bounds of an endpoint; the names are those of SPEC."""

    bytesPerReceiver: int = 262144
    bytesPerPeer: int = 1048576
    bytes: int = 16777216
    receiversPerPeer: int = 256
    receivers: int = 4096
    channelsPerPeer: int = 1024
    channels: int = 16384
    sendBytes: int = 131072

    def __post_init__(self):
        least = {
            "bytesPerReceiver": LEAST_BYTES,
            "bytesPerPeer": self.bytesPerReceiver,
            "bytes": self.bytesPerPeer,
            "receiversPerPeer": 1,
            "receivers": self.receiversPerPeer,
            "channelsPerPeer": self.receiversPerPeer + 1,
            "channels": max(self.channelsPerPeer, self.receivers + 1),
            "sendBytes": LEAST_BYTES,
        }
        for field in fields(self):
            if not least[field.name] <= getattr(self, field.name) <= MAX_BOUND:
                raise ValueError(f"{field.name} is not from {least[field.name]} to {MAX_BOUND}")


class Peer:
    """What an endpoint holds of one participant. Each collection has its oldest first."""

    def __init__(self, handle: int):
        self.handle = handle
        self.live: OrderedDict[Receiver, None] = OrderedDict()  # the least recently active first
        self.closed: OrderedDict[Receiver, None] = OrderedDict()  # with something left to poll
        self.records: dict[int, ChannelRecord] = {}  # by channel
        self.idle_records: OrderedDict[int, ChannelRecord] = OrderedDict()  # without a live receiver
        self.in_progress: OrderedDict[MessageInProgress, None] = OrderedDict()
        self.progress_by_channel: dict[int, dict[tuple[int, int], MessageInProgress]] = {}
        self.cost = 0  # of all its messages, in progress and unread
        self.progress_cost = 0  # of those in progress

    @property
    def is_empty(self) -> bool:
        return not (self.live or self.closed or self.records or self.in_progress or self.cost)


class Peers:
    """All participants of which something is held, and the sums over them."""

    def __init__(self, bounds: Bounds):
        self.bounds = bounds
        self._peers: dict[int, Peer] = {}
        self.cost = 0
        self.progress_cost = 0
        self.live = 0
        self.closed = 0
        self.records = 0

    def get(self, handle: int) -> Peer:
        if handle not in self._peers:
            self._peers[handle] = Peer(handle)
        return self._peers[handle]

    def sweep(self, handle: int) -> None:
        """Forgets a participant of which nothing is held."""
        if handle in self._peers and self._peers[handle].is_empty:
            del self._peers[handle]

    def charge(self, peer: Peer, amount: int) -> None:
        """Charges a participant with a cost, or gives it back if it is negative."""
        peer.cost += amount
        self.cost += amount

    def charge_progress(self, peer: Peer, amount: int) -> None:
        """Counts how much of the cost is that of messages in progress."""
        peer.progress_cost += amount
        self.progress_cost += amount

    def heaviest(self, count: Callable[[Peer], int], has: Callable[[Peer], Iterable]) -> Optional[Peer]:
        """The participant with the most of what is counted, of those that have what goes."""
        return max((peer for peer in self._peers.values() if has(peer)),
                   key=lambda peer: (count(peer), -peer.handle), default=None)
