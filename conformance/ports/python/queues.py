"""Transmit queues, and the frames that are made of what they hold (SPEC section 9.7)."""

from collections import deque
from dataclasses import dataclass
from typing import Callable, Iterable, Optional, Union

from bounds import cost
from senders import Sender
from wire import CloseReason, Frame, FrameType, Tlv, TlvType

HEADER = 12
FRAGMENT_HEADER = 16
RELAY_OVERHEAD = 5


@dataclass(frozen=True)
class Link:
    """What the carriage can do (SPEC section 9.2)."""

    budget: int
    reliable: bool
    relay: bool

    @property
    def frame_budget(self) -> int:
        return self.budget - RELAY_OVERHEAD * self.relay  # LINK-001


@dataclass
class Message:
    """A message in a transmit queue."""

    sender: Sender
    sequence: int
    data: bytes
    to: frozenset[int]  # LIST-003: the list at the time when it was accepted
    run: Optional[int]
    sent: int = 0  # bytes that were taken, if it is cut

    @property
    def cost(self) -> int:
        return cost(len(self.data))


@dataclass
class Close:
    """A CLOSE in a transmit queue."""

    sender: Sender
    reason: CloseReason


class TransmitQueue:
    """Messages and CLOSEs of one channel, in the order in which they came about (QUEUE-001)."""

    def __init__(self):
        self._entries: deque[Union[Message, Close]] = deque()
        self.cost = 0  # of its messages, each in full until its last frame is taken

    @property
    def head(self) -> Union[Message, Close, None]:
        return self._entries[0] if self._entries else None

    def append(self, entry: Union[Message, Close]) -> None:
        self._entries.append(entry)
        self._count(entry, 1)

    def pop(self) -> None:
        self._count(self._entries.popleft(), -1)

    def _count(self, entry: Union[Message, Close], sign: int) -> None:
        if isinstance(entry, Message):
            entry.sender.queued += sign
            self.cost += sign * entry.cost

    def remove_messages(self, condition: Callable[[Message], bool]) -> int:
        """Removes the messages that meet a condition and gives their number.

        A CLOSE that has nothing more to end leaves with them (QUEUE-005).
        """
        def split(entries, leaves):
            kept = deque()
            for entry in entries:
                if leaves(entry):
                    self._count(entry, -1)
                else:
                    kept.append(entry)
            return kept

        kept = split(self._entries, lambda e: isinstance(e, Message) and condition(e))
        removed = len(self._entries) - len(kept)
        if removed:
            self._entries = split(kept, lambda e: isinstance(e, Close) and not must_close(e.sender))
        return removed


def must_close(sender: Sender) -> bool:
    """Whether a session that is over has a CLOSE in the queue (QUEUE-004, QUEUE-005)."""
    return sender.data_taken or sender.queued > 0


def data_frame(message: Message, link: Link, present: Iterable[int]) -> Frame:
    """The next frame of a message; ``present`` are those of its list that are present."""
    frame = _frame(FrameType.DATA, message.sender, message.sequence)
    participants = _participants(link, message.to, present)
    size = len(message.data)
    tlvs = _tlvs(message.run, participants)
    if message.sent == 0 and HEADER + _size(tlvs) + size <= link.frame_budget:  # QUEUE-002
        return Frame(**frame, tlvs=tlvs, payload=message.data)
    if message.sent > 0:
        tlvs = _tlvs(None, participants)  # LIST-009
    room = link.frame_budget - FRAGMENT_HEADER - _size(tlvs)  # QUEUE-003
    payload = message.data[message.sent:message.sent + room]
    return Frame(**frame, tlvs=tlvs, payload=payload,
                 fragment_offset=message.sent, message_length=size)


def close_frame(close: Close) -> Frame:
    """A CLOSE, with the run that the last message was to carry (LIST-011)."""
    sender = close.sender
    frame = _frame(FrameType.CLOSE, sender, sender.last)  # QUEUE-006: D and P of the session
    return Frame(**frame, tlvs=_tlvs(sender.last_run, ()), reason=close.reason)


def keep_alive_frame(sender: Sender, link: Link, present: Iterable[int]) -> Frame:
    """A KEEPALIVE of a sender, to the list that it has now (KEEP-007)."""
    tlvs = _tlvs(sender.last_run, _participants(link, sender.to, present))  # LIST-011, LIST-012
    return Frame(**_frame(FrameType.KEEPALIVE, sender, sender.last), tlvs=tlvs)


def _frame(frame_type: FrameType, sender: Sender, sequence: int) -> dict:
    """The fields that every frame of a session has."""
    return {
        "type": frame_type,
        "channel": sender.channel,
        "session": sender.session,
        "sequence": sequence,
        "durable": sender.durable,
        "high": sender.high,
    }


def _participants(link: Link, to: frozenset[int], present: Iterable[int]) -> Iterable[int]:
    """The handles that a DATA or KEEPALIVE carries, none for no TLV (LIST-012)."""
    return sorted(present) if link.relay and to else ()


def _tlvs(run: Optional[int], participants: Iterable[int]) -> tuple[Tlv, ...]:
    tlvs = ()
    if run is not None:
        tlvs += (Tlv(TlvType.RUN, run.to_bytes(2, "big")),)
    value = b"".join(handle.to_bytes(2, "big") for handle in participants)
    if value:
        tlvs += (Tlv(TlvType.PARTICIPANTS, value),)
    return tlvs


def _size(tlvs: tuple[Tlv, ...]) -> int:
    """The bytes that TLVs take in a frame, with the extension length."""
    return (1 if tlvs else 0) + sum(2 + len(tlv.value) for tlv in tlvs)
