"""The sending half of an endpoint: the link, senders, frames out and keep-alive.

Its methods are the inputs of SPEC section 9; the endpoint has already done what was due.
"""

from dataclasses import dataclass
from typing import Callable, Iterable, Optional

import calls
import wire
from bounds import Bounds, cost
from buckets import Buckets, Limits
from calls import CallError, require
from channels import MAX_ID, Channel, ChannelIds
from counters import Counters
from events import REASON_LINK, REASON_REPLACED, SENDER_CLOSED, Events
from queues import Close, Link, Message, close_frame, data_frame, keep_alive_frame, must_close
from senders import MAX_HINT, MAX_INTERVAL, SECOND, Sender, make_list
from timers import Kind, Timer, Timers
from turns import HIGH, NORMAL, Turns
from wire import CloseReason

MIN_BUDGET, MAX_BUDGET = 576, 65535
MAX_RECEIVED = 10_000_000
TICK = 16000


@dataclass(frozen=True)
class OutgoingFrame:
    """A frame that the carriage takes."""

    data: bytes
    to: tuple[int, ...]  # ascending; empty: everyone
    durable: bool  # whether it is handed to the reliable path
    high: bool


class Sending:
    def __init__(self, handle: int, epoch: int, draw: Callable[[int], bytes], limits: Limits,
                 bounds: Bounds, first: int, timers: Timers, events: Events, counters: Counters):
        self._handle = handle
        self._epoch = epoch  # what the wall time is ahead of the endpoint's clock
        self._bounds = bounds
        self._first = first
        self._timers = timers
        self._events = events
        self._counters = counters
        self._link: Optional[Link] = None
        self._left: set[int] = set()
        self._ids = ChannelIds(draw)
        self._channels: dict[int, Channel] = {}
        self._buckets = Buckets(limits, timers.now)
        self._turns = Turns()

    # The link (SPEC section 9.2).

    def link_up(self, budget: int, reliable: bool, relay: bool) -> None:
        require(MIN_BUDGET <= budget <= MAX_BUDGET)  # CALL-001
        self.link_down()  # LINK-002
        self._link = Link(budget, reliable, relay)
        if not reliable:  # LINK-006
            self._close_by_link(lambda sender: sender.durable)
            self._remove_messages(lambda message: message.sender.durable)
        for sender in self._open_senders():
            if sender.interval and sender.data_taken:  # KEEP-003
                self._set_keep_alive(sender)

    def link_down(self) -> None:
        if self._link is None:
            return
        self._link = None
        for sender in self._open_senders():
            self._stop_keep_alive(sender)  # KEEP-004
        self._close_by_link(lambda sender: sender.durable and sender.data_taken)  # LINK-003
        # LINK-004; LINK-005: CLOSEs stay, other than by QUEUE-005.
        self._remove_messages(lambda message: not message.sender.durable or message.sender.data_taken)

    def _close_by_link(self, condition: Callable[[Sender], bool]) -> None:
        for sender in self._open_senders():
            if condition(sender):
                self._close(sender, CloseReason.NORMAL)
                self._events.add(SENDER_CLOSED, sender, REASON_LINK)

    def _remove_messages(self, condition: Callable[[Message], bool]) -> None:
        for channel in self._channels.values():
            self._counters.unsent += channel.queue.remove_messages(condition)
            self._turns.update(channel)

    # Senders (SPEC sections 9.3 to 9.5).

    def _open_senders(self) -> list[Sender]:
        """In ascending order of channel id."""
        return [self._channels[channel].sender for channel in self._ids.used]

    def _channel(self, channel: int) -> Channel:
        if channel not in self._channels:
            self._channels[channel] = Channel(channel)
        return self._channels[channel]

    def new_sender(self, channel: int, durable: bool, high: bool, hint: int, interval: int,
                   to: Iterable[int]) -> Sender:
        # CALL-002: in this order.
        require(0 <= channel <= MAX_ID)
        require(0 <= hint <= MAX_HINT)
        require(0 <= interval <= MAX_INTERVAL and interval % SECOND == 0)
        to = make_list(to)
        if self._link is None or durable and not self._link.reliable:  # CALL-003
            raise CallError(calls.FAILED_TO_START)
        if channel == 0:
            channel = self._ids.choose()
        home = self._channel(channel)

        if home.sender is not None:  # CHAN-004
            replaced = home.sender
            self._close(replaced, CloseReason.REPLACED)
            self._events.add(SENDER_CLOSED, replaced, REASON_REPLACED)
        tick = (self._epoch + self._timers.now) // TICK & 0xFFFFFFFF
        session = home.begin_session(tick)  # SESS-001
        sender = Sender(channel, session, durable, high, hint, interval, to, self._first)
        sender.keep_alive_timer = Timer(Kind.KEEP_ALIVE, lambda: self._keep_alive_due(sender))
        home.sender = sender
        self._ids.use(channel)
        self._turns.update(home)
        return sender

    def close(self, sender: Sender) -> None:
        """Its application closes a sender (SEND-004)."""
        if sender.open:
            self._close(sender, CloseReason.NORMAL)
            self._turns.update(self._channels[sender.channel])

    def hang_up(self) -> None:
        for sender in self._open_senders():  # SEND-006
            self.close(sender)

    def _close(self, sender: Sender, reason: CloseReason) -> None:
        """A session is over. What its channel waits with is for the caller to note."""
        channel = self._channels[sender.channel]
        sender.open = False
        self._stop_keep_alive(sender)  # KEEP-004
        channel.sender = None
        self._ids.free(channel.id)
        if must_close(sender):  # QUEUE-004
            channel.queue.append(Close(sender, reason))  # SEND-005: behind its messages

    def set_list(self, sender: Sender, to: Iterable[int]) -> None:
        if not sender.open:  # SEND-003, CALL-004
            raise CallError(calls.SENDER_CLOSED)
        sender.set_list(make_list(to))
        self._check_keep_alive(sender)

    def send(self, sender: Sender, data: bytes) -> int:
        """The number of the message, which is accepted (SEND-001)."""
        channel = self._channels[sender.channel]
        # CALL-004: in this order.
        if not sender.open:  # SEND-003
            raise CallError(calls.SENDER_CLOSED)
        if len(data) > wire.MAX_MESSAGE:  # CALL-005
            raise CallError(calls.MESSAGE_SIZE_OVER_LIMIT, len(data), wire.MAX_MESSAGE)
        if self._link is None:  # CALL-006
            raise CallError(calls.FAILURE_FOR_BANDWIDTH)
        queued = channel.queue.cost + cost(len(data))
        if queued > self._bounds.sendBytes:  # CALL-006
            raise CallError(calls.FAILURE_FOR_BANDWIDTH, queued, self._bounds.sendBytes)
        broadcast = not sender.to and self._link.relay
        self._buckets.charge(
            len(data), sender.durable, sender.high, broadcast, self._timers.now)  # RATE-005

        sequence, run = sender.number_message()
        self._counters.messagesOut += 1
        if self._reaches_someone(sender.to):
            if sender.keep_alive_waits:  # KEEP-005
                sender.keep_alive_waits = False
                self._set_keep_alive(sender)
            channel.queue.append(Message(sender, sequence, bytes(data), sender.to, run))
            self._turns.update(channel)
        else:  # LIST-006
            self._counters.unsent += 1
        return sequence

    def set_received(self, kbps: int) -> None:
        require(0 <= kbps <= MAX_RECEIVED)  # CALL-001
        self._buckets.set_received(kbps, self._timers.now)

    # Lists of participants (SPEC section 9.6).

    def _present(self, to: frozenset[int]) -> list[int]:
        """Those of a list that are present, ascending."""
        return sorted(h for h in to if h != self._handle and h not in self._left)

    def _reaches_someone(self, to: frozenset[int]) -> bool:
        return not to or bool(self._present(to))  # LIST-004

    def participant_left(self, handle: int) -> None:
        self._left.add(handle)  # LIST-005: lists and runs stay as they are
        self._remove_messages(
            lambda message: handle in message.to and not self._reaches_someone(message.to))  # LIST-006
        for sender in self._open_senders():
            self._check_keep_alive(sender)

    # Frames out (SPEC sections 9.7 and 9.8).

    def next_frame(self, reliable: bool, lossy: bool) -> Optional[OutgoingFrame]:
        """The carriage asks for a frame of the classes that it can take now."""
        firsts = {priority: self._first_in_turn(priority, reliable, lossy)
                  for priority in (NORMAL, HIGH)}
        frames = {priority: self._head_frame(channel) if channel else None
                  for priority, channel in firsts.items()}
        lengths = {priority: len(frame.data) if frame else None
                   for priority, frame in frames.items()}
        priority = self._turns.choose(lengths[NORMAL], lengths[HIGH])
        if priority is None:
            return None
        self._take(firsts[priority], priority, frames[priority])
        return frames[priority]

    def _first_in_turn(self, priority: bool, reliable: bool, lossy: bool) -> Optional[Channel]:
        if self._link is None:  # LINK-007
            return None
        asked = {True: reliable, False: lossy}
        return Turns.first(
            (channel for channel in self._turns.waiting(priority) if asked[self._is_reliable(channel)]),
            priority)

    def _is_reliable(self, channel: Channel) -> bool:
        """The class of the frame that a channel waits with."""
        if isinstance(channel.queue.head, Close):
            return self._link.reliable  # QUEUE-007
        return channel.head_sender().durable  # QUEUE-008

    def _head_frame(self, channel: Channel) -> OutgoingFrame:
        """The frame that a channel waits with."""
        head = channel.queue.head
        to: list[int] = []
        if isinstance(head, Close):
            frame = close_frame(head)  # QUEUE-006: to everyone
        elif head is not None:
            to = self._present(head.to)  # LIST-007
            frame = data_frame(head, self._link, to)
        else:
            to = self._present(channel.sender.to)  # KEEP-007
            frame = keep_alive_frame(channel.sender, self._link, to)
        return OutgoingFrame(wire.encode(frame), tuple(to), self._is_reliable(channel), frame.high)

    def _take(self, channel: Channel, priority: bool, frame: OutgoingFrame) -> None:
        head, sender = channel.queue.head, channel.head_sender()
        self._turns.take(channel, priority, len(frame.data), sender.weight)
        self._counters.framesOut += 1
        if isinstance(head, Close):
            channel.queue.pop()
        else:
            if head is None:
                sender.keep_alive_waits = False
            else:
                sender.data_taken = True
                head.sent += len(wire.decode(frame.data).payload)
                if head.sent == len(head.data):
                    channel.queue.pop()
            if sender.open and sender.interval:  # KEEP-001
                self._set_keep_alive(sender)
        self._turns.update(channel)

    # Keep-alive (SPEC section 9.9).

    def _set_keep_alive(self, sender: Sender) -> None:
        self._timers.set(sender.keep_alive_timer, self._timers.now + sender.interval)

    def _stop_keep_alive(self, sender: Sender) -> None:
        self._timers.stop(sender.keep_alive_timer)
        sender.keep_alive_waits = False

    def _keep_alive_due(self, sender: Sender) -> None:
        channel = self._channels[sender.channel]
        if self._reaches_someone(sender.to) and channel.queue.head is None:  # KEEP-002
            sender.keep_alive_waits = True
            self._turns.update(channel)
            return
        # No other timer changes a queue or a list, so that it would be the same at each
        # interval up to the time of the input: they are passed over at once.
        passed = (self._timers.until - self._timers.now) // sender.interval
        self._timers.set(sender.keep_alive_timer, self._timers.now + (passed + 1) * sender.interval)

    def _check_keep_alive(self, sender: Sender) -> None:
        """Drops a KEEPALIVE that waits for nobody (KEEP-006)."""
        if sender.keep_alive_waits and not self._reaches_someone(sender.to):
            sender.keep_alive_waits = False
            self._set_keep_alive(sender)
            self._turns.update(self._channels[sender.channel])
