"""The receiving half of an endpoint: frames in, and their verdicts (SPEC section 9.11)."""

from enum import Enum
from typing import Optional

import events
import serial
from bounds import Bounds, Peer, Peers, cost
from counters import Counters
from events import Events
from fragments import Fragments
from receivers import Receiver, Receivers, State
from timers import Timers
from window import Place
from wire import Frame, FrameType, TlvType


class Verdict(Enum):
    """What became of a frame; each is a counter too."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    STALE = "stale"
    SUPERSEDED = "superseded"
    IGNORED = "ignored"
    MISMATCH = "mismatch"
    OVERFLOW = "overflow"
    DROPPED = "dropped"


def run_of(frame: Frame) -> Optional[int]:
    """The run that a frame carries (FRAME-005)."""
    for tlv in frame.tlvs:
        if tlv.type == TlvType.RUN:
            return int.from_bytes(tlv.value, "big")
    return None


class Receiving:
    def __init__(self, handle: int, bounds: Bounds, timers: Timers, queue: Events,
                 counters: Counters):
        self._handle = handle
        self._bounds = bounds
        self._counters = counters
        self._left: set[int] = set()
        self._peers = Peers(bounds)
        self._fragments = Fragments(self._peers, timers, counters)
        self.receivers = Receivers(
            self._peers, timers, queue, counters, self._fragments.forget_over)

    @property
    def held(self) -> int:
        return self._peers.cost

    def frame(self, handle: int, frame: Frame) -> Verdict:
        """Takes in a frame; the checks are in the order of FRAME-001."""
        verdict = self._check_participant(handle, frame)
        self._peers.sweep(handle)
        name = verdict.value
        setattr(self._counters, name, getattr(self._counters, name) + 1)
        return verdict

    def participant_left(self, handle: int) -> None:
        self._left.add(handle)
        peer = self._peers.get(handle)
        self._fragments.leave(peer)
        self.receivers.leave(peer)
        self._peers.sweep(handle)

    # The checks of a frame, one after the other.

    def _check_participant(self, handle: int, frame: Frame) -> Verdict:
        if handle == self._handle or handle in self._left:  # FRAME-002
            return Verdict.IGNORED
        return self._check_session(self._peers.get(handle), frame)

    def _check_session(self, peer: Peer, frame: Frame) -> Verdict:
        record = peer.records.get(frame.channel)
        receiver = record.live.get(frame.session) if record else None
        if receiver is not None:
            if receiver.state is State.CLOSING and frame.type != FrameType.DATA:  # RECV-004
                return Verdict.IGNORED
            return self._check_flags(peer, receiver, frame)

        admissible = record is None or record.is_admissible(frame.session)
        if frame.type == FrameType.DATA:
            if not admissible:  # RECV-001
                return Verdict.SUPERSEDED
            return self._check_number(peer, None, frame)
        if frame.type == FrameType.KEEPALIVE:
            return Verdict.IGNORED if admissible else Verdict.SUPERSEDED  # RECV-002
        if record is not None and record.floor == frame.session and not record.final:  # RECV-003
            self.receivers.make_final(peer, frame.channel)
            return Verdict.ACCEPTED
        if not admissible:  # RECV-003
            return Verdict.SUPERSEDED
        self._close_without_receiver(peer, frame)
        return Verdict.ACCEPTED

    def _check_flags(self, peer: Peer, receiver: Receiver, frame: Frame) -> Verdict:
        if (frame.durable, frame.high) != (receiver.durable, receiver.high):  # FRAME-003
            message = self._fragments.get(peer, frame) if frame.is_fragment else None
            if message is not None:
                self._fragments.kill(message)
            return Verdict.MISMATCH
        if frame.type == FrameType.KEEPALIVE:
            return self._keep_alive(receiver, frame)
        if frame.type == FrameType.CLOSE:
            return self._close(receiver, frame)
        return self._check_number(peer, receiver, frame)

    def _check_number(self, peer: Peer, receiver: Optional[Receiver], frame: Frame) -> Verdict:
        number = frame.sequence
        if receiver is not None:
            if receiver.state is State.CLOSING and serial.is_newer(number, receiver.last):  # RECV-011
                return Verdict.MISMATCH
            place = receiver.window.place(number)
            if place is not Place.NEW:  # WINDOW-002, WINDOW-003
                return Verdict(place.value)
        else:
            record = peer.records.get(frame.channel)
            if (record is not None and record.can_come_back(frame.session)
                    and serial.is_older(number, record.base)):  # RECV-016
                return Verdict.STALE
        return self._check_fragment(peer, receiver, frame)

    def _check_fragment(self, peer: Peer, receiver: Optional[Receiver], frame: Frame) -> Verdict:
        message = self._fragments.get(peer, frame)
        if frame.durable:  # FRAG-008
            self._fragments.abandon_others(peer, frame, message if frame.is_fragment else None)
        if not frame.is_fragment:
            return self._deliver(peer, receiver, frame, frame.payload, run_of(frame), charged=False)

        if message is None:
            if frame.durable and frame.fragment_offset != 0:  # FRAG-005
                return Verdict.MISMATCH
            if not self._make_room(peer, cost(frame.message_length), None):
                return Verdict.DROPPED  # BOUND-008
            message = self._fragments.begin(peer, frame)
        else:
            if message.killed:  # FRAG-007
                return Verdict.MISMATCH
            if message.agrees(frame) and message.has(frame):  # FRAG-002
                return Verdict.DUPLICATE
            if not message.agrees(frame) or message.overlaps(frame):  # FRAG-003
                self._fragments.kill(message)
                return Verdict.MISMATCH
            if message.durable and frame.fragment_offset != message.received:  # FRAG-006
                self._fragments.kill(message)
                return Verdict.MISMATCH
        self._fragments.add(message, frame, run_of(frame))  # FRAG-001
        if not message.is_complete:
            return Verdict.ACCEPTED
        self._fragments.complete(message)
        return self._deliver(peer, receiver, frame, message.data(), message.run, charged=True)  # FRAG-009

    # Messages.

    def _deliver(self, peer: Peer, receiver: Optional[Receiver], frame: Frame, data: bytes,
                 run: Optional[int], charged: bool) -> Verdict:
        """A whole message, or a completed one, which is charged already."""
        amount = cost(len(data))
        if not self._make_room_for_message(peer, receiver, frame.durable, amount, charged):
            if charged:
                self._peers.charge(peer, -amount)
            if not frame.durable:  # BOUND-008
                return Verdict.DROPPED
            receiver = receiver or self._create(peer, frame)  # BOUND-006
            self.receivers.announce(receiver)
            self.receivers.close(receiver, events.REASON_OVERFLOW)
            return Verdict.OVERFLOW

        if not charged:
            self._peers.charge(peer, amount)
        receiver = receiver or self._create(peer, frame)  # RECV-005
        self.receivers.take_in(receiver, frame.sequence, run, data, amount)
        in_progress = self._fragments.get(peer, frame)
        if in_progress is not None:  # FRAG-010
            self._fragments.abandon(in_progress)
        return Verdict.ACCEPTED

    def _create(self, peer: Peer, frame: Frame) -> Receiver:
        return self.receivers.create(
            peer, frame.channel, frame.session, frame.durable, frame.high, frame.sequence)

    def _make_room_for_message(self, peer: Peer, receiver: Optional[Receiver], durable: bool,
                               amount: int, charged: bool) -> bool:
        """Makes room for a message in the order of section 9.15, if it can be made."""
        if durable:
            held = receiver.held if receiver else 0
            if held + amount > self._bounds.bytesPerReceiver:  # BOUND-006
                return False
            return charged or self._make_room(peer, amount, None)
        if not charged and not self._can_make_room(peer, amount, receiver):
            return False
        if receiver is not None:
            while receiver.held + amount > self._bounds.bytesPerReceiver:  # BOUND-007
                self.receivers.drop_oldest_unread(receiver)
        return charged or self._make_room(peer, amount, receiver)

    def _can_make_room(self, peer: Peer, amount: int, gives: Optional[Receiver]) -> bool:
        """Whether it would be enough to drop all that BOUND-005 and BOUND-007 could drop."""
        amount -= gives.held if gives else 0
        peers, bounds = self._peers, self._bounds
        return (peer.cost - peer.progress_cost + amount <= bounds.bytesPerPeer
                and peers.cost - peers.progress_cost + amount <= bounds.bytes)

    def _make_room(self, peer: Peer, amount: int, gives: Optional[Receiver]) -> bool:
        """Makes room in ``bytesPerPeer``, by *its own*, and then in ``bytes``, by *heaviest*.

        Messages in progress go first (BOUND-005), then unread ones of the receiver that
        ``gives``, if there is one (BOUND-007).  Nothing goes if all of it is not enough.
        """
        if not self._can_make_room(peer, amount, gives):
            return False
        peers, bounds = self._peers, self._bounds
        for fits, evict in (
            (lambda: peer.cost + amount <= bounds.bytesPerPeer,
             lambda: self._fragments.evict_own(peer)),
            (lambda: peers.cost + amount <= bounds.bytes, self._fragments.evict_heaviest),
        ):
            while not fits() and evict():
                pass
            while not fits():
                self.receivers.drop_oldest_unread(gives)
        return True

    # KEEPALIVE and CLOSE.

    def _keep_alive(self, receiver: Receiver, frame: Frame) -> Verdict:
        receiver.window.note_last(frame.sequence, run_of(frame))
        self.receivers.note_activity(receiver)
        self.receivers.set_idle_timer(receiver)
        self.receivers.after_window(receiver)
        return Verdict.ACCEPTED

    def _close(self, receiver: Receiver, frame: Frame) -> Verdict:
        """A CLOSE of a session with an open receiver."""
        window = receiver.window
        last = window.unwrap_last(frame.sequence)
        window.note_last(frame.sequence, run_of(frame))
        self.receivers.after_window(receiver)
        at_once = receiver.durable or not window.is_missing or window.high > last
        if at_once:  # RECV-008, RECV-009
            receiver.close_reason = frame.reason
            self.receivers.close_by_close(receiver)
        else:
            self.receivers.begin_closing(receiver, frame.reason, frame.sequence)
        return Verdict.ACCEPTED

    def _close_without_receiver(self, peer: Peer, frame: Frame) -> None:
        """A CLOSE of an admissible session that is not floor."""
        if frame.durable or frame.sequence == 0:  # RECV-013
            self.receivers.close_without_receiver(peer, frame.channel, frame.session)
            return
        receiver = self._create(peer, frame)  # RECV-012
        receiver.window.note_last(frame.sequence, run_of(frame))
        self.receivers.begin_closing(receiver, frame.reason, frame.sequence)
