"""The endpoint: one participant's end of all the data channels of a call (SPEC section 9).

It is a machine without a clock and without input and output.  Each method whose first
argument is ``now`` is one input; what the endpoint has to say is polled.
"""

from dataclasses import asdict
from typing import Callable, Iterable, Optional

import wire
from bounds import Bounds
from buckets import Limits
from calls import require
from counters import Counters
from events import Event, Events
from receivers import Receiver, UnreadMessage
from receiving import Receiving, Verdict
from senders import Sender
from sending import OutgoingFrame, Sending
from timers import Timers


class Endpoint:
    """``draw`` gives as many random bytes as it is asked for, or raises.

    ``first`` is the number of the first message of each session, 1 by SESS-003; it is
    there for tests of numbers that wrap.
    """

    def __init__(self, handle: int, now: int, unix: int, draw: Callable[[int], bytes],
                 limits: Limits = Limits(), bounds: Bounds = Bounds(), first: int = 1):
        if not 1 <= handle <= 65535:
            raise ValueError("the handle is not from 1 to 65535")
        self._handle = handle
        self._timers = Timers(now)
        self._events = Events()
        self._counters = Counters()
        self._sending = Sending(handle, unix - now, draw, limits, bounds, first,
                                self._timers, self._events, self._counters)
        self._receiving = Receiving(handle, bounds, self._timers, self._events, self._counters)

    # Time.

    def advance(self, now: int) -> None:
        """Does what is due (TIME-002), as every input does first."""
        self._timers.begin(now)

    def next_deadline(self) -> Optional[int]:
        return self._timers.next_deadline()

    # The carriage.

    def link_up(self, now: int, budget: int, reliable: bool, relay: bool) -> None:
        self.advance(now)
        self._sending.link_up(budget, reliable, relay)

    def link_down(self, now: int) -> None:
        self.advance(now)
        self._sending.link_down()

    def participant_left(self, now: int, handle: int) -> None:
        self.advance(now)
        require(1 <= handle <= 65535 and handle != self._handle)  # CALL-001
        self._sending.participant_left(handle)
        self._receiving.participant_left(handle)

    def next_frame(self, now: int, reliable: bool, lossy: bool) -> Optional[OutgoingFrame]:
        """The next frame of the classes that the carriage can take now, which is taken."""
        self.advance(now)
        return self._sending.next_frame(reliable, lossy)

    def frame(self, now: int, handle: int, data: bytes) -> Verdict:
        """A frame that came from a participant; raises ``WireError`` if it does not decode."""
        self.advance(now)
        require(1 <= handle <= 65535)  # CALL-001
        self._counters.framesIn += 1
        try:
            frame = wire.decode(data)
        except wire.WireError:
            self._counters.malformed += 1
            raise
        return self._receiving.frame(handle, frame)

    # The application.  Refused calls raise ``CallError``.

    def new_sender(self, now: int, channel: int, durable: bool, high: bool, hint: int = 0,
                   interval: int = 0, to: Iterable[int] = ()) -> Sender:
        """A new sender; channel 0 lets the endpoint choose, the interval is in µs."""
        self.advance(now)
        return self._sending.new_sender(channel, durable, high, hint, interval, to)

    def send(self, now: int, sender: Sender, data: bytes) -> int:
        """The sequence number of the message."""
        self.advance(now)
        return self._sending.send(sender, data)

    def set_list(self, now: int, sender: Sender, to: Iterable[int]) -> None:
        self.advance(now)
        self._sending.set_list(sender, to)

    def close(self, now: int, sender: Sender) -> None:
        self.advance(now)
        self._sending.close(sender)

    def hang_up(self, now: int) -> None:
        self.advance(now)
        self._sending.hang_up()

    def set_received_bitrate(self, now: int, kbps: int) -> None:
        self.advance(now)
        self._sending.set_received(kbps)

    # What is polled, without a time.

    def read(self, receiver: Receiver) -> Optional[UnreadMessage]:
        """The next message of a receiver, or none."""
        return self._receiving.receivers.read(receiver)

    def poll_event(self) -> Optional[Event]:
        return self._receiving.receivers.poll_event()

    def counters(self) -> dict[str, int]:
        """The counters by their names (EVENT-005)."""
        self._counters.held = self._receiving.held
        return asdict(self._counters)
