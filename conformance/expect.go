package conformance

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The words of SPEC.md section 9.
var (
	verdicts = []string{"accepted", "duplicate", "stale", "superseded", "ignored", "mismatch", "overflow", "dropped"}
	refusals = []string{"InvalidArgument", "DataChannelFailedToStart", "DataChannelRandomIdNotAvailable", "DataChannelSenderClosed",
		"DataChannelMessageSizeOverLimit", "DataChannelMessageFailureForBandwidth", "DataChannelMessageFailureForTrafficLimit"}
	receiverReasons = []string{"closed", "replaced", "idle", "overflow", "limit", "left"}
	senderReasons   = []string{"replaced", "link"}
	counters        = []string{"framesIn", "malformed", "accepted", "duplicate", "stale", "superseded", "ignored", "mismatch", "overflow",
		"dropped", "messagesIn", "read", "discarded", "partials", "completed", "expired", "evicted", "abandoned", "limited", "forgotten",
		"messagesOut", "unsent", "framesOut", "held"}
)

// maxMessage is the longest message of SPEC.md section 6.
const maxMessage = 32768

// expect reads an expectation: of the result, then of events, then of next and used.
func (p *scriptParser) expect(words []string) error {
	st, head, do := p.step, words[0], p.step.keys["do"]
	turn := atResult
	switch {
	case head == "next" || head == "used":
		turn = atEnd
	case head == "created" || head == "closed" || head == "sender-closed" || head == "message" && (do != "read" || len(words) == 2):
		turn = atEvents
	}
	if turn < p.phase {
		return fmt.Errorf("%q comes too late: the result, the events, and then next and used", head)
	}
	p.phase = turn
	switch turn {
	case atResult:
		return p.result(words)
	case atEvents:
		event, err := p.event(words)
		st.events = append(st.events, event)
		return err
	}
	if head == "used" {
		keys, err := p.form("used N", words)
		if err == nil && st.used != nil {
			err = errors.New("used stands twice")
		}
		if err != nil {
			return err
		}
		st.used = new(keys["N"].(int64))
		return nil
	}
	keys, err := p.form("next DEADLINE", words)
	if err == nil && st.next != nil {
		err = errors.New("next stands twice")
	}
	if err != nil {
		return err
	}
	st.next = new(keys["DEADLINE"].(deadline))
	return nil
}

// result reads the expectation of a result. Only frames can be several.
func (p *scriptParser) result(words []string) error {
	st, head, do := p.step, words[0], p.step.keys["do"]
	if st.result != nil && do != "transmit" {
		return errors.New("a second result")
	}
	var keys map[string]any
	var err error
	switch {
	case head == "refused" && slices.Contains([]any{"linkUp", "sender", "send", "participants", "bitrate", "left"}, do):
		if keys, err = p.form("refused NAME [have=N] [limit=N] [retry=DEADLINE]", words); err == nil {
			if retry, ok := keys["retry"].(deadline); ok {
				st.retry = &retry
			}
			st.result = map[string]any{"error": map[string]any{"code": keys["NAME"], "have": keys["have"], "limit": keys["limit"]}}
		}
	case head == "channel" && do == "sender":
		if keys, err = p.form("channel U16", words); err == nil {
			st.result = map[string]any{"channel": keys["U16"], "maxMessage": maxMessage}
			st.sender = p.named
			p.senders[st.endpoint][p.named] = st.keys["sender"].(int64)
		}
	case head == "sequence" && do == "send":
		if keys, err = p.form("sequence U32", words); err == nil {
			st.result = map[string]any{"sequence": keys["U32"]}
		}
	case do == "frame" && slices.Contains(verdicts, head):
		if _, err = p.form(head, words); err == nil {
			st.result = map[string]any{"verdict": head}
		}
	case head == "error" && do == "frame":
		if keys, err = p.form("error N at U16", words); err == nil {
			st.result = map[string]any{"error": map[string]any{"code": keys["N"], "offset": keys["U16"]}}
		}
	case head == "frame" && do == "transmit":
		var others []string
		var s sent
		if s.frame, others, err = p.frame(words[1:]); err == nil {
			keys, err = p.form("[to=HANDLES] [by=PATH]", others)
		}
		if err == nil {
			s.to = keys["to"].([]int64)
			s.by, _ = keys["by"].(string)
			st.frames = append(st.frames, s)
		}
	case head == "empty" && do == "read":
		if _, err = p.form("empty", words); err == nil {
			st.result = map[string]any{"message": nil}
		}
	case head == "message" && do == "read":
		if keys, err = p.form("message U32 HEX", words); err == nil {
			st.result = map[string]any{"message": map[string]any{"sequence": keys["U32"], "data": keys["HEX"]}}
		}
	case do == "counts":
		st.result, err = p.form("delivered=N lost=N unknown=N dropped=N", words)
	case do == "stats":
		if keys, err = p.form("["+strings.Join(counters, "=COUNTER] [")+"=COUNTER]", words); err == nil {
			st.stats = slices.Sorted(maps.Keys(keys))
			st.result = map[string]any{"stats": keys}
		}
	default:
		err = fmt.Errorf("%q is nothing that %v has for a result", head, do)
	}
	return err
}

// event reads the expectation of an event.
func (p *scriptParser) event(words []string) (event map[string]any, err error) {
	var keys map[string]any
	switch words[0] {
	case "created":
		if keys, err = p.form("created R from=HANDLE channel=U16 [lossy] [durable]", words); err != nil {
			return nil, err
		}
		if keys["lossy"] == keys["durable"] {
			return nil, errors.New("created says lossy or durable")
		}
		return map[string]any{"event": "created", "receiver": keys["R"], "from": keys["from"], "channel": keys["channel"], "durable": keys["durable"]}, nil
	case "message":
		keys, err = p.form("message R", words)
		return map[string]any{"event": "message", "receiver": keys["R"]}, err
	case "closed":
		keys, err = p.form("closed R REASON", words)
		return map[string]any{"event": "closed", "receiver": keys["R"], "reason": keys["REASON"]}, err
	}
	keys, err = p.form("sender-closed S WHY", words)
	return map[string]any{"event": "senderClosed", "sender": keys["S"], "reason": keys["WHY"]}, err
}
