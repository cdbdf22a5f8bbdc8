"""What the tests of the machines share."""

import unittest

import wire
from bounds import Bounds
from buckets import Limits
from calls import CallError
from endpoint import Endpoint
from wire import Frame, FrameType, Tlv, TlvType

SECOND = 1_000_000
UNLIMITED = Limits(None, None, None, None)


def run_tlv(run):
    return () if run is None else (Tlv(TlvType.RUN, run.to_bytes(2, "big")),)


def data(number, payload=b"x", session=10, channel=1, durable=False, high=False, run=None,
         offset=0, total=0):
    return wire.encode(Frame(FrameType.DATA, channel, session, number, durable, high, offset, total,
                             run_tlv(run), 0, payload))


def fragment(number, offset, size, total, fill=b"f", **keys):
    return data(number, fill * size, offset=offset, total=total, **keys)


def close(number, reason=0, session=10, channel=1, durable=False, high=False, run=None):
    return wire.encode(Frame(FrameType.CLOSE, channel, session, number, durable, high, 0, 0,
                             run_tlv(run), reason))


def keep_alive(number, session=10, channel=1, durable=False, high=False, run=None):
    return wire.encode(Frame(FrameType.KEEPALIVE, channel, session, number, durable, high, 0, 0,
                             run_tlv(run)))


class EndpointTest(unittest.TestCase):
    """Drives one endpoint, with the handle 1, whose clock begins at 0."""

    limits = UNLIMITED
    bounds = Bounds()

    def setUp(self):
        self.now = 0
        self.open()

    def open(self, first=1, random=b"", **bounds):
        self.random = bytearray(random)
        self.endpoint = Endpoint(1, 0, 0, self.draw, self.limits,
                                 Bounds(**bounds) if bounds else self.bounds, first)
        self.receivers = []

    def draw(self, size):
        taken, self.random = bytes(self.random[:size]), self.random[size:]
        if len(taken) < size:
            raise OSError("no random bytes")
        return taken

    def up(self, budget=1200, reliable=True, relay=False):
        self.endpoint.link_up(self.now, budget, reliable, relay)

    def sender(self, channel=1, durable=False, high=False, hint=0, interval=0, to=()):
        return self.endpoint.new_sender(self.now, channel, durable, high, hint, interval, to)

    def send(self, sender, payload=b"x"):
        return self.endpoint.send(self.now, sender, payload)

    def take(self, reliable=True, lossy=True):
        """The next frame, decoded, or none; the frame as it was taken is in ``taken``."""
        self.taken = self.endpoint.next_frame(self.now, reliable, lossy)
        return self.taken and wire.decode(self.taken.data)

    def take_all(self):
        frames = []
        while (frame := self.take()) is not None:
            frames.append(frame)
        return frames

    def frame(self, data, handle=2):
        return self.endpoint.frame(self.now, handle, data).value

    def frames(self, *frames):
        return [self.frame(data) for data in frames]

    def advance(self, time):
        self.now = time
        self.endpoint.advance(time)

    def events(self):
        """All events as words; created receivers go to ``receivers`` and are numbered."""
        words = []
        while (event := self.endpoint.poll_event()) is not None:
            if event.kind == "senderClosed":
                words.append(f"senderClosed {event.subject.channel} {event.reason}")
                continue
            if event.kind == "created":
                self.receivers.append(event.subject)
            number = self.receivers.index(event.subject) + 1
            words.append(" ".join(filter(None, (event.kind, str(number), event.reason))))
        return words

    def counts(self, number=1):
        receiver = self.receivers[number - 1]
        window = receiver.window
        return window.delivered, window.lost, window.unknown, receiver.dropped

    def read(self, number=1):
        message = self.endpoint.read(self.receivers[number - 1])
        return message and (message.number, message.data)

    def stat(self, *names):
        counters = self.endpoint.counters()
        values = tuple(counters[name] for name in names)
        return values if len(values) > 1 else values[0]

    def refused(self, code, call, have=0, limit=0, retry=None):
        with self.assertRaises(CallError) as caught:
            call()
        error = caught.exception
        self.assertEqual((error.code, error.have, error.limit, error.retry),
                         (code, have, limit, retry))
