"""The wire format of the Call Data Channel Protocol, version 1.

``decode`` turns the bytes of one frame into a ``Frame``; ``encode`` turns a
``Frame`` into bytes.  Both are pure functions and refuse with ``WireError``.
Ids such as WIRE-019 name the clauses of SPEC.md.
"""

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import NamedTuple


class Code(IntEnum):
    """The codes of errors (SPEC section 7)."""

    TRUNCATED = 1
    UNKNOWN_VERSION = 2
    UNKNOWN_TYPE = 3
    BAD_FLAGS = 4
    BAD_CHANNEL = 5
    BAD_FRAGMENT_OFFSET = 6
    BAD_MESSAGE_LENGTH = 7
    BAD_EXT_LENGTH = 8
    BAD_TLV_ORDER = 9
    UNKNOWN_CRITICAL_TLV = 10
    BAD_TLV_LENGTH = 11
    BAD_TLV_VALUE = 12
    MESSAGE_TOO_LONG = 13
    FRAGMENT_OVERRUN = 14
    FRAGMENT_WHOLE = 15
    FRAGMENT_SHORT = 16
    TRAILING_BYTES = 17

    @property
    def label(self) -> str:
        """The name of the code as SPEC section 7 writes it."""
        return self.name.lower().replace("_", "-")


class WireError(Exception):
    """A refusal: its code, the offset of the field at fault, and that field's name."""

    def __init__(self, code: Code, offset: int, field: str):
        super().__init__(f"{code.label} at offset {offset} ({field})")
        self.code = code
        self.offset = offset
        self.field = field


class FrameType(IntEnum):
    """The frame types of version 1 (SPEC section 4)."""

    DATA = 0
    CLOSE = 1
    KEEPALIVE = 2


class CloseReason(IntEnum):
    """The assigned close reasons (SPEC section 4.2); any other is generic."""

    NORMAL = 0
    REPLACED = 1


class TlvType(IntEnum):
    """The TLV types of version 1 (SPEC section 5)."""

    RUN = 0x01
    ORIGIN = 0x41
    PARTICIPANTS = 0xC1


# The lengths that the value of each known TLV can have.
TLV_LENGTHS = {
    TlvType.RUN: range(2, 3),  # WIRE-036
    TlvType.ORIGIN: range(2, 3),  # WIRE-038
    TlvType.PARTICIPANTS: range(2, 129, 2),  # WIRE-040
}

VERSION = 2

FLAG_FRAGMENT = 0x80
FLAG_EXTENSIONS = 0x40
FLAG_DURABLE = 0x20
FLAG_HIGH = 0x10
FLAGS_ZERO = 0x0F

TLV_CRITICAL = 0x80

MAX_MESSAGE = 32768
MIN_FRAGMENT = 256
MAX_EXTENSIONS = 255


class Tlv(NamedTuple):
    """One extension: its type, 0 to 255, and the bytes of its value."""

    type: int
    value: bytes


_FIELD_MAXIMA = {
    "type": 0x3F,
    "channel": 0xFFFF,
    "session": 0xFFFFFFFF,
    "sequence": 0xFFFFFFFF,
    "fragment_offset": 0xFFFF,
    "message_length": 0xFFFF,
    "reason": 0xFFFF,
}


@dataclass(frozen=True)
class Frame:
    """The fields of one frame.

    ``fragment_offset`` and ``message_length`` are both 0 unless the frame is a
    fragment.  A frame can hold values that the protocol does not allow, which
    ``encode`` refuses, but none that its fields have no bits for: those, and a
    reason without a CLOSE, are a ``ValueError`` here.
    """

    type: int
    channel: int
    session: int
    sequence: int
    durable: bool = False
    high: bool = False
    fragment_offset: int = 0
    message_length: int = 0
    tlvs: tuple[Tlv, ...] = ()
    reason: int = 0
    payload: bytes = b""

    def __post_init__(self):
        for name, maximum in _FIELD_MAXIMA.items():
            if not 0 <= getattr(self, name) <= maximum:
                raise ValueError(f"{name} is not from 0 to {maximum}")
        if any(not 0 <= tlv.type <= 0xFF for tlv in self.tlvs):
            raise ValueError("the type of a TLV is not from 0 to 255")
        if self.reason and self.type != FrameType.CLOSE:
            raise ValueError("a reason on a frame that is not a CLOSE")

    @property
    def is_fragment(self) -> bool:
        """Whether F is set in this frame (WIRE-008)."""
        return self.fragment_offset != 0 or self.message_length != 0


def is_newer(a: int, b: int) -> bool:
    """Whether the serial number ``a`` is newer than ``b`` (WIRE-002)."""
    return 0 < (a - b) & 0xFFFFFFFF < 0x80000000


class _Reader:
    """Reads the fields of a frame one by one and remembers where the latest began."""

    def __init__(self, data: bytes):
        self.data = data
        self.position = 0
        self.begin("version")

    def begin(self, field: str) -> None:
        self.field = field
        self.start = self.position

    def take(self, size: int) -> bytes:
        """The bytes of the field just begun, which has to be there whole (WIRE-005)."""
        if size > self.remaining:
            raise self.error(Code.TRUNCATED)
        self.position += size
        return self.data[self.start:self.position]

    def integer(self, field: str, size: int) -> int:
        """The integer that is the next field, in network byte order (WIRE-001)."""
        self.begin(field)
        return int.from_bytes(self.take(size), "big")

    @property
    def remaining(self) -> int:
        return len(self.data) - self.position

    def error(self, code: Code) -> WireError:
        """An error at the first byte of the field just begun (WIRE-004)."""
        return WireError(code, self.start, self.field)


def decode(data: bytes) -> Frame:
    """The fields of the frame ``data``, checked in the order they stand (WIRE-003)."""
    reader = _Reader(bytes(data))
    frame, has_extensions = _read_header(reader)
    if has_extensions:  # WIRE-022
        frame = replace(frame, tlvs=_read_tlvs(reader))
    if frame.type == FrameType.DATA:
        return replace(frame, payload=_read_payload(reader, frame))
    if frame.type == FrameType.CLOSE:
        frame = replace(frame, reason=reader.integer("reason", 2))  # WIRE-032, WIRE-034
    reader.begin("end")
    if reader.remaining:  # WIRE-033, WIRE-035
        raise reader.error(Code.TRAILING_BYTES)
    return frame


def _read_header(reader: _Reader) -> tuple[Frame, bool]:
    """The fields before the extensions, and whether X is set."""
    first = reader.integer("version", 1)
    if first >> 6 != VERSION:  # WIRE-010
        raise reader.error(Code.UNKNOWN_VERSION)
    frame_type = first & 0x3F
    if frame_type not in set(FrameType):  # WIRE-011, WIRE-044
        raise WireError(Code.UNKNOWN_TYPE, 0, "type")

    flags = reader.integer("flags", 1)
    if flags & FLAGS_ZERO:  # WIRE-012
        raise reader.error(Code.BAD_FLAGS)
    if flags & FLAG_FRAGMENT and frame_type != FrameType.DATA:  # WIRE-013
        raise reader.error(Code.BAD_FLAGS)

    channel = reader.integer("channel", 2)
    if channel == 0:  # WIRE-015
        raise reader.error(Code.BAD_CHANNEL)
    session = reader.integer("session", 4)  # WIRE-016
    sequence = reader.integer("sequence", 4)  # WIRE-017

    fragment_offset = message_length = 0
    if flags & FLAG_FRAGMENT:  # WIRE-018
        fragment_offset = reader.integer("fragment-offset", 2)
        if fragment_offset and not MIN_FRAGMENT <= fragment_offset < MAX_MESSAGE:  # WIRE-019
            raise reader.error(Code.BAD_FRAGMENT_OFFSET)
        message_length = reader.integer("message-length", 2)
        if not MIN_FRAGMENT < message_length <= MAX_MESSAGE:  # WIRE-020
            raise reader.error(Code.BAD_MESSAGE_LENGTH)
        if message_length <= fragment_offset:  # WIRE-021
            raise reader.error(Code.BAD_MESSAGE_LENGTH)

    frame = Frame(
        type=FrameType(frame_type),
        channel=channel,
        session=session,
        sequence=sequence,
        durable=bool(flags & FLAG_DURABLE),  # WIRE-014
        high=bool(flags & FLAG_HIGH),  # WIRE-014
        fragment_offset=fragment_offset,
        message_length=message_length,
    )
    return frame, bool(flags & FLAG_EXTENSIONS)


def _read_tlvs(reader: _Reader) -> tuple[Tlv, ...]:
    """The extension length and the TLVs, the same in every frame (WIRE-043)."""
    size = reader.integer("ext-length", 1)
    if size < 2:  # WIRE-023
        raise reader.error(Code.BAD_EXT_LENGTH)
    end = reader.position + size
    tlvs = []
    previous = -1
    while reader.position < end:
        tlv_type = reader.integer("tlv-type", 1)
        if tlv_type <= previous:  # WIRE-024
            raise reader.error(Code.BAD_TLV_ORDER)
        lengths = TLV_LENGTHS.get(tlv_type)
        if tlv_type & TLV_CRITICAL and lengths is None:  # WIRE-025
            raise reader.error(Code.UNKNOWN_CRITICAL_TLV)

        reader.begin("tlv-length")
        if reader.position >= end:  # WIRE-027
            raise reader.error(Code.BAD_TLV_LENGTH)
        length = reader.integer("tlv-length", 1)
        if reader.position + length > end:  # WIRE-027
            raise reader.error(Code.BAD_TLV_LENGTH)
        if lengths is not None and length not in lengths:  # WIRE-036, WIRE-038, WIRE-040
            raise reader.error(Code.BAD_TLV_LENGTH)

        reader.begin("tlv-value")
        value = reader.take(length)
        if lengths is not None and not _ascends_from_1(value):
            raise reader.error(Code.BAD_TLV_VALUE)
        tlvs.append(Tlv(tlv_type, value))  # WIRE-026
        previous = tlv_type
    return tuple(tlvs)


def _ascends_from_1(value: bytes) -> bool:
    """Whether the u16s of ``value`` are 1 or more and strictly ascending.

    The values of all known TLVs are of this kind; a run and an origin have one
    u16 each (WIRE-037, WIRE-039, WIRE-041, WIRE-042).
    """
    previous = 0
    for i in range(0, len(value), 2):
        number = int.from_bytes(value[i:i + 2], "big")
        if number <= previous:
            return False
        previous = number
    return True


def _read_payload(reader: _Reader, frame: Frame) -> bytes:
    """The payload of a DATA frame, which runs to the end of the frame."""
    reader.begin("payload")
    payload = reader.take(reader.remaining)
    if not frame.is_fragment:
        if len(payload) > MAX_MESSAGE:  # WIRE-028
            raise reader.error(Code.MESSAGE_TOO_LONG)
        return payload
    end = frame.fragment_offset + len(payload)
    if end > frame.message_length:  # WIRE-029
        raise reader.error(Code.FRAGMENT_OVERRUN)
    if len(payload) == frame.message_length:  # WIRE-030
        raise reader.error(Code.FRAGMENT_WHOLE)
    if end < frame.message_length and len(payload) < MIN_FRAGMENT:  # WIRE-031
        raise reader.error(Code.FRAGMENT_SHORT)
    return payload


def encode(frame: Frame) -> bytes:
    """The bytes of ``frame`` (WIRE-006), which a decoder accepts (WIRE-007)."""
    flags = (
        FLAG_FRAGMENT * frame.is_fragment  # WIRE-008
        | FLAG_EXTENSIONS * bool(frame.tlvs)  # WIRE-009
        | FLAG_DURABLE * bool(frame.durable)
        | FLAG_HIGH * bool(frame.high)
    )
    header = (
        bytes((VERSION << 6 | frame.type, flags))
        + frame.channel.to_bytes(2, "big")
        + frame.session.to_bytes(4, "big")
        + frame.sequence.to_bytes(4, "big")
    )
    if frame.is_fragment:  # WIRE-018
        header += frame.fragment_offset.to_bytes(2, "big") + frame.message_length.to_bytes(2, "big")

    size = sum(2 + len(tlv.value) for tlv in frame.tlvs)
    if size > MAX_EXTENSIONS:  # WIRE-023, after the fields before it (WIRE-003)
        _read_header(_Reader(header))
        raise WireError(Code.BAD_EXT_LENGTH, len(header), "ext-length")
    extensions = bytes((size,)) if frame.tlvs else b""  # WIRE-022
    for tlv in frame.tlvs:
        extensions += bytes((tlv.type, len(tlv.value))) + tlv.value

    reason = frame.reason.to_bytes(2, "big") if frame.type == FrameType.CLOSE else b""
    data = header + extensions + reason + frame.payload
    decode(data)  # WIRE-007
    return data
