package fragment_test

import (
	"testing"

	"github.com/cdcp-project/cdcp/fragment"
	"github.com/cdcp-project/cdcp/wire"
)

// TestEndsAtEdges: messages with the least and the greatest channel, session and number end like any other, and those next to them
// stay.
func TestEndsAtEdges(t *testing.T) {
	const last = 1<<32 - 1
	always := func(wire.Serial) bool { return true }
	for _, tt := range []struct {
		name string
		end  func(p *probe, f *wire.Frame)
	}{
		{"number", func(p *probe, f *wire.Frame) { p.End(&p.account, f.Channel, f.Session, f.Sequence) }},
		{"another number", func(p *probe, f *wire.Frame) { p.EndOthers(&p.account, f.Channel, f.Session, f.Sequence+7) }},
		{"session over", func(p *probe, f *wire.Frame) { p.Forget(&p.account, f.Channel, always) }},
	} {
		for _, at := range []wire.Frame{
			{Channel: 1, Session: 0, Sequence: 0}, {Channel: 1, Session: last, Sequence: last},
			{Channel: 65535, Session: 0, Sequence: 0}, {Channel: 65535, Session: last, Sequence: last},
		} {
			p := newProbe(t, roomy)
			for _, channel := range []uint16{at.Channel - 1, at.Channel, at.Channel + 1} {
				f := part(lossy, at.Sequence, 0, 256, 1000)
				f.Channel, f.Session = channel, at.Session
				p.add(f, fragment.Held)
			}
			tt.end(p, &at)
			if got := p.Stats().Abandoned; got != 1 {
				t.Errorf("%s: %d messages ended at channel %d, session %d, number %d", tt.name, got, at.Channel, at.Session, at.Sequence)
			}
			p.End(&p.account, at.Channel, at.Session, at.Sequence)
			if got := p.Stats().Abandoned; got != 1 {
				t.Errorf("%s: another one ended at channel %d, session %d, number %d", tt.name, at.Channel, at.Session, at.Sequence)
			}
		}
	}
}
