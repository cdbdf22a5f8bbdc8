package cdcptest

import (
	"fmt"
	"strings"

	"github.com/cdcp-project/cdcp"
	"github.com/cdcp-project/cdcp/wire"
)

// trace writes a line about an endpoint.
func (n *Network) trace(about wire.Participant, format string, args ...any) {
	if n.Trace != nil {
		fmt.Fprintf(n.Trace, "%.6f %d %s\n", n.now.Sub(n.start).Seconds(), about, fmt.Sprintf(format, args...))
	}
}

// description is a frame that is described only if somebody reads it.
type description []byte

func describe(frame []byte) description { return frame }

// String returns type, channel, session, number and flags of the frame, and what else it has.
func (d description) String() string {
	var f wire.Frame
	if err := f.Parse(d); err != nil {
		return err.Error()
	}
	var s strings.Builder
	fmt.Fprintf(&s, "%s %d/%d/%d", f.Type, f.Channel, f.Session, f.Sequence)
	if f.Flags != 0 {
		fmt.Fprintf(&s, " %s", f.Flags)
	}
	if run, ok := f.Ext.Run(); ok {
		fmt.Fprintf(&s, " run %d", run)
	}
	switch {
	case f.Total != 0:
		fmt.Fprintf(&s, " %d+%d of %d bytes", f.Offset, len(f.Payload), f.Total)
	case f.Type == wire.TypeData:
		fmt.Fprintf(&s, " %d bytes", len(f.Payload))
	case f.Type == wire.TypeClose:
		fmt.Fprintf(&s, " %s", f.Reason)
	}
	return s.String()
}

// eventDescription is an event that is described only if somebody reads it.
type eventDescription cdcp.Event

// String returns the kind of the event, the channel that it is about, and the reason.
func (v eventDescription) String() string {
	s := v.Kind.String()
	if v.Receiver != nil {
		s += fmt.Sprintf(" %d/%d", v.Receiver.From(), v.Receiver.ChannelID())
	} else {
		s += fmt.Sprintf(" %d", v.Sender.ChannelID())
	}
	if v.Reason != 0 {
		s += " " + v.Reason.String()
	}
	return s
}

// names spells participants.
func names(to []wire.Participant) string {
	if len(to) == 0 {
		return "all"
	}
	return strings.Trim(fmt.Sprint(to), "[]")
}
