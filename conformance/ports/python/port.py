"""A port for the conformance runner of CDCP (PORT-PROTOCOL.md, sections 1 to 4).

Reads one JSON request per line on standard input and writes one JSON reply per
line on standard output.  The protocol itself is in ``wire``.
"""

import json
import re
import sys

import wire

PROTOCOL = "cdcp-port/1"
NAME = "cdcp-py"
VERSION = "0.1.0"
LANGUAGE = "Python"

# The id of a reply to a line whose own id cannot be read.
NO_ID = 0

_TYPES = {
    "data": wire.FrameType.DATA,
    "close": wire.FrameType.CLOSE,
    "keepalive": wire.FrameType.KEEPALIVE,
}
_TYPE_NAMES = {number: name for name, number in _TYPES.items()}

_HEX = re.compile(r"(?:[0-9a-f]{2})*")


class BadRequest(Exception):
    """A request that makes no sense."""


def _get(source, key, kind):
    """The value of ``key``, which has to be there and of exactly this type."""
    if key not in source:
        raise BadRequest(f"{key} is missing")
    return _check(source[key], key, kind)


def _check(value, what, kind):
    if type(value) is not kind:
        raise BadRequest(f"{what} is not of type {kind.__name__}")
    return value


def _bytes(text, what):
    if not _HEX.fullmatch(_check(text, what, str)):
        raise BadRequest(f"{what} is not hexadecimal in lower case")
    return bytes.fromhex(text)


def _get_bytes(source, key):
    return _bytes(_get(source, key, str), key)


def _tlv_from_json(pair):
    if len(_check(pair, "a TLV", list)) != 2:
        raise BadRequest("a TLV is not an array of two")
    return wire.Tlv(_check(pair[0], "the type of a TLV", int), _bytes(pair[1], "the value of a TLV"))


def _frame_from_json(source):
    name = _get(source, "type", str)
    if name not in _TYPES:
        raise BadRequest("the type of the frame is not known")
    return wire.Frame(
        type=_TYPES[name],
        durable=_get(source, "durable", bool),
        high=_get(source, "high", bool),
        channel=_get(source, "channel", int),
        session=_get(source, "session", int),
        sequence=_get(source, "sequence", int),
        fragment_offset=_get(source, "offset", int),
        message_length=_get(source, "total", int),
        tlvs=tuple(_tlv_from_json(pair) for pair in _get(source, "ext", list)),
        reason=_get(source, "reason", int),
        payload=_get_bytes(source, "payload"),
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
    _get(request, "protocol", str)
    return {
        "protocol": PROTOCOL,
        "echo": _get_bytes(request, "echo").hex(),
        "name": NAME,
        "version": VERSION,
        "language": LANGUAGE,
    }


def _decode(request):
    data = _get_bytes(request, "hex")
    try:
        return {"frame": _frame_to_json(wire.decode(data))}
    except wire.WireError as error:
        return _error_to_json(error)


def _encode(request):
    frame = _frame_from_json(_get(request, "frame", dict))
    try:
        return {"hex": wire.encode(frame).hex()}
    except wire.WireError as error:
        return _error_to_json(error)


_OPERATIONS = {"hello": _hello, "decode": _decode, "encode": _encode}


def reply_to(line):
    """The reply, an object, to one line of input, which is bytes."""
    reply_id = NO_ID
    try:
        request = _check(json.loads(line.decode("utf-8")), "the line", dict)
        reply_id = _get(request, "id", int)
        op = _get(request, "op", str)
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
