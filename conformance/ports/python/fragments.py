"""Messages in progress (SPEC section 9.14), and the room that they make (section 9.15)."""

from typing import Optional

from bounds import Peer, Peers, cost
from counters import Counters
from timers import Kind, Timer, Timers
from wire import Frame

EXPIRY_TIME = 5_000_000


class MessageInProgress:
    """A message of which a fragment is here and not the whole."""

    def __init__(self, peer: Peer, frame: Frame):
        self.peer = peer
        self.channel = frame.channel
        self.session = frame.session
        self.number = frame.sequence
        self.durable = frame.durable
        self.high = frame.high
        self.length = frame.message_length
        self.run: Optional[int] = None  # that of its fragment with offset 0 (FRAME-005)
        self.cost = cost(self.length)
        self.killed = False
        self.parts: dict[int, bytes] = {}  # by fragment offset
        self.received = 0
        self.expiry_timer: Optional[Timer] = None

    @property
    def key(self) -> tuple[int, int]:
        return self.session, self.number

    def agrees(self, frame: Frame) -> bool:
        return ((frame.durable, frame.high, frame.message_length)
                == (self.durable, self.high, self.length))

    def has(self, frame: Frame) -> bool:
        """Whether this very fragment is here (FRAG-002)."""
        return self.parts.get(frame.fragment_offset) == frame.payload

    def overlaps(self, frame: Frame) -> bool:
        begin, end = frame.fragment_offset, frame.fragment_offset + len(frame.payload)
        return any(offset < end and begin < offset + len(part) for offset, part in self.parts.items())

    def add(self, frame: Frame, run: Optional[int]) -> None:
        self.parts[frame.fragment_offset] = frame.payload
        self.received += len(frame.payload)
        if frame.fragment_offset == 0:
            self.run = run

    @property
    def is_complete(self) -> bool:
        return self.received == self.length

    def data(self) -> bytes:
        return b"".join(part for _, part in sorted(self.parts.items()))


class Fragments:
    """All messages in progress of an endpoint."""

    def __init__(self, peers: Peers, timers: Timers, counters: Counters):
        self._peers = peers
        self._timers = timers
        self._counters = counters

    def get(self, peer: Peer, frame: Frame) -> Optional[MessageInProgress]:
        on_channel = peer.progress_by_channel.get(frame.channel, {})
        return on_channel.get((frame.session, frame.sequence))

    def begin(self, peer: Peer, frame: Frame) -> MessageInProgress:
        """A message begins, for which there is room."""
        message = MessageInProgress(peer, frame)
        message.expiry_timer = Timer(Kind.EXPIRY, lambda: self._expire(message))
        peer.in_progress[message] = None
        peer.progress_by_channel.setdefault(message.channel, {})[message.key] = message
        self._peers.charge_progress(peer, message.cost)
        self._peers.charge(peer, message.cost)
        self._counters.partials += 1
        return message

    def add(self, message: MessageInProgress, frame: Frame, run: Optional[int]) -> None:
        message.add(frame, run)
        if not message.durable:  # FRAG-004
            self._timers.set(message.expiry_timer, self._timers.now + EXPIRY_TIME)

    def kill(self, message: MessageInProgress) -> None:
        """A message gives up its bytes and stays in progress without them (FRAG-007)."""
        if not message.killed:
            message.killed = True
            message.parts.clear()
            given_back = message.cost - cost(0)
            message.cost = cost(0)
            self._peers.charge_progress(message.peer, -given_back)
            self._peers.charge(message.peer, -given_back)

    def complete(self, message: MessageInProgress) -> None:
        """A message is not in progress any more, and stays charged."""
        self._remove(message)
        self._counters.completed += 1

    def abandon(self, message: MessageInProgress) -> None:
        self._end(message)
        self._counters.abandoned += 1

    def abandon_others(self, peer: Peer, frame: Frame, but: Optional[MessageInProgress]) -> None:
        """Ends what is in progress of the session of a frame, but for one message (FRAG-008)."""
        for message in list(peer.progress_by_channel.get(frame.channel, {}).values()):
            if message.session == frame.session and message is not but:
                self.abandon(message)

    def forget_over(self, peer: Peer, channel: int) -> None:
        """Ends what is in progress of sessions of a channel that are over (RECV-015)."""
        record = peer.records.get(channel)
        if record is None:
            return
        for message in list(peer.progress_by_channel.get(channel, {}).values()):
            session = message.session
            if session not in record.live and not record.is_admissible(session):
                self.abandon(message)

    def leave(self, peer: Peer) -> None:
        """LEFT-001."""
        for message in list(peer.in_progress):
            self.abandon(message)

    def evict_own(self, peer: Peer) -> bool:
        """Drops the message in progress of a participant that began first (BOUND-005)."""
        if not peer.in_progress:
            return False
        self._end(next(iter(peer.in_progress)))
        self._counters.evicted += 1
        return True

    def evict_heaviest(self) -> bool:
        """Drops one of the participant whose messages in progress cost the most (BOUND-005)."""
        heaviest = self._peers.heaviest(lambda p: p.progress_cost, lambda p: p.in_progress)
        return heaviest is not None and self.evict_own(heaviest)

    def _expire(self, message: MessageInProgress) -> None:
        self._end(message)
        self._counters.expired += 1
        self._peers.sweep(message.peer.handle)

    def _end(self, message: MessageInProgress) -> None:
        self._remove(message)
        self._peers.charge(message.peer, -message.cost)

    def _remove(self, message: MessageInProgress) -> None:
        peer = message.peer
        del peer.in_progress[message]
        on_channel = peer.progress_by_channel[message.channel]
        del on_channel[message.key]
        if not on_channel:
            del peer.progress_by_channel[message.channel]
        self._peers.charge_progress(peer, -message.cost)
        self._timers.stop(message.expiry_timer)
