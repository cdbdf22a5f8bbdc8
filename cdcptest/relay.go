package cdcptest

import (
	"encoding/binary"
	"slices"

	"github.com/cdcp-project/cdcp/wire"
)

// relay passes a frame on (SPEC.md section 10): to those whose link is up and whom its participants name, or to all if it names none;
// never back. It sets the origin, removes participants, and changes nothing else.
func (n *Network) relay(f flight) {
	var frame wire.Frame
	must(frame.Parse(f.frame))
	to, named := frame.Ext.AppendParticipants(nil)
	frame.Ext = passedOn(frame.Ext, f.from)
	for _, e := range n.endpoints {
		if e.Self == f.from || !e.isUp || named && !slices.Contains(to, e.Self) {
			continue
		}
		b, err := frame.AppendBinary(nil)
		must(err)
		n.launch(flight{frame: b, class: f.class, from: f.from, link: e, to: e})
	}
}

// passedOn returns the TLVs of a frame that a relay passes on.
func passedOn(x wire.Extensions, from wire.Participant) wire.Extensions {
	var y wire.Extensions
	add := func(t wire.ExtType, value []byte) {
		var err error
		y, err = y.Append(t, value)
		must(err)
	}
	origin := binary.BigEndian.AppendUint16(nil, uint16(from))
	for t, value := range x.All() {
		if origin != nil && t >= wire.ExtOrigin {
			add(wire.ExtOrigin, origin)
			origin = nil
		}
		if t != wire.ExtOrigin && t != wire.ExtParticipants {
			add(t, value)
		}
	}
	if origin != nil {
		add(wire.ExtOrigin, origin)
	}
	return y
}

// origin returns whom a frame from the relay came from, as the carriage reads it.
func origin(b []byte) wire.Participant {
	var frame wire.Frame
	must(frame.Parse(b))
	from, _ := frame.Ext.Origin()
	return from
}
