package cdcptest

import (
	"bytes"
	"testing"

	"github.com/cdcp-project/cdcp/wire"
)

func TestPassedOn(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"nothing", "", "\x41\x02\x00\x07"},
		{"run and participants", "\x01\x02\x00\x05\xc1\x04\x00\x02\x00\x07", "\x01\x02\x00\x05\x41\x02\x00\x07"},
		{"an origin", "\x41\x02\x00\x08", "\x41\x02\x00\x07"},
		{"unknown ones around", "\x0a\x01x\x40\x00\x41\x02\x00\x08\x4a\x01y\xc1\x02\x00\x02", "\x0a\x01x\x40\x00\x41\x02\x00\x07\x4a\x01y"},
	} {
		if got := passedOn(wire.Extensions(c.in), 7); !bytes.Equal(got, []byte(c.want)) {
			t.Errorf("%s: % x, want % x", c.name, got, c.want)
		}
	}
}
