package reference

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/cdcp-project/cdcp/wire"
)

// frame is the value of a frame (PORT-PROTOCOL.md section 4).
type frame struct {
	Type     string `json:"type"`
	Durable  bool   `json:"durable"`
	High     bool   `json:"high"`
	Channel  uint16 `json:"channel"`
	Session  uint32 `json:"session"`
	Sequence uint32 `json:"sequence"`
	Offset   uint16 `json:"offset"`
	Total    uint16 `json:"total"`
	Ext      []tlv  `json:"ext"`
	Reason   uint16 `json:"reason"`
	Payload  string `json:"payload"`
}

// tlv is written as an array of two: [1,"0001"].
type tlv struct {
	Type  uint8
	Value string
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
	if err := json.Unmarshal(two[0], &t.Type); err != nil {
		return err
	}
	return json.Unmarshal(two[1], &t.Value)
}

// typeNames has the name of each type at its number.
var typeNames = []string{wire.TypeData: "data", wire.TypeClose: "close", wire.TypeKeepAlive: "keepalive"}

func toFrame(f *wire.Frame) frame {
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
		Payload:  toHex(f.Payload),
	}
	for t, value := range f.Ext.All() {
		v.Ext = append(v.Ext, tlv{uint8(t), toHex(value)})
	}
	return v
}

// toWire returns the frame that v spells, which package wire can refuse. error: v is not the value of a frame.
func (v frame) toWire() (*wire.Frame, error) {
	f := &wire.Frame{
		Channel:  v.Channel,
		Session:  wire.Serial(v.Session),
		Sequence: wire.Serial(v.Sequence),
		Offset:   v.Offset,
		Total:    v.Total,
		Reason:   wire.CloseReason(v.Reason),
	}
	t := slices.Index(typeNames, v.Type)
	if t < 0 {
		return nil, fmt.Errorf("frame of type %q", v.Type)
	}
	f.Type = wire.Type(t)
	if v.Durable {
		f.Flags |= wire.FlagDurable
	}
	if v.High {
		f.Flags |= wire.FlagHigh
	}
	for _, t := range v.Ext {
		value, err := fromHex(t.Value)
		if err != nil {
			return nil, err
		}
		// The length byte of a value over 255 bytes does not matter: the TLVs are too long by then.
		f.Ext = append(append(f.Ext, t.Type, byte(len(value))), value...)
	}
	var err error
	f.Payload, err = fromHex(v.Payload)
	return f, err
}

func toHex(b []byte) string { return hex.EncodeToString(b) }

func fromHex(s string) ([]byte, error) { return hex.DecodeString(s) }
