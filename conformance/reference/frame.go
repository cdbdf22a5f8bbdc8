package reference

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/cdcp-project/cdcp/wire"
)

// frame is the value of a frame (PORT-PROTOCOL.md section 4).
type frame struct {
	Type     string   `json:"type"`
	Durable  bool     `json:"durable"`
	High     bool     `json:"high"`
	Channel  uint16   `json:"channel"`
	Session  uint32   `json:"session"`
	Sequence uint32   `json:"sequence"`
	Offset   uint16   `json:"offset"`
	Total    uint16   `json:"total"`
	Ext      []tlv    `json:"ext"`
	Reason   uint16   `json:"reason"`
	Payload  hexBytes `json:"payload"`
}

// typeNames has the name of each type at its number.
var typeNames = []string{wire.TypeData: "data", wire.TypeClose: "close", wire.TypeKeepAlive: "keepalive"}

// UnmarshalJSON reads every key, and refuses a frame without one of them or of a type without a name.
func (v *frame) UnmarshalJSON(b []byte) error {
	var o object
	if err := json.Unmarshal(b, &o); err != nil {
		return err
	}
	err := errors.Join(
		o.get("type", &v.Type), o.get("durable", &v.Durable), o.get("high", &v.High), o.get("channel", &v.Channel),
		o.get("session", &v.Session), o.get("sequence", &v.Sequence), o.get("offset", &v.Offset), o.get("total", &v.Total),
		o.get("ext", &v.Ext), o.get("reason", &v.Reason), o.get("payload", &v.Payload))
	if err == nil && !slices.Contains(typeNames, v.Type) {
		err = fmt.Errorf("no type is called %q", v.Type)
	}
	return err
}

// tlv is written as an array of two: [1,"0001"].
type tlv struct {
	Type  uint8
	Value hexBytes
}

func (t tlv) MarshalJSON() ([]byte, error) { return json.Marshal([]any{t.Type, t.Value}) }

func (t *tlv) UnmarshalJSON(b []byte) error {
	var two []json.RawMessage
	if err := json.Unmarshal(b, &two); err != nil {
		return err
	}
	if len(two) != 2 {
		return fmt.Errorf("a TLV of %d elements", len(two))
	}
	return errors.Join(json.Unmarshal(two[0], &t.Type), json.Unmarshal(two[1], &t.Value))
}

func fromWire(f *wire.Frame) frame {
	v := frame{
		Type:     typeNames[f.Type],
		Durable:  f.Flags&wire.FlagDurable != 0,
		High:     f.Flags&wire.FlagHigh != 0,
		Channel:  f.Channel,
		Session:  uint32(f.Session),
		Sequence: uint32(f.Sequence),
		Offset:   f.Offset,
		Total:    f.Total,
		Ext:      []tlv{},
		Reason:   uint16(f.Reason),
		Payload:  f.Payload,
	}
	for t, value := range f.Ext.All() {
		v.Ext = append(v.Ext, tlv{uint8(t), value})
	}
	return v
}

// toWire returns the frame that v spells, which package wire can refuse.
func (v frame) toWire() *wire.Frame {
	f := &wire.Frame{
		Type:     wire.Type(slices.Index(typeNames, v.Type)),
		Channel:  v.Channel,
		Session:  wire.Serial(v.Session),
		Sequence: wire.Serial(v.Sequence),
		Offset:   v.Offset,
		Total:    v.Total,
		Reason:   wire.CloseReason(v.Reason),
		Payload:  v.Payload,
	}
	if v.Durable {
		f.Flags |= wire.FlagDurable
	}
	if v.High {
		f.Flags |= wire.FlagHigh
	}
	for _, t := range v.Ext {
		// The length byte of a value over 255 bytes does not matter: the TLVs are too long by then.
		f.Ext = append(append(f.Ext, t.Type, byte(len(t.Value))), t.Value...)
	}
	return f
}
