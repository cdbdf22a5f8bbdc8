package wire_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cdcp-project/cdcp/wire"
)

// The first five fields of frames, with the flags that their names say.
const (
	data     = "80 00 03e8 65000001 00000001 "
	dataF    = "80 80 03e8 65000001 00000001 "
	dataX    = "80 40 03e8 65000001 00000001 "
	dataFX   = "80 c0 03e8 65000001 00000001 "
	closing  = "81 00 03e8 65000001 00000001 "
	closingX = "81 40 03e8 65000001 00000001 "
	alive    = "82 00 03e8 65000001 00000001 "
	aliveX   = "82 40 03e8 65000001 00000001 "
)

// ascending writes n participant handles, from one number on, in hexadecimal.
func ascending(from, n int) string {
	var ps []int
	for i := range n {
		ps = append(ps, from+i)
	}
	return hex.EncodeToString(handles(ps...))
}

// refusals has a row for each side of each limit, in the order of the fields. Where want is nil the frame is
// accepted. The wants are those of SPEC.md.
var refusals = []struct {
	name string
	in   string
	want *wire.Error
}{
	{"version absent", "", fault(wire.CodeTruncated, 0, "version")},
	{"version 0, least", "00 00 03e8 65000001 00000001", fault(wire.CodeUnknownVersion, 0, "version")},
	{"version 1, least", "40 00 03e8 65000001 00000001", fault(wire.CodeUnknownVersion, 0, "version")},
	{"version 1, most", "7f 00 03e8 65000001 00000001", fault(wire.CodeUnknownVersion, 0, "version")},
	{"version 2, least", "80 00 03e8 65000001 00000001", nil},
	{"version 3, least", "c0 00 03e8 65000001 00000001", fault(wire.CodeUnknownVersion, 0, "version")},
	{"version 3, most", "ff 00 03e8 65000001 00000001", fault(wire.CodeUnknownVersion, 0, "version")},
	{"version before all else", "c3 0f 0000", fault(wire.CodeUnknownVersion, 0, "version")},
	{"version before the end", "41", fault(wire.CodeUnknownVersion, 0, "version")},

	{"type 0, least", data, nil},
	{"type 1", closing + "0000", nil},
	{"type 2, limit", alive, nil},
	{"type 3, limit + 1", "83 00 03e8 65000001 00000001", fault(wire.CodeUnknownType, 0, "type")},
	{"type 26, GREASE", "9a 00 03e8 65000001 00000001", fault(wire.CodeUnknownType, 0, "type")},
	{"type 42, GREASE", "aa 00 03e8 65000001 00000001", fault(wire.CodeUnknownType, 0, "type")},
	{"type 47, last that can be assigned", "af 00 03e8 65000001 00000001", fault(wire.CodeUnknownType, 0, "type")},
	{"type 48, private use", "b0 00 03e8 65000001 00000001", fault(wire.CodeUnknownType, 0, "type")},
	{"type 63, largest", "bf 00 03e8 65000001 00000001", fault(wire.CodeUnknownType, 0, "type")},
	{"type before all else", "83 0f 0000", fault(wire.CodeUnknownType, 0, "type")},
	{"type before the end", "83", fault(wire.CodeUnknownType, 0, "type")},

	{"flags absent", "80", fault(wire.CodeTruncated, 1, "flags")},
	{"flags 00, limit", data, nil},
	{"flags 01, limit + 1", "80 01 03e8 65000001 00000001", fault(wire.CodeBadFlags, 1, "flags")},
	{"flags 02", "80 02 03e8 65000001 00000001", fault(wire.CodeBadFlags, 1, "flags")},
	{"flags 04", "80 04 03e8 65000001 00000001", fault(wire.CodeBadFlags, 1, "flags")},
	{"flags 08", "80 08 03e8 65000001 00000001", fault(wire.CodeBadFlags, 1, "flags")},
	{"flags 0f", "80 0f 03e8 65000001 00000001", fault(wire.CodeBadFlags, 1, "flags")},
	{"flags 10", "80 10 03e8 65000001 00000001", nil},
	{"flags 38 on CLOSE", "81 38 03e8 65000001 00000001 0000", fault(wire.CodeBadFlags, 1, "flags")},
	{"flags 31 on KEEPALIVE", "82 31 03e8 65000001 00000001", fault(wire.CodeBadFlags, 1, "flags")},
	{"flags f0, all there are", "80 f0 03e8 65000001 00000001 0100 0101 02 0000 61", nil},
	{"flags ff, largest", "80 ff 03e8 65000001 00000001 0100 0101 02 0000 61", fault(wire.CodeBadFlags, 1, "flags")},
	{"F on CLOSE", "81 80 03e8 65000001 00000001 0100 0101 0000", fault(wire.CodeBadFlags, 1, "flags")},
	{"F on KEEPALIVE", "82 80 03e8 65000001 00000001 0100 0101", fault(wire.CodeBadFlags, 1, "flags")},
	{"F and X on CLOSE", "81 c0 03e8 65000001 00000001 0100 0101 02 0000 0000", fault(wire.CodeBadFlags, 1, "flags")},
	{"F on CLOSE before the end", "81 80", fault(wire.CodeBadFlags, 1, "flags")},
	{"flags before the channel", "80 01 0000", fault(wire.CodeBadFlags, 1, "flags")},

	{"channel absent", "80 00", fault(wire.CodeTruncated, 2, "channel")},
	{"channel cut after 00", "80 00 00", fault(wire.CodeTruncated, 2, "channel")},
	{"channel cut after ff", "80 00 ff", fault(wire.CodeTruncated, 2, "channel")},
	{"channel 0, limit - 1", "80 00 0000 65000001 00000001", fault(wire.CodeBadChannel, 2, "channel")},
	{"channel 0 on CLOSE", "81 00 0000 65000001 00000001 0000", fault(wire.CodeBadChannel, 2, "channel")},
	{"channel 0 on KEEPALIVE", "82 00 0000 65000001 00000001", fault(wire.CodeBadChannel, 2, "channel")},
	{"channel 0 before the end", "80 00 0000", fault(wire.CodeBadChannel, 2, "channel")},
	{"channel 1, limit", "80 00 0001 65000001 00000001", nil},
	{"channel 255", "80 00 00ff 65000001 00000001", nil},
	{"channel 256", "80 00 0100 65000001 00000001", nil},
	{"channel 65535, largest", "80 00 ffff 65000001 00000001", nil},

	{"session absent", "80 00 03e8", fault(wire.CodeTruncated, 4, "session")},
	{"session of 1 byte", "80 00 03e8 65", fault(wire.CodeTruncated, 4, "session")},
	{"session of 3 bytes", "80 00 03e8 650000", fault(wire.CodeTruncated, 4, "session")},
	{"session 0, least", "80 00 03e8 00000000 00000001", nil},
	{"session 4294967295, largest", "80 00 03e8 ffffffff 00000001", nil},

	{"sequence absent", "80 00 03e8 65000001", fault(wire.CodeTruncated, 8, "sequence")},
	{"sequence of 1 byte", "80 00 03e8 65000001 00", fault(wire.CodeTruncated, 8, "sequence")},
	{"sequence of 3 bytes", "80 00 03e8 65000001 000000", fault(wire.CodeTruncated, 8, "sequence")},
	{"sequence 0, least", "80 00 03e8 65000001 00000000", nil},
	{"sequence 4294967295, largest", "80 00 03e8 65000001 ffffffff", nil},

	{"fragment-offset absent", dataF, fault(wire.CodeTruncated, 12, "fragment-offset")},
	{"fragment-offset of 1 byte", dataF + "01", fault(wire.CodeTruncated, 12, "fragment-offset")},
	{"fragment-offset 0, least", dataF + "0000 0101 61*256", nil},
	{"fragment-offset 1", dataF + "0001 0101 61*256", fault(wire.CodeBadFragmentOffset, 12, "fragment-offset")},
	{"fragment-offset 255, limit - 1", dataF + "00ff 0101 61*2", fault(wire.CodeBadFragmentOffset, 12, "fragment-offset")},
	{"fragment-offset 256, limit", dataF + "0100 0101 61", nil},
	{"fragment-offset 257, limit + 1", dataF + "0101 0102 61", nil},
	{"fragment-offset 32766, limit - 1", dataF + "7ffe 7fff 61", nil},
	{"fragment-offset 32767, limit", dataF + "7fff 8000 61", nil},
	{"fragment-offset 32768, limit + 1", dataF + "8000 8001 61", fault(wire.CodeBadFragmentOffset, 12, "fragment-offset")},
	{"fragment-offset 65535, largest", dataF + "ffff 8000 61", fault(wire.CodeBadFragmentOffset, 12, "fragment-offset")},
	{"fragment-offset before the end", dataF + "0001", fault(wire.CodeBadFragmentOffset, 12, "fragment-offset")},
	{"fragment-offset before the message length", dataF + "00ff 0000", fault(wire.CodeBadFragmentOffset, 12, "fragment-offset")},

	{"message-length absent", dataF + "0000", fault(wire.CodeTruncated, 14, "message-length")},
	{"message-length of 1 byte", dataF + "0000 01", fault(wire.CodeTruncated, 14, "message-length")},
	{"message-length 0, least", dataF + "0000 0000", fault(wire.CodeBadMessageLength, 14, "message-length")},
	{"message-length 256, limit - 1", dataF + "0000 0100 61*256", fault(wire.CodeBadMessageLength, 14, "message-length")},
	{"message-length 257, limit", dataF + "0000 0101 61*256", nil},
	{"message-length 258, limit + 1", dataF + "0000 0102 61*256", nil},
	{"message-length 32767, limit - 1", dataF + "0000 7fff 61*256", nil},
	{"message-length 32768, limit", dataF + "0000 8000 61*256", nil},
	{"message-length 32769, limit + 1", dataF + "0000 8001 61*256", fault(wire.CodeBadMessageLength, 14, "message-length")},
	{"message-length 65535, largest", dataF + "0000 ffff 61*256", fault(wire.CodeBadMessageLength, 14, "message-length")},
	{"message-length 0 behind an offset", dataF + "0100 0000 61", fault(wire.CodeBadMessageLength, 14, "message-length")},
	{"message-length is the offset - 1", dataF + "0400 03ff 61", fault(wire.CodeBadMessageLength, 14, "message-length")},
	{"message-length is the offset", dataF + "0400 0400", fault(wire.CodeBadMessageLength, 14, "message-length")},
	{"message-length is the offset + 1", dataF + "0400 0401 61", nil},
	{"message-length is the largest offset", dataF + "7fff 7fff 61", fault(wire.CodeBadMessageLength, 14, "message-length")},
	{"message-length before the extension length", dataFX + "0000 0100", fault(wire.CodeBadMessageLength, 14, "message-length")},

	{"ext-length absent", dataX, fault(wire.CodeTruncated, 12, "ext-length")},
	{"ext-length absent behind a message length", dataFX + "0000 0101", fault(wire.CodeTruncated, 16, "ext-length")},
	{"ext-length 0, least", dataX + "00", fault(wire.CodeBadExtLength, 12, "ext-length")},
	{"ext-length 1, limit - 1", dataX + "01 02 00", fault(wire.CodeBadExtLength, 12, "ext-length")},
	{"ext-length 1 before the end", dataX + "01", fault(wire.CodeBadExtLength, 12, "ext-length")},
	{"ext-length 1 of a fragment", dataFX + "0000 0101 01 02 00 61*256", fault(wire.CodeBadExtLength, 16, "ext-length")},
	{"ext-length 0 on CLOSE", closingX + "00 0000", fault(wire.CodeBadExtLength, 12, "ext-length")},
	{"ext-length 0 on KEEPALIVE", aliveX + "00", fault(wire.CodeBadExtLength, 12, "ext-length")},
	{"ext-length 2, limit", dataX + "02 02 00", nil},
	{"ext-length 3, limit + 1", dataX + "03 02 01 00", nil},
	{"ext-length 254, limit - 1", dataX + "fe 02 fc 00*252", nil},
	{"ext-length 255, limit and largest", dataX + "ff 02 fd 00*253", nil},
	{"ext-length beyond the frame", dataX + "ff 02 00", fault(wire.CodeTruncated, 15, "tlv-type")},

	{"tlv-type absent", dataX + "02", fault(wire.CodeTruncated, 13, "tlv-type")},
	{"tlv-type absent behind a TLV", dataX + "06 01 02 0001", fault(wire.CodeTruncated, 17, "tlv-type")},
	{"tlv-type absent in a fragment", dataFX + "0000 0101 02", fault(wire.CodeTruncated, 17, "tlv-type")},
	{"tlv-type 0 first", dataX + "02 00 00", nil},
	{"tlv-type one less", dataX + "04 03 00 02 00", fault(wire.CodeBadTLVOrder, 15, "tlv-type")},
	{"tlv-type the same", dataX + "04 02 00 02 00", fault(wire.CodeBadTLVOrder, 15, "tlv-type")},
	{"tlv-type 0 twice", dataX + "04 00 00 00 00", fault(wire.CodeBadTLVOrder, 15, "tlv-type")},
	{"tlv-type one more", dataX + "04 02 00 03 00", nil},
	{"tlv-type one more, hop-by-hop", dataX + "04 3f 00 40 00", nil},
	{"tlv-type third out of order", dataX + "06 00 00 03 00 02 00", fault(wire.CodeBadTLVOrder, 17, "tlv-type")},
	{"tlv-type against the one before it, not the largest", dataX + "08 01 02 0001 00 00 02 00", fault(wire.CodeBadTLVOrder, 17, "tlv-type")},
	{"tlv-type before its length", dataX + "03 02 00 02", fault(wire.CodeBadTLVOrder, 15, "tlv-type")},
	{"tlv-type known twice", dataX + "08 01 02 0001 01 02 0001", fault(wire.CodeBadTLVOrder, 17, "tlv-type")},
	{"tlv-type out of order and critical", dataX + "06 c1 02 0001 82 00", fault(wire.CodeBadTLVOrder, 17, "tlv-type")},
	{"tlv-type 7f, limit", dataX + "02 7f 00", nil},
	{"tlv-type 80, limit + 1", dataX + "02 80 00", fault(wire.CodeUnknownCriticalTLV, 13, "tlv-type")},
	{"tlv-type 81, run with C", dataX + "04 81 02 0001", fault(wire.CodeUnknownCriticalTLV, 13, "tlv-type")},
	{"tlv-type 83, encryption", dataX + "02 83 00", fault(wire.CodeUnknownCriticalTLV, 13, "tlv-type")},
	{"tlv-type c0, known - 1", dataX + "04 c0 02 0001", fault(wire.CodeUnknownCriticalTLV, 13, "tlv-type")},
	{"tlv-type c1, known", dataX + "04 c1 02 0001", nil},
	{"tlv-type c2, known + 1", dataX + "04 c2 02 0001", fault(wire.CodeUnknownCriticalTLV, 13, "tlv-type")},
	{"tlv-type ff, largest", dataX + "02 ff 00", fault(wire.CodeUnknownCriticalTLV, 13, "tlv-type")},
	{"tlv-type ff behind another", dataX + "06 c1 02 0001 ff 00", fault(wire.CodeUnknownCriticalTLV, 17, "tlv-type")},
	{"tlv-type critical before its length", dataX + "02 82 ff", fault(wire.CodeUnknownCriticalTLV, 13, "tlv-type")},
	{"tlv-type critical before the end", dataX + "ff 82", fault(wire.CodeUnknownCriticalTLV, 13, "tlv-type")},
	{"tlv-type critical in a later fragment", dataFX + "0100 0101 02 82 00 61", fault(wire.CodeUnknownCriticalTLV, 17, "tlv-type")},
	{"tlv-type critical on CLOSE", closingX + "02 82 00 0000", fault(wire.CodeUnknownCriticalTLV, 13, "tlv-type")},
	{"tlv-types that are GREASE", dataX + "10 0a 00 1a 00 2a 00 3a 00 4a 00 5a 00 6a 00 7a 00", nil},
	{"tlv-types for private use", dataX + "08 30 00 37 00 70 00 77 00", nil},
	{"tlv-types that are known", dataX + "0c 01 02 0001 41 02 0001 c1 02 0001", nil},

	{"tlv-length absent", dataX + "02 02", fault(wire.CodeTruncated, 14, "tlv-length")},
	{"tlv-length absent behind a TLV", dataX + "04 02 00 03", fault(wire.CodeTruncated, 16, "tlv-length")},
	{"tlv-length at the end of the TLVs", dataX + "03 02 00 03 61", fault(wire.CodeBadTLVLength, 16, "tlv-length")},
	{"tlv-length at the end of the TLVs and of the frame", dataX + "03 02 00 03", fault(wire.CodeBadTLVLength, 16, "tlv-length")},
	{"tlv-length to the end - 1", dataX + "05 02 02 0000 03", fault(wire.CodeBadTLVLength, 18, "tlv-length")},
	{"tlv-length to the end", dataX + "05 02 03 000000", nil},
	{"tlv-length to the end + 1", dataX + "05 02 04 000000 61", fault(wire.CodeBadTLVLength, 14, "tlv-length")},
	{"tlv-length beyond the end of no value", dataX + "02 02 01 61", fault(wire.CodeBadTLVLength, 14, "tlv-length")},
	{"tlv-length 253, limit", dataX + "ff 02 fd 00*253", nil},
	{"tlv-length 254, limit + 1", dataX + "ff 02 fe 00*254", fault(wire.CodeBadTLVLength, 14, "tlv-length")},
	{"tlv-length 255, largest", dataX + "ff 02 ff 00*255", fault(wire.CodeBadTLVLength, 14, "tlv-length")},
	{"tlv-length beyond the end before the end of the frame", dataX + "ff 02 fe", fault(wire.CodeBadTLVLength, 14, "tlv-length")},
	{"tlv-length of a run beyond the end", dataX + "03 01 02 00 01", fault(wire.CodeBadTLVLength, 14, "tlv-length")},
	{"tlv-length 0 of a run", dataX + "02 01 00", fault(wire.CodeBadTLVLength, 14, "tlv-length")},
	{"tlv-length 1 of a run, limit - 1", dataX + "03 01 01 01", fault(wire.CodeBadTLVLength, 14, "tlv-length")},
	{"tlv-length 2 of a run, limit", dataX + "04 01 02 0001", nil},
	{"tlv-length 3 of a run, limit + 1", dataX + "05 01 03 000001", fault(wire.CodeBadTLVLength, 14, "tlv-length")},
	{"tlv-length 4 of a run", dataX + "06 01 04 0001 0002", fault(wire.CodeBadTLVLength, 14, "tlv-length")},
	{"tlv-length 253 of a run, largest", dataX + "ff 01 fd 01*253", fault(wire.CodeBadTLVLength, 14, "tlv-length")},
	{"tlv-length 0 of an origin", dataX + "02 41 00", fault(wire.CodeBadTLVLength, 14, "tlv-length")},
	{"tlv-length 1 of an origin, limit - 1", dataX + "03 41 01 01", fault(wire.CodeBadTLVLength, 14, "tlv-length")},
	{"tlv-length 2 of an origin, limit", dataX + "04 41 02 0001", nil},
	{"tlv-length 3 of an origin, limit + 1", dataX + "05 41 03 000001", fault(wire.CodeBadTLVLength, 14, "tlv-length")},
	{"tlv-length 4 of an origin", dataX + "06 41 04 0001 0002", fault(wire.CodeBadTLVLength, 14, "tlv-length")},
	{"tlv-length 253 of an origin, largest", dataX + "ff 41 fd 01*253", fault(wire.CodeBadTLVLength, 14, "tlv-length")},
	{"tlv-length 0 of participants", dataX + "02 c1 00", fault(wire.CodeBadTLVLength, 14, "tlv-length")},
	{"tlv-length 1 of participants, limit - 1", dataX + "03 c1 01 01", fault(wire.CodeBadTLVLength, 14, "tlv-length")},
	{"tlv-length 2 of participants, limit", dataX + "04 c1 02 0001", nil},
	{"tlv-length 3 of participants, limit + 1", dataX + "05 c1 03 000102", fault(wire.CodeBadTLVLength, 14, "tlv-length")},
	{"tlv-length 4 of participants", dataX + "06 c1 04 0001 0002", nil},
	{"tlv-length 126 of participants", dataX + "80 c1 7e " + ascending(1, 63), nil},
	{"tlv-length 127 of participants, limit - 1", dataX + "81 c1 7f " + ascending(1, 63) + "ff", fault(wire.CodeBadTLVLength, 14, "tlv-length")},
	{"tlv-length 128 of participants, limit", dataX + "82 c1 80 " + ascending(1, 64), nil},
	{"tlv-length 129 of participants, limit + 1", dataX + "83 c1 81 " + ascending(1, 64) + "ff", fault(wire.CodeBadTLVLength, 14, "tlv-length")},
	{"tlv-length 130 of participants", dataX + "84 c1 82 " + ascending(1, 65), fault(wire.CodeBadTLVLength, 14, "tlv-length")},
	{"tlv-length 252 of participants, largest even", dataX + "fe c1 fc " + ascending(1, 126), fault(wire.CodeBadTLVLength, 14, "tlv-length")},
	{"tlv-length before the value", dataX + "05 01 03 000000", fault(wire.CodeBadTLVLength, 14, "tlv-length")},
	{"tlv-length before the end of the frame", dataX + "05 01 03", fault(wire.CodeBadTLVLength, 14, "tlv-length")},
	{"tlv-length in a later fragment", dataFX + "0100 0101 03 01 01 01 61", fault(wire.CodeBadTLVLength, 18, "tlv-length")},

	{"tlv-value absent", dataX + "04 01 02", fault(wire.CodeTruncated, 15, "tlv-value")},
	{"tlv-value of 1 byte", dataX + "04 01 02 00", fault(wire.CodeTruncated, 15, "tlv-value")},
	{"tlv-value unknown, one byte short", dataX + "ff 02 fd 00*252", fault(wire.CodeTruncated, 15, "tlv-value")},
	{"tlv-value with a handle 0, but cut short", dataX + "06 c1 04 0000 00", fault(wire.CodeTruncated, 15, "tlv-value")},
	{"tlv-value unknown, any", dataX + "06 02 04 0000 ffff", nil},
	{"tlv-value run 0, limit - 1", dataX + "04 01 02 0000", fault(wire.CodeBadTLVValue, 15, "tlv-value")},
	{"tlv-value run 1, limit", dataX + "04 01 02 0001", nil},
	{"tlv-value run 256", dataX + "04 01 02 0100", nil},
	{"tlv-value run 65535, largest", dataX + "04 01 02 ffff", nil},
	{"tlv-value origin 0, limit - 1", dataX + "04 41 02 0000", fault(wire.CodeBadTLVValue, 15, "tlv-value")},
	{"tlv-value origin 1, limit", dataX + "04 41 02 0001", nil},
	{"tlv-value origin 256", dataX + "04 41 02 0100", nil},
	{"tlv-value origin 65535, largest", dataX + "04 41 02 ffff", nil},
	{"tlv-value handle 0, limit - 1", dataX + "04 c1 02 0000", fault(wire.CodeBadTLVValue, 15, "tlv-value")},
	{"tlv-value handle 1, limit", dataX + "04 c1 02 0001", nil},
	{"tlv-value handle 65535, largest", dataX + "04 c1 02 ffff", nil},
	{"tlv-value handle 0 before others", dataX + "06 c1 04 0000 0001", fault(wire.CodeBadTLVValue, 15, "tlv-value")},
	{"tlv-value handle 0 behind others", dataX + "06 c1 04 0001 0000", fault(wire.CodeBadTLVValue, 15, "tlv-value")},
	{"tlv-value handle one less", dataX + "06 c1 04 0100 00ff", fault(wire.CodeBadTLVValue, 15, "tlv-value")},
	{"tlv-value handle the same", dataX + "06 c1 04 0100 0100", fault(wire.CodeBadTLVValue, 15, "tlv-value")},
	{"tlv-value handle one more", dataX + "06 c1 04 0100 0101", nil},
	{"tlv-value handle in the order of its low byte only", dataX + "06 c1 04 0201 0102", fault(wire.CodeBadTLVValue, 15, "tlv-value")},
	{"tlv-value handle wraps", dataX + "06 c1 04 ffff 0000", fault(wire.CodeBadTLVValue, 15, "tlv-value")},
	{"tlv-value handle 64 the same as 63", dataX + "82 c1 80 " + ascending(1, 63) + "003f", fault(wire.CodeBadTLVValue, 15, "tlv-value")},
	{"tlv-value handles, largest", dataX + "82 c1 80 " + ascending(65472, 64), nil},
	{"tlv-value in a second TLV", dataX + "08 01 02 0001 41 02 0000", fault(wire.CodeBadTLVValue, 19, "tlv-value")},
	{"tlv-value before the next type", dataX + "06 01 02 0000 82 00", fault(wire.CodeBadTLVValue, 15, "tlv-value")},
	{"tlv-value of a run in a later fragment", dataFX + "0100 0101 04 01 02 0000 61", fault(wire.CodeBadTLVValue, 19, "tlv-value")},

	{"payload of 0 bytes", data, nil},
	{"payload of 1 byte", data + "61", nil},
	{"payload of 32767 bytes, limit - 1", data + "61*32767", nil},
	{"payload of 32768 bytes, limit", data + "61*32768", nil},
	{"payload of 32769 bytes, limit + 1", data + "61*32769", fault(wire.CodeMessageTooLong, 12, "payload")},
	{"payload of 1 MiB", data + "61*1048576", fault(wire.CodeMessageTooLong, 12, "payload")},
	{"payload behind TLVs, limit", dataX + "02 02 00 61*32768", nil},
	{"payload behind TLVs, limit + 1", dataX + "02 02 00 61*32769", fault(wire.CodeMessageTooLong, 15, "payload")},

	// 44 bytes are left of a message of 300 from 256 on.
	{"payload of 0 bytes of 44", dataF + "0100 012c", fault(wire.CodeFragmentShort, 16, "payload")},
	{"payload of 43 bytes of 44, limit - 1", dataF + "0100 012c 61*43", fault(wire.CodeFragmentShort, 16, "payload")},
	{"payload of 44 bytes of 44, limit", dataF + "0100 012c 61*44", nil},
	{"payload of 45 bytes of 44, limit + 1", dataF + "0100 012c 61*45", fault(wire.CodeFragmentOverrun, 16, "payload")},
	{"payload of 256 bytes of 44", dataF + "0100 012c 61*256", fault(wire.CodeFragmentOverrun, 16, "payload")},
	{"payload of 300 bytes of 44, as many as the message", dataF + "0100 012c 61*300", fault(wire.CodeFragmentOverrun, 16, "payload")},
	{"payload of 301 bytes of 44", dataF + "0100 012c 61*301", fault(wire.CodeFragmentOverrun, 16, "payload")},
	{"payload of 32768 bytes of 1", dataF + "7fff 8000 61*32768", fault(wire.CodeFragmentOverrun, 16, "payload")},
	{"payload of 70000 bytes of 1, wraps in 16 bits", dataF + "7fff 8000 61*70000", fault(wire.CodeFragmentOverrun, 16, "payload")},
	{"payload behind TLVs of a fragment", dataFX + "0100 012c 02 02 00 61*45", fault(wire.CodeFragmentOverrun, 19, "payload")},

	{"payload of 256 bytes of 257, limit - 1", dataF + "0000 0101 61*256", nil},
	{"payload of 257 bytes of 257, limit", dataF + "0000 0101 61*257", fault(wire.CodeFragmentWhole, 16, "payload")},
	{"payload of 258 bytes of 257, limit + 1", dataF + "0000 0101 61*258", fault(wire.CodeFragmentOverrun, 16, "payload")},
	{"payload of 32767 bytes of 32768, limit - 1", dataF + "0000 8000 61*32767", nil},
	{"payload of 32768 bytes of 32768, limit", dataF + "0000 8000 61*32768", fault(wire.CodeFragmentWhole, 16, "payload")},
	{"payload of 32769 bytes of 32768, limit + 1", dataF + "0000 8000 61*32769", fault(wire.CodeFragmentOverrun, 16, "payload")},
	{"payload of a whole message behind TLVs", dataFX + "0000 0101 02 02 00 61*257", fault(wire.CodeFragmentWhole, 19, "payload")},

	{"payload of 0 bytes of 1000", dataF + "0000 03e8", fault(wire.CodeFragmentShort, 16, "payload")},
	{"payload of 255 bytes of 1000, limit - 1", dataF + "0000 03e8 61*255", fault(wire.CodeFragmentShort, 16, "payload")},
	{"payload of 256 bytes of 1000, limit", dataF + "0000 03e8 61*256", nil},
	{"payload of 257 bytes of 1000, limit + 1", dataF + "0000 03e8 61*257", nil},
	{"payload of 255 bytes of 744", dataF + "0100 03e8 61*255", fault(wire.CodeFragmentShort, 16, "payload")},
	{"payload of 256 bytes of 744", dataF + "0100 03e8 61*256", nil},
	{"payload of 743 bytes of 744", dataF + "0100 03e8 61*743", nil},
	{"payload of 744 bytes of 744", dataF + "0100 03e8 61*744", nil},
	{"payload of 745 bytes of 744", dataF + "0100 03e8 61*745", fault(wire.CodeFragmentOverrun, 16, "payload")},
	{"payload of 255 bytes of 255", dataF + "0100 01ff 61*255", nil},
	{"payload of 255 bytes of 256", dataF + "0100 0200 61*255", fault(wire.CodeFragmentShort, 16, "payload")},
	{"payload of 32512 bytes of 32512, the longest last one", dataF + "0100 8000 61*32512", nil},

	{"reason absent", closing, fault(wire.CodeTruncated, 12, "reason")},
	{"reason of 1 byte", closing + "00", fault(wire.CodeTruncated, 12, "reason")},
	{"reason absent behind TLVs", closingX + "02 02 00", fault(wire.CodeTruncated, 15, "reason")},
	{"reason of 1 byte behind TLVs", closingX + "02 02 00 00", fault(wire.CodeTruncated, 15, "reason")},
	{"reason 0, least", closing + "0000", nil},
	{"reason 1", closing + "0001", nil},
	{"reason 2, unassigned", closing + "0002", nil},
	{"reason 65535, largest", closing + "ffff", nil},

	{"end of CLOSE", closingX + "02 02 00 0000", nil},
	{"end of CLOSE + 1", closing + "0000 00", fault(wire.CodeTrailingBytes, 14, "end")},
	{"end of CLOSE + 65536", closing + "0000 00*65536", fault(wire.CodeTrailingBytes, 14, "end")},
	{"end of CLOSE behind TLVs + 1", closingX + "02 02 00 0000 00", fault(wire.CodeTrailingBytes, 17, "end")},
	{"end of KEEPALIVE", aliveX + "02 02 00", nil},
	{"end of KEEPALIVE + 1", alive + "00", fault(wire.CodeTrailingBytes, 12, "end")},
	{"end of KEEPALIVE + 65536", alive + "00*65536", fault(wire.CodeTrailingBytes, 12, "end")},
	{"end of KEEPALIVE behind TLVs + 1", aliveX + "02 02 00 00", fault(wire.CodeTrailingBytes, 15, "end")},
}

// TestFrameErrors holds both directions against the table: Parse, and AppendBinary of the fields that the bytes spell.
func TestFrameErrors(t *testing.T) {
	for _, tt := range refusals {
		t.Run(tt.name, func(t *testing.T) {
			b := unhex(tt.in)
			parsed, e := parse(t, b)
			requireError(t, "Parse", e, tt.want)

			f, ok := unspell(b)
			if !ok {
				if tt.want == nil {
					t.Fatal("no fields spell a frame that is accepted")
				}
				return
			}
			again, e := encode(t, f, nil, len(b))
			requireError(t, "AppendBinary", e, tt.want)
			if tt.want == nil {
				requireFrame(t, parsed, f)
				requireBytes(t, "AppendBinary", again, b)
			}
		})
	}
}

// TestFrameErrorsComplete: the table above has a row for each cell of SPEC.md section 7.1 that holds a clause, and
// none for another cell. But for what a cut and another version do to bytes, the row of each cell is one for
// AppendBinary too.
func TestFrameErrorsComplete(t *testing.T) {
	decoded, encoded := make(map[raise]bool), make(map[raise]bool)
	for _, tt := range refusals {
		if tt.want == nil {
			continue
		}
		r := raise{tt.want.Field, tt.want.Code}
		decoded[r] = true
		if _, ok := unspell(unhex(tt.in)); ok {
			encoded[r] = true
		}
	}
	raises := specRaises(t)
	for r := range raises {
		if !decoded[r] {
			t.Errorf("no row in which %s raises %v", r.field, r.code)
		}
		if spelled := r.code != wire.CodeTruncated && r.code != wire.CodeUnknownVersion; encoded[r] != spelled {
			t.Errorf("fields of which %s raises %v: %t, want %t", r.field, r.code, encoded[r], spelled)
		}
	}
	for r := range decoded {
		if !raises[r] {
			t.Errorf("a row in which %s raises %v, which SPEC.md section 7.1 does not have", r.field, r.code)
		}
	}
}

// TestFrameParseFlags: of all 256 bytes, DATA takes those without zero flags, the other types those without F as
// well, and D and P come back (WIRE-012 to WIRE-014).
func TestFrameParseFlags(t *testing.T) {
	for typ, tail := range []string{"61", "0000", ""} {
		for flags := range 256 {
			in := fmt.Sprintf("%02x %02x 0001 00000000 00000000 ", 0x80+typ, flags)
			if flags&0x80 != 0 {
				in += "0100 0101 "
			}
			if flags&0x40 != 0 {
				in += "02 0000 "
			}
			f, e := parse(t, unhex(in+tail))
			if flags%16 != 0 || flags >= 128 && typ != 0 {
				requireError(t, in, e, fault(wire.CodeBadFlags, 1, "flags"))
				continue
			}
			requireError(t, in, e, nil)
			if want := wire.Flags(flags % 64); f.Flags != want {
				t.Errorf("%s: flags %#02x, want %#02x", in, uint8(f.Flags), uint8(want))
			}
		}
	}
}

// TestFrameAppendBinaryErrors has the limits that bytes cannot be on the other side of.
func TestFrameAppendBinaryErrors(t *testing.T) {
	tests := []struct {
		name  string
		frame wire.Frame
		want  *wire.Error
	}{
		{"type 2, limit", wire.Frame{Type: 2, Channel: 1}, nil},
		{"type 3, limit + 1", wire.Frame{Type: 3, Channel: 1}, fault(wire.CodeUnknownType, 0, "type")},
		{"type 63, most of 6 bits", wire.Frame{Type: 63, Channel: 1}, fault(wire.CodeUnknownType, 0, "type")},
		{"type 64, first of 7 bits", wire.Frame{Type: 64, Channel: 1}, fault(wire.CodeUnknownType, 0, "type")},
		{"type 128, the version", wire.Frame{Type: 128, Channel: 1}, fault(wire.CodeUnknownType, 0, "type")},
		{"type 129, the version and CLOSE", wire.Frame{Type: 129, Channel: 1}, fault(wire.CodeUnknownType, 0, "type")},
		{"type 255, largest", wire.Frame{Type: 255, Channel: 1}, fault(wire.CodeUnknownType, 0, "type")},
		{"type before flags", wire.Frame{Type: 3, Flags: 0xff}, fault(wire.CodeUnknownType, 0, "type")},

		{"flags D and P", wire.Frame{Flags: 0x30, Channel: 1}, nil},
		{"flags X without TLVs", wire.Frame{Flags: 0x40, Channel: 1}, fault(wire.CodeBadFlags, 1, "flags")},
		{"flags X with TLVs", wire.Frame{Flags: 0x40, Channel: 1, Ext: unhex("02 00")}, fault(wire.CodeBadFlags, 1, "flags")},
		{"flags F without a fragment", wire.Frame{Flags: 0x80, Channel: 1}, fault(wire.CodeBadFlags, 1, "flags")},
		{"flags F with a fragment", wire.Frame{Flags: 0x80, Channel: 1, Offset: 256, Total: 257, Payload: unhex("61")}, fault(wire.CodeBadFlags, 1, "flags")},
		{"flags with a zero flag", wire.Frame{Flags: 0x01, Channel: 1}, fault(wire.CodeBadFlags, 1, "flags")},
		{"CLOSE with a message length", wire.Frame{Type: wire.TypeClose, Channel: 1, Total: 257}, fault(wire.CodeBadFlags, 1, "flags")},
		{"KEEPALIVE with a fragment offset", wire.Frame{Type: wire.TypeKeepAlive, Channel: 1, Offset: 256}, fault(wire.CodeBadFlags, 1, "flags")},
		{"flags before the channel", wire.Frame{Flags: 0x80}, fault(wire.CodeBadFlags, 1, "flags")},

		{"channel 0", wire.Frame{}, fault(wire.CodeBadChannel, 2, "channel")},
		{"channel before the offset", wire.Frame{Offset: 1}, fault(wire.CodeBadChannel, 2, "channel")},
		{"offset 1 alone", wire.Frame{Channel: 1, Offset: 1}, fault(wire.CodeBadFragmentOffset, 12, "fragment-offset")},
		{"offset 256 alone", wire.Frame{Channel: 1, Offset: 256}, fault(wire.CodeBadMessageLength, 14, "message-length")},
		{"total 1 alone", wire.Frame{Channel: 1, Total: 1}, fault(wire.CodeBadMessageLength, 14, "message-length")},
		{"total before the TLVs", wire.Frame{Channel: 1, Total: 256, Ext: unhex("00")}, fault(wire.CodeBadMessageLength, 14, "message-length")},

		{"TLVs of 1 byte", wire.Frame{Channel: 1, Ext: unhex("02")}, fault(wire.CodeBadExtLength, 12, "ext-length")},
		{"TLVs of 255 bytes, limit", wire.Frame{Channel: 1, Ext: unhex("02 fd 00*253")}, nil},
		{"TLVs of 256 bytes, limit + 1", wire.Frame{Channel: 1, Ext: unhex("02 fc 00*252 03 00")}, fault(wire.CodeBadExtLength, 12, "ext-length")},
		{"TLVs of 258 bytes, 2 in 8 bits", wire.Frame{Channel: 1, Ext: unhex("02 fe 00*254 03 00")}, fault(wire.CodeBadExtLength, 12, "ext-length")},
		{"TLVs of 65536 bytes", wire.Frame{Channel: 1, Ext: make(wire.Extensions, 65536)}, fault(wire.CodeBadExtLength, 12, "ext-length")},
		{"TLVs of 256 bytes of a fragment", wire.Frame{Channel: 1, Offset: 256, Total: 257, Ext: make(wire.Extensions, 256)}, fault(wire.CodeBadExtLength, 16, "ext-length")},
		{"TLVs of 256 bytes before their order", wire.Frame{Channel: 1, Ext: unhex("82 00*255")}, fault(wire.CodeBadExtLength, 12, "ext-length")},
		{"TLVs that are not nil but empty", wire.Frame{Channel: 1, Ext: wire.Extensions{}}, nil},
		{"TLV longer than the TLVs", wire.Frame{Channel: 1, Ext: unhex("02 01"), Payload: unhex("61")}, fault(wire.CodeBadTLVLength, 14, "tlv-length")},
		{"TLV without a length", wire.Frame{Channel: 1, Ext: unhex("02 00 03"), Payload: unhex("00")}, fault(wire.CodeBadTLVLength, 16, "tlv-length")},

		{"CLOSE with a payload", wire.Frame{Type: wire.TypeClose, Channel: 1, Payload: unhex("61")}, fault(wire.CodeTrailingBytes, 14, "end")},
		{"KEEPALIVE with a payload", wire.Frame{Type: wire.TypeKeepAlive, Channel: 1, Payload: unhex("61")}, fault(wire.CodeTrailingBytes, 12, "end")},
		{"payload of 65536 bytes, 0 in 16 bits", wire.Frame{Channel: 1, Payload: make([]byte, 65536)}, fault(wire.CodeMessageTooLong, 12, "payload")},
		{"payload of 65537 bytes of a fragment, 1 in 16 bits", wire.Frame{Channel: 1, Offset: 256, Total: 257, Payload: make([]byte, 65537)}, fault(wire.CodeFragmentOverrun, 16, "payload")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, e := encode(t, &tt.frame, []byte("before"), 512)
			requireError(t, "AppendBinary", e, tt.want)
			if e != nil {
				return
			}
			f, e := parse(t, got)
			requireError(t, "Parse of what was appended", e, nil)
			requireFrame(t, f, &tt.frame)
		})
	}
}

// TestError: an *Error is found in an error that wraps it, is its Code and no other, and says all that it knows.
func TestError(t *testing.T) {
	cause := new(wire.Frame).Parse(unhex("80 00 0000"))
	err := fmt.Errorf("from 7: %w", cause)

	if want := "from 7: wire: bad-channel: channel at offset 2"; err.Error() != want {
		t.Errorf("text %q, want %q", err, want)
	}
	for n := range 256 {
		code := wire.Code(n)
		if got, want := errors.Is(err, code), code == wire.CodeBadChannel; got != want {
			t.Errorf("errors.Is(err, %d) = %t, want %t", n, got, want)
		}
	}
	e, ok := errors.AsType[*wire.Error](err)
	if !ok {
		t.Fatalf("no *wire.Error in %v", err)
	}
	requireError(t, "errors.AsType", e, fault(wire.CodeBadChannel, 2, "channel"))
	if code, ok := errors.AsType[wire.Code](err); !ok || code != wire.CodeBadChannel {
		t.Errorf("errors.AsType[wire.Code] = %d, %t, want 5, true", code, ok)
	}
}

// TestErrorText: the text names code, field and offset, whatever they are.
func TestErrorText(t *testing.T) {
	for _, tt := range []struct {
		err  *wire.Error
		want string
	}{
		{fault(wire.CodeTruncated, 0, "version"), "wire: truncated: version at offset 0"},
		{fault(wire.CodeTrailingBytes, 33038, "end"), "wire: trailing-bytes: end at offset 33038"},
		{fault(0, 12, "payload"), "wire: code(0): payload at offset 12"},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("text %q, want %q", got, tt.want)
		}
		if !strings.HasPrefix(tt.want, tt.err.Code.Error()+": ") {
			t.Errorf("text %q does not begin with that of the code, %q", tt.want, tt.err.Code.Error())
		}
	}
}
