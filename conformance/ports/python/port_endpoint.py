"""Endpoints of the port (PORT-PROTOCOL.md, section 5)."""

from dataclasses import fields

import events
import wire
from bounds import Bounds
from buckets import Limits
from calls import CallError
from endpoint import Endpoint
from port_json import BadRequest, check, get, get_bytes, get_integer, in_range

MAX_TIME = 2**53 - 1
MAX_EPOCH = 2**53 - 2**40
U16 = 0xFFFF
U32 = 0xFFFFFFFF

_LIMITS = {
    "durable": "durable",
    "lossy": "lossy",
    "lossyHigh": "lossy_high",
    "broadcastPackets": "broadcast_packets",
}


class _Random:
    """A random source that gives the bytes of a request and then no more."""

    def __init__(self, data):
        self._data = data
        self.used = 0

    def draw(self, size):
        if self.used + size > len(self._data):
            raise BadRequest("the random source has no bytes left")
        self.used += size
        return self._data[self.used - size:self.used]


def _limits(source):
    return Limits(**{
        name: source[key] if source[key] is None else check(source[key], key, int)
        for key, name in _LIMITS.items() if key in source
    })


def _bounds(source):
    names = [field.name for field in fields(Bounds)]
    return Bounds(**{name: get(source, name, int) for name in names if name in source})


def _handles(request):
    return [in_range(check(handle, "a handle", int), "a handle", 0, U16)
            for handle in get(request, "to", list)]


class PortEndpoint:
    """One endpoint, and the numbers by which the runner knows its senders and receivers."""

    def __init__(self, request):
        self._random = _Random(get_bytes(request, "rand"))
        self._endpoint = Endpoint(
            get_integer(request, "self", 1, U16),
            get_integer(request, "now", 0, MAX_EPOCH),
            get_integer(request, "unix", 0, MAX_TIME),
            self._random.draw,
            _limits(get(request, "limits", dict)),
            _bounds(get(request, "bounds", dict)),
            get_integer(request, "first", 1, U32),
        )
        self._senders = {}
        self._receivers = {}
        self._numbers = {}  # of senders and receivers alike

    def input(self, request):
        """Carries out one input and gives the keys of its result."""
        now = get_integer(request, "now", 0, MAX_TIME)
        name = get(request, "do", str)
        if name not in _INPUTS:
            raise BadRequest(f"{name} is not an input")
        try:
            result = _INPUTS[name](self, request, now)
        except CallError as error:
            result = {"error": {
                "code": error.code, "have": error.have, "limit": error.limit, "retry": error.retry}}
        return {**(result or {}), **self.state()}

    def state(self):
        """The keys that every reply has."""
        return {
            "events": list(self._poll()),
            "next": self._endpoint.next_deadline(),
            "used": self._random.used,
        }

    def _poll(self):
        while (event := self._endpoint.poll_event()) is not None:
            if event.kind == events.CREATED:
                receiver = event.subject
                number = len(self._receivers) + 1
                self._receivers[number] = receiver
                self._numbers[receiver] = number
                yield {"event": event.kind, "receiver": number, "from": receiver.peer.handle,
                       "channel": receiver.channel, "durable": receiver.durable}
            else:
                key = "sender" if event.kind == events.SENDER_CLOSED else "receiver"
                reply = {"event": event.kind, key: self._numbers[event.subject]}
                yield reply if event.reason is None else {**reply, "reason": event.reason}

    def _sender(self, request):
        number = get(request, "sender", int)
        if number not in self._senders:
            raise BadRequest(f"there is no sender {number}")
        return self._senders[number]

    def _receiver(self, request):
        number = get(request, "receiver", int)
        if number not in self._receivers:
            raise BadRequest(f"there is no receiver {number}")
        return self._receivers[number]

    # The inputs.

    def _link_up(self, request, now):
        self._endpoint.link_up(
            now, get(request, "budget", int), get(request, "reliable", bool),
            get(request, "relay", bool))

    def _link_down(self, request, now):
        self._endpoint.link_down(now)

    def _new_sender(self, request, now):
        number = get(request, "sender", int)
        if number in self._senders:
            raise BadRequest(f"there is a sender {number} already")
        sender = self._endpoint.new_sender(
            now, get_integer(request, "channel", 0, U16), get(request, "durable", bool),
            get(request, "high", bool), get(request, "kbps", int), get(request, "keepAlive", int),
            _handles(request))
        self._senders[number] = sender
        self._numbers[sender] = number
        return {"channel": sender.channel, "maxMessage": wire.MAX_MESSAGE}

    def _send(self, request, now):
        return {"sequence": self._endpoint.send(now, self._sender(request), get_bytes(request, "data"))}

    def _participants(self, request, now):
        self._endpoint.set_list(now, self._sender(request), _handles(request))

    def _close(self, request, now):
        self._endpoint.close(now, self._sender(request))

    def _hang_up(self, request, now):
        self._endpoint.hang_up(now)

    def _bitrate(self, request, now):
        self._endpoint.set_received_bitrate(now, get(request, "kbps", int))

    def _left(self, request, now):
        self._endpoint.participant_left(now, get_integer(request, "participant", 0, U16))

    def _transmit(self, request, now):
        most = get(request, "max", int)
        durable, lossy = get(request, "durable", bool), get(request, "lossy", bool)
        self._endpoint.advance(now)  # also if no frame is asked for
        frames = []
        while len(frames) < most:
            frame = self._endpoint.next_frame(now, durable, lossy)
            if frame is None:
                break
            frames.append({"hex": frame.data.hex(), "to": list(frame.to),
                           "durable": frame.durable, "high": frame.high})
        return {"frames": frames}

    def _frame(self, request, now):
        handle, data = get_integer(request, "from", 1, U16), get_bytes(request, "hex")
        try:
            return {"verdict": self._endpoint.frame(now, handle, data).value}
        except wire.WireError as error:
            return {"error": {"code": int(error.code), "offset": error.offset}}

    def _read(self, request, now):
        receiver = self._receiver(request)
        self._endpoint.advance(now)
        message = self._endpoint.read(receiver)
        if message is None:
            return {"message": None}
        return {"message": {"sequence": message.number, "data": message.data.hex()}}

    def _counts(self, request, now):
        receiver = self._receiver(request)
        self._endpoint.advance(now)
        window = receiver.window
        return {"delivered": window.delivered, "lost": window.lost, "unknown": window.unknown,
                "dropped": receiver.dropped}

    def _advance(self, request, now):
        self._endpoint.advance(now)

    def _stats(self, request, now):
        self._endpoint.advance(now)
        return {"stats": self._endpoint.counters()}


_INPUTS = {
    "linkUp": PortEndpoint._link_up,
    "linkDown": PortEndpoint._link_down,
    "sender": PortEndpoint._new_sender,
    "send": PortEndpoint._send,
    "participants": PortEndpoint._participants,
    "close": PortEndpoint._close,
    "hangUp": PortEndpoint._hang_up,
    "bitrate": PortEndpoint._bitrate,
    "left": PortEndpoint._left,
    "transmit": PortEndpoint._transmit,
    "frame": PortEndpoint._frame,
    "read": PortEndpoint._read,
    "counts": PortEndpoint._counts,
    "advance": PortEndpoint._advance,
    "stats": PortEndpoint._stats,
}


class PortEndpoints:
    """The operations ``open``, ``in`` and ``drop``."""

    def __init__(self):
        self._endpoints = {}

    def open(self, request):
        number = get(request, "endpoint", int)
        self._endpoints.pop(number, None)
        self._endpoints[number] = endpoint = PortEndpoint(request)
        return endpoint.state()

    def input(self, request):
        return self._endpoints[self._number(request)].input(request)

    def drop(self, request):
        del self._endpoints[self._number(request)]
        return {}

    def _number(self, request):
        number = get(request, "endpoint", int)
        if number not in self._endpoints:
            raise BadRequest(f"endpoint {number} is not open")
        return number
