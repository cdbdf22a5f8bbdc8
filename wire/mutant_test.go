package wire_test

import (
	"encoding/binary"
	"testing"

	"github.com/cdcp-project/cdcp/wire"
)

// TestChannelAlone: whether the channel id is 0 does not depend on the bits around it, which the short way through Parse reads at
// once with it.
func TestChannelAlone(t *testing.T) {
	fragment := unhex("00000101") // offset 0 of 257 bytes
	for _, flags := range []wire.Flags{0, wire.FlagDurable, wire.FlagHigh, wire.FlagFragment} {
		for _, session := range []string{"00000000", "00000001", "80000000", "ffffffff"} {
			b := append([]byte{0x80, byte(flags), 0, 0}, unhex(session)...)
			b = append(b, 0, 0, 0, 1)
			if flags == wire.FlagFragment {
				b = append(append(b, fragment...), make([]byte, 256)...)
			}
			_, err := parse(t, b)
			requireError(t, "channel 0, session "+session, err, fault(wire.CodeBadChannel, 2, "channel"))
			for bit := range 16 {
				id := uint16(1) << bit
				binary.BigEndian.PutUint16(b[2:], id)
				if f, err := parse(t, b); err != nil || f.Channel != id {
					t.Fatalf("channel %d, session %s: %v", id, session, err)
				}
			}
		}
	}
}
