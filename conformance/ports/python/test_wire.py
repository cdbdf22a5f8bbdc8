"""Tests of the codec, written from SPEC.md."""

import random
import unittest
from dataclasses import replace

import wire
from wire import Code, Frame, FrameType, Tlv, decode, encode

DATA, CLOSE, KEEPALIVE = FrameType.DATA, FrameType.CLOSE, FrameType.KEEPALIVE

SERIALS = "03e8" "65000001" "00000003"
PLAIN = "8000" + SERIALS
FRAGMENT = "8080" + SERIALS
EXTENDED = "8040" + SERIALS
CLOSED = "8100" + SERIALS
ALIVE = "8200" + SERIALS

EXAMPLES = {
    "data-text": (
        "80 00 03e8 65000001 00000001 6869",
        Frame(DATA, 1000, 1694498817, 1, payload=b"hi"),
    ),
    "ext-participants-run": (
        "80 70 03e8 65000001 00000002 0a 01 02 0001 c1 04 00070009 6869",
        Frame(
            DATA, 1000, 1694498817, 2, durable=True, high=True, payload=b"hi",
            tlvs=(Tlv(0x01, b"\0\1"), Tlv(0xC1, b"\0\7\0\x09")),
        ),
    ),
    "fragment-last": (
        "80 80 03e8 65000001 00000003 0100 012c" + "61" * 44,
        Frame(
            DATA, 1000, 1694498817, 3, fragment_offset=256, message_length=300,
            payload=b"a" * 44,
        ),
    ),
    "close-normal": (
        "81 00 03e8 65000001 00000003 0000",
        Frame(CLOSE, 1000, 1694498817, 3, reason=0),
    ),
    "keepalive-plain": (
        "82 00 03e8 65000001 00000003",
        Frame(KEEPALIVE, 1000, 1694498817, 3),
    ),
}


def fragment(offset, total, size, extensions=""):
    flags = "c0" if extensions else "80"
    return f"80{flags}{SERIALS}{offset:04x}{total:04x}{extensions}" + "61" * size


def extended(tlvs, payload=""):
    return EXTENDED + f"{len(tlvs) // 2:02x}" + tlvs + payload


def handles(count, first=1):
    return "".join(f"{handle:04x}" for handle in range(first, first + count))


def spell(frame):
    """The fields as handed over, spelled out in order."""
    flags = (
        0x80 * bool(frame.fragment_offset or frame.message_length)
        + 0x40 * bool(frame.tlvs) + 0x20 * frame.durable + 0x10 * frame.high
    )
    text = f"{0x80 + frame.type:02x}{flags:02x}{frame.channel:04x}"
    text += f"{frame.session:08x}{frame.sequence:08x}"
    if flags & 0x80:
        text += f"{frame.fragment_offset:04x}{frame.message_length:04x}"
    tlvs = "".join(f"{t.type:02x}{len(t.value):02x}{t.value.hex()}" for t in frame.tlvs)
    if tlvs:
        text += f"{len(tlvs) // 2:02x}{tlvs}"
    if frame.type == CLOSE:
        text += f"{frame.reason:04x}"
    return text + frame.payload.hex()


class WireTest(unittest.TestCase):
    def accept(self, text):
        data = bytes.fromhex(text)
        frame = decode(data)
        self.assertEqual(encode(frame), data)
        return frame

    def refuse(self, text, code, offset, field):
        with self.assertRaises(wire.WireError) as caught:
            decode(bytes.fromhex(text))
        self.check(caught.exception, code, offset, field)

    def refuse_encode(self, frame, code, offset, field):
        with self.assertRaises(wire.WireError) as caught:
            encode(frame)
        self.check(caught.exception, code, offset, field)

    def check(self, error, code, offset, field):
        self.assertEqual((error.code, error.offset, error.field), (code, offset, field))


class ExampleTest(WireTest):
    def test_examples(self):
        for name, (text, frame) in EXAMPLES.items():
            with self.subTest(name):
                self.assertEqual(decode(bytes.fromhex(text)), frame)
                self.assertEqual(encode(frame), bytes.fromhex(text))

    def test_truncated_channel(self):
        self.refuse("80 00 03", Code.TRUNCATED, 2, "channel")


class SerialTest(unittest.TestCase):
    def test_newer(self):
        top = 2**32 - 1
        for a, b in ((1, 0), (0, top), (2**31 - 1, 0), (5, top - 5), (2**31, 1)):
            with self.subTest(a=a, b=b):
                self.assertTrue(wire.is_newer(a, b))
                self.assertFalse(wire.is_newer(b, a))

    def test_not_newer(self):
        for a, b in ((0, 0), (2**31, 0), (0, 2**31), (2**31 + 7, 7), (7, 2**31 + 7)):
            with self.subTest(a=a, b=b):
                self.assertFalse(wire.is_newer(a, b))


class TruncationTest(WireTest):
    """Every strict prefix of a frame (WIRE-003 to WIRE-005)."""

    EXTENSIONS = [
        ("ext-length", "11"),
        ("tlv-type", "01"), ("tlv-length", "02"), ("tlv-value", "0001"),
        ("tlv-type", "0a"), ("tlv-length", "00"), ("tlv-value", ""),
        ("tlv-type", "2a"), ("tlv-length", "01"), ("tlv-value", "ff"),
        ("tlv-type", "c1"), ("tlv-length", "06"), ("tlv-value", "000700090100"),
    ]

    @staticmethod
    def header(first, flags):
        return [
            ("version", first), ("flags", flags), ("channel", "03e8"),
            ("session", "65000001"), ("sequence", "00000003"),
        ]

    def prefixes(self, fields):
        """Refuses every strict prefix of ``fields``, which are pairs of name and hex."""
        whole = "".join(text for _, text in fields)
        start = 0
        for name, text in fields:
            end = start + len(text) // 2
            for size in range(start, end):
                with self.subTest(size=size):
                    self.refuse(whole[:2 * size], Code.TRUNCATED, start, name)
            start = end
        return whole

    def test_data(self):
        whole = self.prefixes(self.header("80", "40") + self.EXTENSIONS)
        for payload in ("", "61", "6162"):
            self.accept(whole + payload)

    def test_data_without_extensions(self):
        self.accept(self.prefixes(self.header("80", "00")))

    def test_close(self):
        self.accept(self.prefixes(self.header("81", "40") + self.EXTENSIONS + [("reason", "0001")]))

    def test_keepalive(self):
        self.accept(self.prefixes(self.header("82", "40") + self.EXTENSIONS))

    def test_fragment(self):
        fields = [("fragment-offset", "0100"), ("message-length", "0201")]
        whole = self.prefixes(self.header("80", "c0") + fields + self.EXTENSIONS)
        start = len(whole) // 2
        for size in range(256):
            with self.subTest(size=size):
                self.refuse(whole + "61" * size, Code.FRAGMENT_SHORT, start, "payload")
        self.accept(whole + "61" * 256)
        self.accept(whole + "61" * 257)

    def test_first_bad_field_wins(self):
        self.refuse("00", Code.UNKNOWN_VERSION, 0, "version")
        self.refuse("ff", Code.UNKNOWN_VERSION, 0, "version")
        self.refuse("83", Code.UNKNOWN_TYPE, 0, "type")
        self.refuse("800f", Code.BAD_FLAGS, 1, "flags")
        self.refuse("80800000", Code.BAD_CHANNEL, 2, "channel")
        self.refuse(FRAGMENT + "0001", Code.BAD_FRAGMENT_OFFSET, 12, "fragment-offset")
        self.refuse(FRAGMENT + "01000100", Code.BAD_MESSAGE_LENGTH, 14, "message-length")


class HeaderTest(WireTest):
    def test_version_and_type(self):
        for first in range(256):
            text = f"{first:02x}00{SERIALS}" + ("0000" if first == 0x81 else "")
            with self.subTest(first=first):
                if first in (0x80, 0x81, 0x82):
                    self.accept(text)
                elif 0x80 <= first <= 0xBF:
                    self.refuse(text, Code.UNKNOWN_TYPE, 0, "type")
                else:
                    self.refuse(text, Code.UNKNOWN_VERSION, 0, "version")

    def test_flags(self):
        for first, rest in (("80", ""), ("81", "0000"), ("82", "")):
            for flags in range(256):
                text = f"{first}{flags:02x}{SERIALS}"
                text += "01000101" if flags & 0x80 else ""
                text += "020a00" if flags & 0x40 else ""
                text += "61" if flags & 0x80 else rest
                with self.subTest(first=first, flags=flags):
                    if flags & 0x0F or (first != "80" and flags & 0x80):
                        self.refuse(text, Code.BAD_FLAGS, 1, "flags")
                    else:
                        frame = self.accept(text)
                        self.assertEqual(frame.durable, bool(flags & 0x20))
                        self.assertEqual(frame.high, bool(flags & 0x10))

    def test_channel(self):
        self.refuse("8000" "0000" "00000000" "00000000", Code.BAD_CHANNEL, 2, "channel")
        for channel in (1, 2, 255, 256, 65534, 65535):
            frame = self.accept(f"8000{channel:04x}0000000000000000")
            self.assertEqual(frame.channel, channel)

    def test_session_and_sequence(self):
        for number in (0, 1, 2**31 - 1, 2**31, 2**32 - 1):
            frame = self.accept(f"80000001{number:08x}{number ^ 1:08x}")
            self.assertEqual((frame.session, frame.sequence), (number, number ^ 1))

    def test_fragment_offset(self):
        for offset in (0, 256, 257, 32511):
            self.accept(fragment(offset, 32768, 256))
        self.accept(fragment(32766, 32768, 2))
        self.accept(fragment(32767, 32768, 1))
        for offset in (1, 2, 254, 255, 32768, 32769, 65535):
            text = fragment(offset, 32768, 256)
            self.refuse(text, Code.BAD_FRAGMENT_OFFSET, 12, "fragment-offset")

    def test_message_length(self):
        for total in (257, 258, 32767, 32768):
            self.accept(fragment(0, total, 256))
        for total in (0, 1, 255, 256, 32769, 65535):
            self.refuse(fragment(0, total, 256), Code.BAD_MESSAGE_LENGTH, 14, "message-length")

    def test_message_length_against_offset(self):
        self.accept(fragment(299, 300, 1))
        for offset in (300, 301, 32767):
            self.refuse(fragment(offset, 300, 1), Code.BAD_MESSAGE_LENGTH, 14, "message-length")


class PayloadTest(WireTest):
    def test_whole_message(self):
        for size in (0, 1, 32767, 32768):
            self.assertEqual(len(self.accept(PLAIN + "61" * size).payload), size)
        self.refuse(PLAIN + "61" * 32769, Code.MESSAGE_TOO_LONG, 12, "payload")
        self.refuse(extended("0a00", "61" * 32769), Code.MESSAGE_TOO_LONG, 15, "payload")

    def test_first_fragment(self):
        for size in (0, 1, 255):
            self.refuse(fragment(0, 1000, size), Code.FRAGMENT_SHORT, 16, "payload")
        for size in (256, 257, 999):
            self.accept(fragment(0, 1000, size))
        self.refuse(fragment(0, 1000, 1000), Code.FRAGMENT_WHOLE, 16, "payload")
        self.refuse(fragment(0, 1000, 1001), Code.FRAGMENT_OVERRUN, 16, "payload")

    def test_smallest_fragments(self):
        self.refuse(fragment(0, 257, 255), Code.FRAGMENT_SHORT, 16, "payload")
        self.accept(fragment(0, 257, 256))
        self.refuse(fragment(0, 257, 257), Code.FRAGMENT_WHOLE, 16, "payload")
        self.refuse(fragment(256, 257, 0), Code.FRAGMENT_SHORT, 16, "payload")
        self.accept(fragment(256, 257, 1))
        self.refuse(fragment(256, 257, 2), Code.FRAGMENT_OVERRUN, 16, "payload")

    def test_middle_and_last_fragment(self):
        for size in (0, 1, 255):
            self.refuse(fragment(256, 1000, size), Code.FRAGMENT_SHORT, 16, "payload")
        for size in (256, 257, 743, 744):
            self.accept(fragment(256, 1000, size))
        self.refuse(fragment(256, 1000, 745), Code.FRAGMENT_OVERRUN, 16, "payload")

    def test_largest_fragments(self):
        self.accept(fragment(0, 32768, 32767))
        self.accept(fragment(256, 32768, 32512))
        self.refuse(fragment(256, 32768, 32513), Code.FRAGMENT_OVERRUN, 16, "payload")

    def test_overrun_as_long_as_the_message(self):
        self.refuse(fragment(256, 300, 300), Code.FRAGMENT_OVERRUN, 16, "payload")

    def test_offset_behind_extensions(self):
        self.refuse(fragment(0, 257, 257, "020a00"), Code.FRAGMENT_WHOLE, 19, "payload")

    def test_longest_frame(self):
        text = fragment(0, 32768, 32767, "ff" "0afd" + "00" * 253)
        self.assertEqual(len(text) // 2, 33039)
        self.accept(text)


class CloseAndKeepaliveTest(WireTest):
    def test_reason(self):
        for reason in (0, 1, 2, 255, 256, 65535):
            self.assertEqual(self.accept(f"{CLOSED}{reason:04x}").reason, reason)
        self.refuse(CLOSED, Code.TRUNCATED, 12, "reason")
        self.refuse(CLOSED + "00", Code.TRUNCATED, 12, "reason")

    def test_trailing_bytes(self):
        self.refuse(CLOSED + "000000", Code.TRAILING_BYTES, 14, "end")
        self.refuse(ALIVE + "00", Code.TRAILING_BYTES, 12, "end")
        self.refuse("8140" + SERIALS + "020a00" "000000", Code.TRAILING_BYTES, 17, "end")
        self.refuse("8240" + SERIALS + "020a00" "00", Code.TRAILING_BYTES, 15, "end")


class ExtensionTest(WireTest):
    def test_ext_length(self):
        self.refuse(EXTENDED + "00", Code.BAD_EXT_LENGTH, 12, "ext-length")
        self.refuse(EXTENDED + "010a", Code.BAD_EXT_LENGTH, 12, "ext-length")
        for size in (2, 3, 254, 255):
            self.accept(extended(f"0a{size - 2:02x}" + "ff" * (size - 2)))
        text = "80c0" + SERIALS + "01000101" "01"
        self.refuse(text, Code.BAD_EXT_LENGTH, 16, "ext-length")

    def test_as_many_tlvs_as_there_are_types(self):
        frame = decode(bytes.fromhex(PLAIN))
        most = tuple(Tlv(number, b"") for number in range(0x80) if number not in (0x01, 0x41))
        self.accept(encode(replace(frame, tlvs=most)).hex())
        more = most + (Tlv(0xC1, b"\0\7"),)
        self.refuse_encode(replace(frame, tlvs=more), Code.BAD_EXT_LENGTH, 12, "ext-length")

    def test_order(self):
        self.accept(extended("00000a001a00"))
        self.refuse(extended("0a000a00"), Code.BAD_TLV_ORDER, 15, "tlv-type")
        self.refuse(extended("0a000900"), Code.BAD_TLV_ORDER, 15, "tlv-type")
        self.refuse(extended("c10200074102"), Code.BAD_TLV_ORDER, 17, "tlv-type")
        self.refuse(extended("c10200078000"), Code.BAD_TLV_ORDER, 17, "tlv-type")

    def test_every_first_type(self):
        for number in range(256):
            text = extended(f"{number:02x}03aabbcc")
            with self.subTest(number=number):
                if number in (0x01, 0x41, 0xC1):
                    self.refuse(text, Code.BAD_TLV_LENGTH, 14, "tlv-length")
                elif number >= 0x80:
                    self.refuse(text, Code.UNKNOWN_CRITICAL_TLV, 13, "tlv-type")
                else:
                    self.assertEqual(self.accept(text).tlvs, (Tlv(number, b"\xaa\xbb\xcc"),))

    def test_unknown_critical_before_its_length(self):
        self.refuse(extended("83ff"), Code.UNKNOWN_CRITICAL_TLV, 13, "tlv-type")
        self.refuse(EXTENDED + "0283", Code.UNKNOWN_CRITICAL_TLV, 13, "tlv-type")

    def test_end_of_tlvs(self):
        self.accept(extended("0a0100"))
        self.refuse(extended("0a0200"), Code.BAD_TLV_LENGTH, 14, "tlv-length")
        self.refuse(extended("0a000b", "61"), Code.BAD_TLV_LENGTH, 16, "tlv-length")
        self.refuse(extended("0a000b"), Code.BAD_TLV_LENGTH, 16, "tlv-length")
        self.refuse(extended("0102000141"), Code.BAD_TLV_LENGTH, 18, "tlv-length")

    def test_end_of_frame(self):
        self.refuse(EXTENDED + "05", Code.TRUNCATED, 13, "tlv-type")
        self.refuse(EXTENDED + "050a", Code.TRUNCATED, 14, "tlv-length")
        self.refuse(EXTENDED + "050a03", Code.TRUNCATED, 15, "tlv-value")
        self.refuse(EXTENDED + "050a04", Code.BAD_TLV_LENGTH, 14, "tlv-length")
        self.refuse(EXTENDED + "050103", Code.BAD_TLV_LENGTH, 14, "tlv-length")
        self.refuse(EXTENDED + "040102", Code.TRUNCATED, 15, "tlv-value")
        self.refuse(EXTENDED + "04010200", Code.TRUNCATED, 15, "tlv-value")

    def test_run_and_origin(self):
        for kind in ("01", "41"):
            for value in ("0001", "0002", "00ff", "0100", "fffe", "ffff"):
                self.accept(extended(f"{kind}02{value}"))
            self.refuse(extended(f"{kind}020000"), Code.BAD_TLV_VALUE, 15, "tlv-value")
            for size in (0, 1, 3, 4):
                text = extended(f"{kind}{size:02x}" + "01" * size)
                self.refuse(text, Code.BAD_TLV_LENGTH, 14, "tlv-length")

    def test_participants_length(self):
        for count in (1, 2, 63, 64):
            self.accept(extended(f"c1{2 * count:02x}{handles(count)}"))
        for size in (0, 1, 3, 127, 129, 130, 253):
            text = extended(f"c1{size:02x}" + "01" * size)
            self.refuse(text, Code.BAD_TLV_LENGTH, 14, "tlv-length")

    def test_participants_value(self):
        for value in ("0001", "ffff", "00010002", "00ff0100", "fffeffff"):
            self.accept(extended(f"c1{len(value) // 2:02x}{value}"))
        for value in ("0000", "00000001", "00010000", "00070007", "00080007", "000100030002"):
            text = extended(f"c1{len(value) // 2:02x}{value}")
            self.refuse(text, Code.BAD_TLV_VALUE, 15, "tlv-value")

    def test_every_type_of_frame(self):
        tlvs = "12" "01020001" "0a00" "41020003" "c10600070008ffff"
        for first, rest in (("80", "6869"), ("81", "0001"), ("82", "")):
            self.assertEqual(len(self.accept(f"{first}40{SERIALS}{tlvs}{rest}").tlvs), 4)

    def test_later_fragment(self):
        self.accept(fragment(256, 257, 1, "0401020001"))
        text = fragment(256, 257, 1, "0401020000")
        self.refuse(text, Code.BAD_TLV_VALUE, 19, "tlv-value")


class EncodeTest(WireTest):
    GOOD = Frame(DATA, 1000, 1694498817, 3)

    def test_refuses_what_a_decoder_refuses(self):
        good = self.GOOD
        cases = [
            (replace(good, type=3), Code.UNKNOWN_TYPE, 0, "type"),
            (replace(good, type=63), Code.UNKNOWN_TYPE, 0, "type"),
            (replace(good, type=CLOSE, fragment_offset=256), Code.BAD_FLAGS, 1, "flags"),
            (replace(good, type=KEEPALIVE, message_length=1), Code.BAD_FLAGS, 1, "flags"),
            (replace(good, channel=0), Code.BAD_CHANNEL, 2, "channel"),
            (replace(good, fragment_offset=1), Code.BAD_FRAGMENT_OFFSET, 12, "fragment-offset"),
            (replace(good, fragment_offset=256), Code.BAD_MESSAGE_LENGTH, 14, "message-length"),
            (replace(good, message_length=256), Code.BAD_MESSAGE_LENGTH, 14, "message-length"),
            (replace(good, tlvs=(Tlv(1, b""),)), Code.BAD_TLV_LENGTH, 14, "tlv-length"),
            (replace(good, tlvs=(Tlv(1, b"\0\0"),)), Code.BAD_TLV_VALUE, 15, "tlv-value"),
            (replace(good, tlvs=(Tlv(9, b""), Tlv(9, b""))), Code.BAD_TLV_ORDER, 15, "tlv-type"),
            (replace(good, tlvs=(Tlv(0x83, b""),)), Code.UNKNOWN_CRITICAL_TLV, 13, "tlv-type"),
            (replace(good, payload=bytes(32769)), Code.MESSAGE_TOO_LONG, 12, "payload"),
            (replace(good, message_length=300, payload=bytes(301)),
             Code.FRAGMENT_OVERRUN, 16, "payload"),
            (replace(good, message_length=300, payload=bytes(300)),
             Code.FRAGMENT_WHOLE, 16, "payload"),
            (replace(good, message_length=300, payload=bytes(255)),
             Code.FRAGMENT_SHORT, 16, "payload"),
            (replace(good, type=CLOSE, reason=1, payload=b"x"), Code.TRAILING_BYTES, 14, "end"),
            (replace(good, type=KEEPALIVE, payload=b"x"), Code.TRAILING_BYTES, 12, "end"),
        ]
        for frame, code, offset, field in cases:
            with self.subTest(code=code.label, field=field):
                self.refuse_encode(frame, code, offset, field)
                self.refuse(spell(frame), code, offset, field)

    def test_too_many_extension_bytes(self):
        def frame(size, **changes):
            return replace(self.GOOD, tlvs=(Tlv(9, bytes(size - 2)),), **changes)

        self.accept(encode(frame(255)).hex())
        for size in (256, 257, 258, 70000):
            self.refuse_encode(frame(size), Code.BAD_EXT_LENGTH, 12, "ext-length")
        self.refuse_encode(
            frame(256, message_length=300), Code.BAD_EXT_LENGTH, 16, "ext-length")
        self.refuse_encode(
            replace(self.GOOD, tlvs=(Tlv(9, b""),) * 128), Code.BAD_EXT_LENGTH, 12, "ext-length")
        self.refuse_encode(
            frame(256, payload=bytes(32769)), Code.BAD_EXT_LENGTH, 12, "ext-length")
        self.refuse_encode(frame(256, channel=0), Code.BAD_CHANNEL, 2, "channel")
        self.refuse_encode(
            frame(256, message_length=256), Code.BAD_MESSAGE_LENGTH, 14, "message-length")

    def test_numbers_without_bits(self):
        for changes in (
            {"type": 64}, {"type": -1}, {"channel": 65536}, {"channel": -1},
            {"session": 2**32}, {"sequence": 2**32}, {"fragment_offset": 65536},
            {"message_length": 65536}, {"type": CLOSE, "reason": 65536},
            {"tlvs": (Tlv(256, b""),)}, {"reason": 1}, {"type": KEEPALIVE, "reason": 1},
        ):
            with self.subTest(changes), self.assertRaises(ValueError):
                replace(self.GOOD, **changes)


class ErrorTest(unittest.TestCase):
    def test_codes(self):
        names = (
            "truncated unknown-version unknown-type bad-flags bad-channel bad-fragment-offset "
            "bad-message-length bad-ext-length bad-tlv-order unknown-critical-tlv bad-tlv-length "
            "bad-tlv-value message-too-long fragment-overrun fragment-whole fragment-short "
            "trailing-bytes"
        ).split()
        self.assertEqual([(code.value, code.label) for code in Code], list(enumerate(names, 1)))

    def test_text(self):
        error = wire.WireError(Code.BAD_CHANNEL, 2, "channel")
        self.assertEqual(str(error), "bad-channel at offset 2 (channel)")


class FuzzTest(unittest.TestCase):
    SEEDS = [bytes.fromhex(text) for text, _ in EXAMPLES.values()]

    def mutant(self, rng):
        data = bytearray(rng.choice(self.SEEDS))
        for _ in range(rng.randrange(4)):
            place = rng.randrange(len(data) + 1)
            change = rng.randrange(3)
            if change == 0:
                data[place:place + 1] = bytes((rng.choice((0, 1, 2, 255, rng.randrange(256))),))
            elif change == 1:
                data[place:place] = rng.randbytes(rng.randrange(4))
            else:
                del data[place:place + rng.randrange(3)]
        return bytes(data)

    def test_what_decodes_encodes_to_the_same_bytes(self):
        rng = random.Random(1)
        decoded = 0
        for _ in range(20000):
            data = self.mutant(rng)
            try:
                frame = decode(data)
            except wire.WireError as error:
                self.assertTrue(0 <= error.offset <= len(data))
                continue
            decoded += 1
            self.assertEqual(encode(frame), data)
        self.assertGreater(decoded, 5000)

    def test_encoder_agrees_with_decoder(self):
        rng = random.Random(2)
        for _ in range(20000):
            frame = self.random_frame(rng)
            data = bytes.fromhex(spell(frame))
            try:
                expected = decode(data)
            except wire.WireError as error:
                with self.assertRaises(wire.WireError) as caught:
                    encode(frame)
                self.assertEqual(
                    (caught.exception.code, caught.exception.offset), (error.code, error.offset))
            else:
                self.assertEqual(expected, frame)
                self.assertEqual(encode(frame), data)

    @staticmethod
    def random_frame(rng):
        frame_type = rng.choice((0, 0, 0, 1, 2, 3))
        tlvs = []
        for _ in range(rng.choice((0, 0, 1, 2, 3))):
            value = rng.choice((b"", b"\0\1", b"\0\1\0\2", b"\0\2\0\1", rng.randbytes(3)))
            tlvs.append(Tlv(rng.choice((0x00, 0x01, 0x0A, 0x41, 0x83, 0xC1, 0xFF)), value))
        sizes = (0, 0, 1, 255, 256, 257, 300, 32768)
        return Frame(
            type=frame_type,
            channel=rng.choice((0, 1, 2, 3, 65535)),
            session=rng.randrange(2**32),
            sequence=rng.randrange(2**32),
            durable=rng.random() < 0.5,
            high=rng.random() < 0.5,
            fragment_offset=rng.choice((0, 0, 0, 1, 256, 32767)),
            message_length=rng.choice(sizes),
            tlvs=tuple(tlvs),
            reason=rng.randrange(3) if frame_type == CLOSE else 0,
            payload=bytes(rng.choice(sizes)),
        )


if __name__ == "__main__":
    unittest.main()
