"""Channel records, receivers, and the events of receivers (SPEC sections 9.12, 9.15, 9.17)."""

from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Callable, Optional

import events
import serial
from bounds import Peer, Peers
from counters import Counters
from events import Event, Events
from timers import Kind, Timer, Timers
from window import Window, first_base
from wire import CloseReason

SETTLING_TIME = 2_000_000
IDLE_TIME = 120_000_001
MAX_LIVE_ON_CHANNEL = 8


class State(Enum):
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


class ChannelRecord:
    """What is kept of a channel of a participant beside its receivers."""

    def __init__(self):
        self.newest: Optional[int] = None
        self.floor: Optional[int] = None
        self.final = False
        self.base = 0  # where the window of floor stood when it closed
        self.live: dict[int, Receiver] = {}  # by session

    def can_come_back(self, session: int) -> bool:
        """Whether a session without a live receiver is the newest, and floor, and not final."""
        return session == self.floor == self.newest and not self.final

    def is_admissible(self, session: int) -> bool:
        """Whether a session without a live receiver is admissible; if not it is over."""
        return (self.floor is None or serial.is_newer(session, self.floor)
                or self.can_come_back(session))

    def note_newest(self, session: int) -> None:
        if self.newest is None or serial.is_newer(session, self.newest):
            self.newest = session


@dataclass(eq=False)
class UnreadMessage:
    """A message that a receiver holds; ``ticket`` is that of its event."""

    number: int
    data: bytes
    cost: int
    ticket: int


class Receiver:
    """The receiving end of one session of one channel of one participant."""

    def __init__(self, peer: Peer, channel: int, session: int, durable: bool, high: bool, base: int):
        self.peer = peer
        self.channel = channel
        self.session = session
        self.durable = durable
        self.high = high
        self.window = Window(base)
        self.state = State.OPEN
        self.announced = False
        self.close_reason: Optional[int] = None  # of the CLOSE that came
        self.last: Optional[int] = None  # the last number of that CLOSE, if it is closing
        self.activity = 0  # grows with each creation, message and KEEPALIVE
        self.unread: deque[UnreadMessage] = deque()
        self.held = 0  # the cost of what is unread
        self.dropped = 0  # delivered messages that were dropped unread
        self.tickets: dict[int, None] = {}  # its events that are left to poll
        self.settling_timer: Optional[Timer] = None
        self.idle_timer: Optional[Timer] = None

    @property
    def is_live(self) -> bool:
        return self.state is not State.CLOSED

    @property
    def has_something_to_poll(self) -> bool:
        return bool(self.unread or self.tickets)


class Receivers:
    """All receivers and channel records of an endpoint."""

    def __init__(self, peers: Peers, timers: Timers, queue: Events, counters: Counters,
                 forget_over: Callable[[Peer, int], None]):
        self._peers = peers
        self._bounds = peers.bounds
        self._timers = timers
        self._events = queue
        self._counters = counters
        self._forget_over = forget_over  # RECV-015, for a channel of a participant
        self._activities = 0

    # Creation.

    def create(self, peer: Peer, channel: int, session: int, durable: bool, high: bool,
               number: int) -> Receiver:
        """Makes a live receiver, which is not announced yet; ``number`` is its first number."""
        record = peer.records.get(channel)
        is_new = record is None
        if is_new:
            record = ChannelRecord()
        base = first_base(number)
        if record.can_come_back(session) and not serial.is_older(number, record.base):
            base = record.base  # WINDOW-001, RECV-016
        receiver = Receiver(peer, channel, session, durable, high, base)
        receiver.settling_timer = Timer(Kind.SETTLING, lambda: self._settling_due(receiver))
        receiver.idle_timer = Timer(
            Kind.IDLE, lambda: self.close(receiver, events.REASON_IDLE))  # RECV-007
        # The order of section 9.15: the record, then the receiver is live, then room for it.
        if is_new:
            self._add_record(peer, channel, record)
        record.live[session] = receiver
        record.note_newest(session)
        peer.idle_records.pop(channel, None)
        self._forget_over(peer, channel)  # RECV-015
        self._make_room_for_live(receiver, record)
        peer.live[receiver] = None
        self._peers.live += 1
        self.note_activity(receiver)
        return receiver

    def _make_room_for_live(self, receiver: Receiver, record: ChannelRecord) -> None:
        """Closes what has to make room for a receiver that becomes live."""
        peer, peers = receiver.peer, self._peers
        others = [other for other in record.live.values() if other is not receiver]
        if len(others) >= MAX_LIVE_ON_CHANNEL:  # RECV-019
            self.close(min(others, key=lambda other: other.activity), events.REASON_LIMIT)
        while len(peer.live) >= self._bounds.receiversPerPeer:  # BOUND-001, BOUND-003
            self.close(next(iter(peer.live)), events.REASON_LIMIT)
        while peers.live >= self._bounds.receivers:
            heaviest = peers.heaviest(lambda p: len(p.live), lambda p: p.live)
            self.close(next(iter(heaviest.live)), events.REASON_LIMIT)

    def _add_record(self, peer: Peer, channel: int, record: ChannelRecord) -> None:
        """Adds a new channel record, for which others go if need be (BOUND-001, BOUND-002)."""
        peers = self._peers
        while len(peer.records) >= self._bounds.channelsPerPeer and peer.idle_records:
            self._forget_record(peer)
        while peers.records >= self._bounds.channels:
            heaviest = peers.heaviest(lambda p: len(p.records), lambda p: p.idle_records)
            if heaviest is None:
                break
            self._forget_record(heaviest)
        peer.records[channel] = record
        peers.records += 1

    def _forget_record(self, peer: Peer) -> None:
        channel, _ = peer.idle_records.popitem(last=False)
        del peer.records[channel]
        self._peers.records -= 1
        self._counters.forgotten += 1

    def announce(self, receiver: Receiver) -> None:
        if not receiver.announced:  # RECV-005: once
            receiver.announced = True
            self._add_event(events.CREATED, receiver)

    # What an accepted frame does to a receiver.

    def note_activity(self, receiver: Receiver) -> None:
        """It was created, or accepted a message or KEEPALIVE (BOUND-003)."""
        self._activities += 1
        receiver.activity = self._activities
        receiver.peer.live.move_to_end(receiver)

    def set_idle_timer(self, receiver: Receiver) -> None:
        if receiver.state is State.OPEN:  # RECV-007
            self._timers.set(receiver.idle_timer, self._timers.now + IDLE_TIME)

    def take_in(self, receiver: Receiver, number: int, run: Optional[int], data: bytes,
                cost: int) -> None:
        """Accepts a message, whose cost is charged already."""
        self.announce(receiver)
        receiver.window.accept(number, run)
        ticket = self._add_event(events.MESSAGE, receiver)  # EVENT-001
        receiver.unread.append(UnreadMessage(number, data, cost, ticket))
        receiver.held += cost
        self._counters.messagesIn += 1
        self.note_activity(receiver)
        self.set_idle_timer(receiver)
        self.after_window(receiver)

    def after_window(self, receiver: Receiver) -> None:
        """The last steps of each change of a window: settling, and the settling timer."""
        window, timer = receiver.window, receiver.settling_timer
        if receiver.durable:
            window.settle_all()  # WINDOW-008
        elif not window.is_missing:
            self._timers.stop(timer)  # WINDOW-007
            if receiver.state is State.CLOSING:  # RECV-010
                self.close_by_close(receiver)
        elif not timer.runs or window.base > window.mark:
            self._set_settling_timer(receiver)  # WINDOW-007

    def _set_settling_timer(self, receiver: Receiver) -> None:
        receiver.window.mark = receiver.window.top
        self._timers.set(receiver.settling_timer, self._timers.now + SETTLING_TIME)

    def _settling_due(self, receiver: Receiver) -> None:
        if receiver.state is State.CLOSING:
            self.close_by_close(receiver)  # RECV-010
        else:
            receiver.window.settle(receiver.window.mark)  # WINDOW-007
            self.after_window(receiver)

    # Closing.

    def begin_closing(self, receiver: Receiver, reason: int, last: int) -> None:
        """The CLOSE of a lossy session came and numbers are missing (RECV-009, RECV-012)."""
        receiver.state = State.CLOSING
        receiver.close_reason = reason
        receiver.last = last
        self._timers.stop(receiver.idle_timer)
        self._set_settling_timer(receiver)

    def close_by_close(self, receiver: Receiver) -> None:
        replaced = receiver.close_reason == CloseReason.REPLACED
        self.close(receiver, events.REASON_REPLACED if replaced else events.REASON_CLOSED)  # RECV-018

    def close(self, receiver: Receiver, reason: str) -> None:
        peer, channel = receiver.peer, receiver.channel
        self._timers.stop(receiver.settling_timer)
        self._timers.stop(receiver.idle_timer)
        receiver.window.settle_all()  # WINDOW-010
        receiver.state = State.CLOSED
        if peer.live.pop(receiver, receiver) is None:
            self._peers.live -= 1
        self._counters.limited += reason == events.REASON_LIMIT

        record = peer.records[channel]
        del record.live[receiver.session]
        self._raise_floor(record, receiver, reason)
        if not record.live:
            peer.idle_records[channel] = record
        self._forget_over(peer, channel)  # RECV-015
        if receiver.announced:
            self._add_event(events.CLOSED, receiver, reason)
            self._keep_closed(receiver)  # RECV-017: what it holds stays readable

    @staticmethod
    def _raise_floor(record: ChannelRecord, receiver: Receiver, reason: str) -> None:
        """RECV-014."""
        session = receiver.session
        if record.floor is None or not serial.is_older(session, record.floor):
            record.floor = session
            record.final = (
                receiver.close_reason is not None or reason == events.REASON_OVERFLOW)
            record.base = receiver.window.base & serial.MASK

    def _keep_closed(self, receiver: Receiver) -> None:
        """Keeps a closed receiver of which something is left to poll (BOUND-001, BOUND-004)."""
        peer, peers = receiver.peer, self._peers
        while len(peer.closed) >= self._bounds.receiversPerPeer:
            self._drop_closed(peer)
        while peers.closed >= self._bounds.receivers:
            self._drop_closed(peers.heaviest(lambda p: len(p.closed), lambda p: p.closed))
        peer.closed[receiver] = None
        peers.closed += 1

    def _drop_closed(self, peer: Peer) -> None:
        receiver = next(iter(peer.closed))
        while receiver.unread:
            self.drop_oldest_unread(receiver)
        for ticket in receiver.tickets:
            self._events.withdraw(ticket)
        receiver.tickets.clear()
        self._forget_polled(receiver)

    # A CLOSE of a session without a receiver.

    def close_without_receiver(self, peer: Peer, channel: int, session: int) -> None:
        """Makes an admissible session floor, and final, at once (RECV-013)."""
        record = peer.records.get(channel)
        if record is None:
            record = ChannelRecord()
            self._add_record(peer, channel, record)
            peer.idle_records[channel] = record
        record.note_newest(session)
        record.floor = session
        record.final = True
        self._forget_over(peer, channel)  # RECV-015

    def make_final(self, peer: Peer, channel: int) -> None:
        """A CLOSE of the session that is floor (RECV-003)."""
        peer.records[channel].final = True
        self._forget_over(peer, channel)  # RECV-015

    def leave(self, peer: Peer) -> None:
        """Closes all live receivers of a participant that left, and forgets its records (LEFT-001)."""
        while peer.live:
            self.close(next(iter(peer.live)), events.REASON_LEFT)
        self._peers.records -= len(peer.records)
        peer.records.clear()
        peer.idle_records.clear()

    # Messages and events.

    def read(self, receiver: Receiver) -> Optional[UnreadMessage]:
        """The next message of a receiver, or none (EVENT-002)."""
        if not receiver.unread:
            return None
        self._counters.read += 1
        return self._remove_oldest_unread(receiver)

    def drop_oldest_unread(self, receiver: Receiver) -> None:
        """BOUND-004, BOUND-007."""
        self._remove_oldest_unread(receiver)
        receiver.dropped += 1
        self._counters.discarded += 1

    def _remove_oldest_unread(self, receiver: Receiver) -> UnreadMessage:
        message = receiver.unread.popleft()
        receiver.held -= message.cost
        self._peers.charge(receiver.peer, -message.cost)
        if message.ticket in receiver.tickets:  # EVENT-001
            del receiver.tickets[message.ticket]
            self._events.withdraw(message.ticket)
        self._forget_polled(receiver)
        return message

    def _add_event(self, kind: str, receiver: Receiver, reason: Optional[str] = None) -> int:
        ticket = self._events.add(kind, receiver, reason)
        receiver.tickets[ticket] = None
        return ticket

    def poll_event(self) -> Optional[Event]:
        polled = self._events.poll()
        if polled is None:
            return None
        ticket, event = polled
        if isinstance(event.subject, Receiver):
            del event.subject.tickets[ticket]
            self._forget_polled(event.subject)
        return event

    def _forget_polled(self, receiver: Receiver) -> None:
        """A closed receiver of which nothing is left to poll counts no more."""
        peer = receiver.peer
        if receiver in peer.closed and not receiver.has_something_to_poll:
            del peer.closed[receiver]
            self._peers.closed -= 1
            self._peers.sweep(peer.handle)
