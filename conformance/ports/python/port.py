"""A port for the conformance runner of CDCP (PORT-PROTOCOL.md).

Reads one JSON request per line on standard input and writes one JSON reply per
line on standard output.  The protocol itself is in ``wire`` and ``endpoint``.
"""

import json
import sys

import wire
from port_endpoint import PortEndpoints
from port_json import BadRequest, check, get, get_bytes, to_bytes

PROTOCOL = "cdcp-port/1"
NAME = "cdcp-py"
VERSION = "0.2.0"
LANGUAGE = "Python"

# The id of a reply to a line whose own id cannot be read.
NO_ID = 0

_TYPES = {
    "data": wire.FrameType.DATA,
    "close": wire.FrameType.CLOSE,
    "keepalive": wire.FrameType.KEEPALIVE,
}
_TYPE_NAMES = {number: name for name, number in _TYPES.items()}


def _tlv_from_json(pair):
    if len(check(pair, "a TLV", list)) != 2:
        raise BadRequest("a TLV is not an array of two")
    return wire.Tlv(check(pair[0], "the type of a TLV", int), to_bytes(pair[1], "the value of a TLV"))


def _frame_from_json(source):
    name = get(source, "type", str)
    if name not in _TYPES:
        raise BadRequest("the type of the frame is not known")
    return wire.Frame(
        type=_TYPES[name],
        durable=get(source, "durable", bool),
        high=get(source, "high", bool),
        channel=get(source, "channel", int),
        session=get(source, "session", int),
        sequence=get(source, "sequence", int),
        fragment_offset=get(source, "offset", int),
        message_length=get(source, "total", int),
        tlvs=tuple(_tlv_from_json(pair) for pair in get(source, "ext", list)),
        reason=get(source, "reason", int),
        payload=get_bytes(source, "payload"),
    )


def _frame_to_json(frame):
    return {
        "type": _TYPE_NAMES[frame.type],
        "durable": frame.durable,
        "high": frame.high,
        "channel": frame.channel,
        "session": frame.session,
        "sequence": frame.sequence,
        "offset": frame.fragment_offset,
        "total": frame.message_length,
        "ext": [[tlv.type, tlv.value.hex()] for tlv in frame.tlvs],
        "reason": frame.reason,
        "payload": frame.payload.hex(),
    }


def _error_to_json(error):
    return {"error": {"code": int(error.code), "offset": error.offset}}


def _hello(request):
    get(request, "protocol", str)
    return {
        "protocol": PROTOCOL,
        "echo": get_bytes(request, "echo").hex(),
        "name": NAME,
        "version": VERSION,
        "language": LANGUAGE,
    }


def _decode(request):
    data = get_bytes(request, "hex")
    try:
        return {"frame": _frame_to_json(wire.decode(data))}
    except wire.WireError as error:
        return _error_to_json(error)


def _encode(request):
    frame = _frame_from_json(get(request, "frame", dict))
    try:
        return {"hex": wire.encode(frame).hex()}
    except wire.WireError as error:
        return _error_to_json(error)


_ENDPOINTS = PortEndpoints()

_OPERATIONS = {
    "hello": _hello,
    "decode": _decode,
    "encode": _encode,
    "open": _ENDPOINTS.open,
    "in": _ENDPOINTS.input,
    "drop": _ENDPOINTS.drop,
}


def reply_to(line):
    """The reply, an object, to one line of input, which is bytes."""
    reply_id = NO_ID
    try:
        request = check(json.loads(line.decode("utf-8")), "the line", dict)
        reply_id = get(request, "id", int)
        op = get(request, "op", str)
        if op not in _OPERATIONS:
            return {"id": reply_id, "unsupported": op}
        return {"id": reply_id, "ok": _OPERATIONS[op](request)}
    except Exception as error:
        return {"id": reply_id, "bug": f"{type(error).__name__}: {error}"}


def main():
    for line in sys.stdin.buffer:
        text = json.dumps(reply_to(line), separators=(",", ":"))
        sys.stdout.buffer.write(text.encode("ascii") + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
