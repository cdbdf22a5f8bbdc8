package reference

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/cdcp-project/cdcp"
	"github.com/cdcp-project/cdcp/wire"
)

// An endpoint is one of the library, with the clock and the numbers of the runner (PORT-PROTOCOL.md section 5).
type endpoint struct {
	*cdcp.Endpoint
	start     time.Time // the wall time at now0
	now0      int64     // µs
	rand      source
	senders   map[int64]*cdcp.Sender
	receivers []*cdcp.Receiver // number 1 is the first
}

// A source is a random source of bytes that are given.
type source struct {
	rest []byte
	used int
}

func (s *source) Read(p []byte) (int, error) {
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	s.used += n
	if n < len(p) {
		return n, io.ErrUnexpectedEOF
	}
	return n, nil
}

// time is that of the library for one of the runner's.
func (e *endpoint) time(now int64) time.Time {
	return e.start.Add(time.Duration(now-e.now0) * time.Microsecond)
}

// micros is the runner's time for one of the library, or nil for the zero time.
func (e *endpoint) micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return e.now0 + t.Sub(e.start).Microseconds()
}

// A result is the ok of a reply.
type result map[string]any

// open makes an endpoint. What New refuses is a bug: the runner asks for what SPEC.md allows.
func (p *Port) open(q object) (any, error) {
	var c cdcp.Config
	var number, unix int64
	var limits, bounds object
	e := &endpoint{senders: make(map[int64]*cdcp.Sender)}
	err := errors.Join(
		integer(q, "endpoint", 1, maxInteger, &number), integer(q, "self", 1, math.MaxUint16, &c.Self),
		integer(q, "now", 0, maxStart, &e.now0), integer(q, "unix", 0, maxInteger, &unix),
		q.get("rand", (*hexBytes)(&e.rand.rest)), q.get("limits", &limits), q.get("bounds", &bounds),
		integer(q, "first", 1, math.MaxUint32, &c.FirstSequence),
		limit(limits, "durable", &c.Limits.Durable), limit(limits, "lossy", &c.Limits.Lossy),
		limit(limits, "lossyHigh", &c.Limits.LossyHigh), limit(limits, "broadcastPackets", &c.Limits.BroadcastPackets),
		bound(bounds, "bytesPerReceiver", &c.Bounds.BytesPerReceiver), bound(bounds, "bytesPerPeer", &c.Bounds.BytesPerPeer),
		bound(bounds, "bytes", &c.Bounds.Bytes), bound(bounds, "receiversPerPeer", &c.Bounds.ReceiversPerPeer),
		bound(bounds, "receivers", &c.Bounds.Receivers), bound(bounds, "channelsPerPeer", &c.Bounds.ChannelsPerPeer),
		bound(bounds, "channels", &c.Bounds.Channels), bound(bounds, "sendBytes", &c.Bounds.SendBytes))
	if err != nil {
		return nil, err
	}
	e.start = time.UnixMicro(unix)
	c.Rand = &e.rand
	if e.Endpoint, err = cdcp.New(e.start, c); err != nil {
		return nil, err
	}
	if p.endpoints == nil {
		p.endpoints = make(map[int64]*endpoint)
	}
	p.endpoints[number] = e
	return e.reply(result{}), nil
}

// limit reads a rate. A key that is left out is 0, the default; null is no limit.
func limit(o object, key string, v *int) error {
	if string(o[key]) == "null" {
		*v = cdcp.NoLimit
		return nil
	}
	return bound(o, key, v)
}

// bound reads a number that is not 0. A key that is left out is 0, the default.
func bound(o object, key string, v *int) error {
	if _, ok := o[key]; !ok {
		return nil
	}
	return integer(o, key, 1, math.MaxInt32, v)
}

func (p *Port) drop(q object) (any, error) {
	number, _, err := p.find(q)
	if err != nil {
		return nil, err
	}
	delete(p.endpoints, number)
	return result{}, nil
}

func (p *Port) find(q object) (number int64, e *endpoint, err error) {
	if err := integer(q, "endpoint", 1, maxInteger, &number); err != nil {
		return 0, nil, err
	}
	if e = p.endpoints[number]; e == nil {
		return 0, nil, fmt.Errorf("no endpoint %d is open", number)
	}
	return number, e, nil
}

// in does what is due, then the one input, and polls every event.
func (p *Port) in(q object) (any, error) {
	_, e, err := p.find(q)
	if err != nil {
		return nil, err
	}
	var micros int64
	var do string
	if err := errors.Join(integer(q, "now", 0, maxInteger, &micros), q.get("do", &do)); err != nil {
		return nil, err
	}
	input := inputs[do]
	if input == nil {
		return nil, fmt.Errorf("no input is called %q", do)
	}
	now := e.time(micros)
	e.Advance(now)
	r, err := input(e, now, q)
	if err != nil {
		if r, err = e.refusal(err); err != nil {
			return nil, err
		}
	}
	return e.reply(r), nil
}

// refusal is the result of a call or a frame that the library refuses. error: it is another error.
func (e *endpoint) refusal(err error) (result, error) {
	if c, ok := errors.AsType[*cdcp.Error](err); ok {
		return result{"error": result{"code": c.Code.String(), "have": c.Have, "limit": c.Limit, "retry": e.micros(c.Retry)}}, nil
	}
	return refusal(err)
}

// reply puts into r what every reply has.
func (e *endpoint) reply(r result) result {
	if r == nil {
		r = result{}
	}
	events := []result{}
	for v, ok := e.NextEvent(); ok; v, ok = e.NextEvent() {
		events = append(events, e.event(v))
	}
	r["events"], r["next"], r["used"] = events, e.micros(e.Deadline()), e.rand.used
	return r
}

func (e *endpoint) event(v cdcp.Event) result {
	switch v.Kind {
	case cdcp.EventReceiverCreated:
		e.receivers = append(e.receivers, v.Receiver)
		return result{"event": "created", "receiver": e.receiver(v.Receiver), "from": v.Receiver.From(),
			"channel": v.Receiver.ChannelID(), "durable": v.Receiver.Reliability() == cdcp.Durable}
	case cdcp.EventMessage:
		return result{"event": "message", "receiver": e.receiver(v.Receiver)}
	case cdcp.EventReceiverClosed:
		return result{"event": "closed", "receiver": e.receiver(v.Receiver), "reason": v.Reason.String()}
	}
	r := result{"event": "senderClosed", "reason": v.Reason.String()}
	for number, s := range e.senders {
		if s == v.Sender {
			r["sender"] = number
		}
	}
	return r
}

// receiver returns the number of r, or 0 if it was not announced.
func (e *endpoint) receiver(r *cdcp.Receiver) int { return slices.Index(e.receivers, r) + 1 }

// inputs has what each input does, by its name. A refused call is an error of the library; any other is a bug.
var inputs = map[string]func(e *endpoint, now time.Time, q object) (result, error){
	"linkUp": func(e *endpoint, now time.Time, q object) (result, error) {
		var l cdcp.Link
		if err := errors.Join(integer(q, "budget", 0, maxInteger, &l.Budget), q.get("reliable", &l.Reliable), q.get("relay", &l.Relay)); err != nil {
			return nil, err
		}
		return nil, e.LinkUp(now, l)
	},
	"linkDown": func(e *endpoint, now time.Time, q object) (result, error) {
		e.LinkDown(now)
		return nil, nil
	},
	"sender": (*endpoint).newSender,
	"send": func(e *endpoint, now time.Time, q object) (result, error) {
		var data hexBytes
		s, err := e.sender(q)
		if err = errors.Join(err, q.get("data", &data)); err != nil {
			return nil, err
		}
		sequence, err := s.Send(now, data)
		if err != nil {
			return nil, err
		}
		return result{"sequence": sequence}, nil
	},
	"participants": func(e *endpoint, now time.Time, q object) (result, error) {
		var to []wire.Participant
		s, err := e.sender(q)
		if err = errors.Join(err, q.get("to", &to)); err != nil {
			return nil, err
		}
		return nil, s.SetParticipants(now, to)
	},
	"close": func(e *endpoint, now time.Time, q object) (result, error) {
		s, err := e.sender(q)
		if err != nil {
			return nil, err
		}
		s.Close(now)
		return nil, nil
	},
	"hangUp": func(e *endpoint, now time.Time, q object) (result, error) {
		e.Close(now)
		return nil, nil
	},
	"bitrate": func(e *endpoint, now time.Time, q object) (result, error) {
		var kbps int
		if err := integer(q, "kbps", 0, maxInteger, &kbps); err != nil {
			return nil, err
		}
		return nil, e.SetReceiveBitrate(now, kbps)
	},
	"left": func(e *endpoint, now time.Time, q object) (result, error) {
		var p wire.Participant
		if err := integer(q, "participant", 0, math.MaxUint16, &p); err != nil {
			return nil, err
		}
		return nil, e.ParticipantLeft(now, p)
	},
	"transmit": (*endpoint).transmit,
	"frame": func(e *endpoint, now time.Time, q object) (result, error) {
		var from wire.Participant
		var b hexBytes
		if err := errors.Join(integer(q, "from", 1, math.MaxUint16, &from), q.get("hex", &b)); err != nil {
			return nil, err
		}
		verdict, err := e.HandleFrame(now, from, b)
		if err != nil {
			return nil, err
		}
		return result{"verdict": verdict.String()}, nil
	},
	"read": func(e *endpoint, now time.Time, q object) (result, error) {
		r, err := e.numbered(q)
		if err != nil {
			return nil, err
		}
		m, ok := r.Receive(nil)
		if !ok {
			return result{"message": nil}, nil
		}
		return result{"message": result{"sequence": m.Sequence, "data": hexBytes(m.Data)}}, nil
	},
	"counts": func(e *endpoint, now time.Time, q object) (result, error) {
		r, err := e.numbered(q)
		if err != nil {
			return nil, err
		}
		c := r.Counts()
		return result{"delivered": c.Delivered, "lost": c.Lost, "unknown": c.Unknown, "dropped": c.Dropped}, nil
	},
	"advance": func(e *endpoint, now time.Time, q object) (result, error) { return nil, nil },
	"stats": func(e *endpoint, now time.Time, q object) (result, error) {
		s := e.Stats()
		return result{"stats": result{
			"framesIn": s.FramesIn, "malformed": s.Malformed,
			"accepted": s.Accepted, "duplicate": s.Duplicate, "stale": s.Stale, "superseded": s.Superseded,
			"ignored": s.Ignored, "mismatch": s.Mismatch, "overflow": s.Overflow, "dropped": s.Dropped,
			"messagesIn": s.MessagesIn, "read": s.Read, "discarded": s.Discarded,
			"partials": s.Partials, "completed": s.Completed, "expired": s.Expired, "evicted": s.Evicted, "abandoned": s.Abandoned,
			"limited": s.Limited, "forgotten": s.Forgotten,
			"messagesOut": s.MessagesOut, "unsent": s.Unsent, "framesOut": s.FramesOut,
			"held": s.Held,
		}}, nil
	},
}

// newSender makes the sender of a number that is free: it was never given out, or its sender was refused.
func (e *endpoint) newSender(now time.Time, q object) (result, error) {
	var o cdcp.SenderOptions
	var number, keepAlive int64
	var durable, high bool
	err := errors.Join(
		integer(q, "sender", 1, maxInteger, &number), integer(q, "channel", 0, math.MaxUint16, &o.ChannelID),
		q.get("durable", &durable), q.get("high", &high), integer(q, "kbps", 0, maxInteger, &o.BitrateKbps),
		integer(q, "keepAlive", 0, maxInteger, &keepAlive), q.get("to", &o.Participants))
	if err == nil && e.senders[number] != nil {
		err = fmt.Errorf("there is a sender %d", number)
	}
	if err != nil {
		return nil, err
	}
	if durable {
		o.Reliability = cdcp.Durable
	}
	if high {
		o.Priority = cdcp.High
	}
	o.KeepAlive = time.Duration(keepAlive) * time.Microsecond
	s, err := e.NewSender(now, o)
	if err != nil {
		return nil, err
	}
	e.senders[number] = s
	return result{"channel": s.ChannelID(), "maxMessage": s.MaxMessageSize()}, nil
}

// maxTransmit is the number of frames that fit in a line, however long they are.
const maxTransmit = 15

func (e *endpoint) transmit(now time.Time, q object) (result, error) {
	var most int
	var reliable, lossy bool
	if err := errors.Join(integer(q, "max", 0, maxTransmit, &most), q.get("durable", &reliable), q.get("lossy", &lossy)); err != nil {
		return nil, err
	}
	var classes cdcp.Classes
	if reliable {
		classes |= cdcp.ClassReliable
	}
	if lossy {
		classes |= cdcp.ClassLossy
	}
	frames := []result{}
	for len(frames) < most {
		b, route, ok := e.NextFrame(now, classes, nil)
		if !ok {
			break
		}
		frames = append(frames, result{"hex": hexBytes(b), "to": append([]wire.Participant{}, route.Participants...),
			"durable": route.Class == cdcp.ClassReliable, "high": route.Priority == cdcp.High})
	}
	return result{"frames": frames}, nil
}

// sender returns the sender that q names.
func (e *endpoint) sender(q object) (*cdcp.Sender, error) {
	var number int64
	if err := integer(q, "sender", 1, maxInteger, &number); err != nil {
		return nil, err
	}
	if s := e.senders[number]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("there is no sender %d", number)
}

// numbered returns the receiver that q names.
func (e *endpoint) numbered(q object) (*cdcp.Receiver, error) {
	var number int64
	if err := integer(q, "receiver", 1, maxInteger, &number); err != nil {
		return nil, err
	}
	if number > int64(len(e.receivers)) {
		return nil, fmt.Errorf("there is no receiver %d", number)
	}
	return e.receivers[number-1], nil
}
