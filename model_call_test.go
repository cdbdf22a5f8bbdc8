package cdcp_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"github.com/cdcp-project/cdcp"
	"github.com/cdcp-project/cdcp/cdcptest"
	"github.com/cdcp-project/cdcp/wire"
	"pgregory.net/rapid"
)

// A weather is what a simulated call is like.
type weather struct {
	link      cdcptest.Link
	endpoints int
	bounds    cdcp.Bounds
	first     wire.Serial // number of the first message of every session
	prompt    bool        // everything is read at once, and not at the end alone
	steps     []string    // what can happen, by callStep.kind
}

// A callStep is one thing that happens in a call. What it names counts around, so that every step can be done.
type callStep struct {
	kind     string
	who      int
	channel  uint16
	durable  bool
	high     bool
	list     uint8 // a bit for each participant from 1 on; 0: all
	size     int   // of each message
	count    int   // of messages
	duration time.Duration
}

func drawSteps(t *rapid.T, kinds []string) []callStep {
	one := rapid.Custom(func(t *rapid.T) callStep {
		return callStep{
			kind:     rapid.SampledFrom(kinds).Draw(t, "kind"),
			who:      rapid.SampledFrom([]int{0, 1, 2, 3, 4, 5, 6, 7}).Draw(t, "who"),
			channel:  rapid.SampledFrom([]uint16{1, 2, 3}).Draw(t, "channel"),
			durable:  rapid.Bool().Draw(t, "durable"),
			high:     rapid.Bool().Draw(t, "high"),
			list:     rapid.SampledFrom([]uint8{0, 0, 1, 2, 3, 4, 6, 15, 32}).Draw(t, "list"),
			size:     rapid.SampledFrom([]int{4, 5, 40, 1183, 1184, 1189, 3000, 32768}).Draw(t, "size"),
			count:    rapid.SampledFrom([]int{1, 1, 2, 3, 10}).Draw(t, "count"),
			duration: rapid.SampledFrom([]time.Duration{0, 1, 10, 100, 2000, 5000, 60000, 121000}).Draw(t, "ms") * time.Millisecond,
		}
	})
	return rapid.SliceOfN(one, 40, 80).Draw(t, "steps")
}

// A sentSession is what a call knows of one sender.
type sentSession struct {
	from    wire.Participant
	channel uint16
	durable bool
	sender  *cdcp.Sender
	list    []wire.Participant
	changed bool // whether the list was ever changed
	sent    []sentMessage
}

// A sentMessage is one that was accepted. The first of a session has number first of the weather, and so on.
type sentMessage struct {
	list []wire.Participant // empty: all
	data []byte
}

func (m sentMessage) addressed(p wire.Participant) bool {
	return len(m.list) == 0 || slices.Contains(m.list, p)
}

// A member is an endpoint of a call, with what it got.
type member struct {
	*cdcptest.Endpoint
	late      bool         // it joined when others were there
	receivers []*reception // in the order in which they were announced
}

// A reception is what a call knows of one receiver.
type reception struct {
	*cdcp.Receiver
	session *sentSession
	numbers []wire.Serial // as they were read
	events  int           // of messages
	reason  cdcp.Reason   // closed; 0: not yet
}

// A call is a simulated one, and the books on it.
type call struct {
	tb       *rapid.T
	weather  weather
	network  *cdcptest.Network
	trace    strings.Builder
	members  []*member
	sessions []*sentSession
	cut      bool // whether a link was ever cut
}

func newCall(t *rapid.T, seed uint64, w weather) *call {
	c := &call{tb: t, weather: w, network: cdcptest.New(seed, w.link)}
	c.network.Trace = &c.trace
	for range w.endpoints {
		c.join(false)
	}
	return c
}

func (c *call) join(late bool) {
	e := c.network.Endpoint(cdcp.Config{
		Self: wire.Participant(len(c.members) + 1), Limits: unlimited, Bounds: c.weather.bounds, FirstSequence: c.weather.first,
	})
	c.members = append(c.members, &member{Endpoint: e, late: late})
}

// fail fails the test, with the trace.
func (c *call) fail(format string, args ...any) {
	c.tb.Log(c.trace.String())
	c.tb.Fatalf(format, args...)
}

// do does one step.
func (c *call) do(s callStep) {
	m := c.members[s.who%len(c.members)]
	now := c.network.Now()
	switch s.kind {
	case "open":
		c.open(m, s)
	case "send", "list", "close":
		var own []*sentSession
		for _, x := range c.sessions {
			if x.from == m.Self && !x.sender.Closed() {
				own = append(own, x)
			}
		}
		if len(own) == 0 {
			return
		}
		x := own[int(s.channel)%len(own)]
		switch s.kind {
		case "send":
			for range s.count {
				data := c.payload(x, s.size)
				if _, err := x.sender.Send(now, data); err == nil {
					x.sent = append(x.sent, sentMessage{x.list, bytes.Clone(data)})
				}
				clear(data)
			}
		case "list":
			list := listOf(s.list)
			if err := x.sender.SetParticipants(now, list); err != nil {
				c.fail("%v", err)
			}
			x.changed = x.changed || !slices.Equal(list, x.list)
			x.list = list
		case "close":
			x.sender.Close(now)
		}
	case "run":
		c.network.Run(s.duration)
	case "step":
		for range s.who {
			c.network.Step()
		}
	case "down":
		m.Down()
		c.cut = true
	case "up":
		m.Up()
	case "leave":
		if s.count == 10 { // seldom
			m.Leave()
		}
	case "join":
		if len(c.members) < 6 {
			c.join(true)
		}
	}
}

func (c *call) open(m *member, s callStep) {
	o := cdcp.SenderOptions{ChannelID: s.channel, BitrateKbps: s.size, Participants: listOf(s.list)}
	if s.durable {
		o.Reliability = cdcp.Durable
	}
	if s.high {
		o.Priority = cdcp.High
		o.KeepAlive = 30 * time.Second
	}
	x, err := m.NewSender(c.network.Now(), o)
	if err != nil {
		requireFailedToStart(c.tb, err)
		return
	}
	c.sessions = append(c.sessions, &sentSession{from: m.Self, channel: s.channel, durable: s.durable, sender: x, list: o.Participants})
}

func requireFailedToStart(t *rapid.T, err error) {
	if e, ok := err.(*cdcp.Error); !ok || e.Code != cdcp.FailedToStart {
		t.Fatalf("NewSender: %v", err)
	}
}

func listOf(bits uint8) []wire.Participant {
	var list []wire.Participant
	for i := range 8 {
		if bits>>i&1 != 0 {
			list = append(list, wire.Participant(i+1))
		}
	}
	return list
}

// payload returns the next message of x: it begins with the index of the session.
func (c *call) payload(x *sentSession, size int) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(slices.Index(c.sessions, x)))
	for i := len(b); i < size; i++ {
		b = append(b, byte(i*i>>8+i+7*len(x.sent)))
	}
	return b
}

// number is that of the i-th message of a session.
func (c *call) number(i int) wire.Serial { return max(1, c.weather.first) + wire.Serial(i) }

// listen takes in the events of all members, and checks what holds at any time.
func (c *call) listen(read bool) {
	for _, m := range c.members {
		for _, v := range m.Events() {
			m.event(c, v)
		}
		if read {
			for _, r := range m.receivers {
				m.read(c, r)
			}
		}
		s := m.Stats()
		if s.Held > c.weather.bounds.Bytes {
			c.fail("%d holds %d bytes, bound %d", m.Self, s.Held, c.weather.bounds.Bytes)
		}
		verdicts := s.Accepted + s.Duplicate + s.Stale + s.Superseded + s.Ignored + s.Mismatch + s.Overflow + s.Dropped
		if s.FramesIn != verdicts+s.Malformed || s.Malformed != 0 || s.MessagesIn < s.Read+s.Discarded ||
			s.Partials < s.Completed+s.Expired+s.Evicted+s.Abandoned || s.MessagesOut < s.Unsent {
			c.fail("%d: sums of %+v", m.Self, s)
		}
		if messagesWaiting(s)+messagesInProgress(s) == 0 && s.Held != 0 {
			c.fail("%d holds %d bytes, and no message", m.Self, s.Held)
		}
	}
}

func messagesWaiting(s cdcp.Stats) uint64 { return s.MessagesIn - s.Read - s.Discarded }

func messagesInProgress(s cdcp.Stats) uint64 {
	return s.Partials - s.Completed - s.Expired - s.Evicted - s.Abandoned
}

// event holds the events of one receiver to their order: created once, messages, closed once.
func (m *member) event(c *call, v cdcp.Event) {
	if v.Kind == cdcp.EventSenderClosed {
		if !v.Sender.Closed() || v.Reason != cdcp.ReasonReplaced && v.Reason != cdcp.ReasonLink {
			c.fail("%d: event %+v", m.Self, v)
		}
		return
	}
	i := slices.IndexFunc(m.receivers, func(r *reception) bool { return r.Receiver == v.Receiver })
	if i < 0 != (v.Kind == cdcp.EventReceiverCreated) {
		c.fail("%d: event %v of a receiver that was announced before: %t", m.Self, v.Kind, i >= 0)
	}
	if i < 0 {
		m.receivers = append(m.receivers, &reception{Receiver: v.Receiver})
		return
	}
	r := m.receivers[i]
	if r.reason != 0 {
		c.fail("%d: event %v of a receiver that closed", m.Self, v.Kind)
	}
	r.events++
	if v.Kind == cdcp.EventReceiverClosed {
		r.events--
		r.reason = v.Reason
	}
}

// read reads what r holds: messages of one session that were sent to m, unchanged.
func (m *member) read(c *call, r *reception) {
	for {
		x, ok := r.Receive([]byte("prefix"))
		if !ok {
			return
		}
		data, ok := bytes.CutPrefix(x.Data, []byte("prefix"))
		if !ok || len(data) < 4 {
			c.fail("%d: message % x", m.Self, x.Data)
		}
		s := c.sessions[binary.BigEndian.Uint32(data)]
		if r.session == nil {
			r.session = s
		}
		i := int(x.Sequence - c.number(0))
		if s != r.session || s.from != r.From() || s.channel != r.ChannelID() || s.durable != (r.Reliability() == cdcp.Durable) ||
			i >= len(s.sent) || !bytes.Equal(data, s.sent[i].data) || !s.sent[i].addressed(m.Self) {
			c.fail("%d: number %d of %d/%d was never sent so", m.Self, x.Sequence, r.From(), r.ChannelID())
		}
		r.numbers = append(r.numbers, x.Sequence)
	}
}

// finish hangs up, lets the call come to rest with all links up, and reads everything.
func (c *call) finish() {
	for _, m := range c.members {
		m.Up()
		m.Close(c.network.Now())
	}
	for n := 0; c.network.Step(); n++ {
		c.listen(c.weather.prompt)
		if n == 1000000 {
			c.fail("the call does not come to rest")
		}
	}
	c.listen(true)
	for _, m := range c.members {
		s := m.Stats()
		if at := m.Deadline(); !at.IsZero() {
			c.fail("%d is not at rest: %v", m.Self, at)
		}
		if messagesWaiting(s) != 0 || messagesInProgress(s) == 0 && s.Held != 0 {
			c.fail("%d holds %d bytes of %d messages", m.Self, s.Held, messagesWaiting(s))
		}
		if messagesInProgress(s) != 0 && !c.cut { // only what a cut left behind of a durable session waits without a timer
			c.fail("%d has %d messages in progress", m.Self, messagesInProgress(s))
		}
		for _, r := range m.receivers {
			if !r.Closed() || r.reason == 0 {
				c.fail("%d: a receiver of %d/%d does not close", m.Self, r.From(), r.ChannelID())
			}
		}
	}
}

// at returns what m got of a session: its receivers, and the numbers that were read.
func (c *call) at(m *member, s *sentSession) (receivers []*reception, numbers []wire.Serial) {
	for _, r := range m.receivers {
		if r.session == s {
			receivers = append(receivers, r)
			numbers = append(numbers, r.numbers...)
		}
	}
	return receivers, numbers
}

// addressed returns the numbers of a session that were sent to m.
func (c *call) addressed(m *member, s *sentSession) []wire.Serial {
	var numbers []wire.Serial
	for i, x := range s.sent {
		if x.addressed(m.Self) {
			numbers = append(numbers, c.number(i))
		}
	}
	return numbers
}

// each goes over the sessions of others that m could get.
func (c *call) each(f func(m *member, s *sentSession)) {
	for _, m := range c.members {
		for _, s := range c.sessions {
			if s.from != m.Self {
				f(m, s)
			}
		}
	}
}

// requireOnce: nothing comes twice, whatever the network does; and durable messages come in order.
func (c *call) requireOnce() {
	c.each(func(m *member, s *sentSession) {
		_, numbers := c.at(m, s)
		seen := make(map[wire.Serial]bool)
		for i, n := range numbers {
			if seen[n] {
				c.fail("%d got %d of %d/%d twice", m.Self, n, s.from, s.channel)
			}
			if s.durable && i > 0 && !n.Newer(numbers[i-1]) {
				c.fail("%d got %d of %d/%d after %d", m.Self, n, s.from, s.channel, numbers[i-1])
			}
			seen[n] = true
		}
	})
}

// requireLaw: each number from the first base on ends as one of delivered, lost, unknown; lost are only numbers that were sent to
// m and did not come.
func (c *call) requireLaw() {
	c.each(func(m *member, s *sentSession) {
		receivers, numbers := c.at(m, s)
		if len(receivers) == 0 {
			return
		}
		var sum cdcp.Counts
		for _, r := range receivers {
			x := r.Counts()
			if x.Delivered != uint64(r.events) || x.Delivered != uint64(len(r.numbers))+x.Dropped {
				c.fail("%d: %+v, %d events, %d read", m.Self, x, r.events, len(r.numbers))
			}
			sum.Delivered += x.Delivered
			sum.Lost += x.Lost
			sum.Unknown += x.Unknown
			sum.Dropped += x.Dropped
		}
		if missing := uint64(len(c.addressed(m, s))) - sum.Delivered; sum.Lost > missing {
			c.fail("%d counts %d of %d/%d lost, %d of those sent to it are missing", m.Self, sum.Lost, s.from, s.channel, missing)
		}
		if sum.Dropped > 0 {
			return // which number was the first, and which the newest, is not known
		}
		low, high := slices.MinFunc(numbers, serial), slices.MaxFunc(numbers, serial)
		last := c.number(len(s.sent) - 1)
		total := sum.Delivered + sum.Lost + sum.Unknown
		reason := receivers[len(receivers)-1].reason
		closed := reason == cdcp.ReasonClosed || reason == cdcp.ReasonReplaced
		matches := func(base, top wire.Serial) bool { return total == uint64(top-base)+1 }
		base := firstBase(numbers[0])
		switch {
		case !closed && total >= uint64(high-base)+1 && total <= uint64(last-base)+1: // the last number is known, or not
		case closed && matches(base, last):
		case closed && matches(firstBase(last), last): // the CLOSE came before all messages
		default:
			c.fail("%d: %+v of %d/%d from %d on: %d to %d came, %d is the last", m.Self, sum, s.from, s.channel, base, low, high, last)
		}
		// If all went to one list, and came in order, what is missing since the first that came is lost.
		if !s.changed && len(receivers) == 1 && c.weather.link.Jitter == 0 && sum.Unknown != uint64(low-base) {
			c.fail("%d: %+v of %d/%d from %d on, the first is %d", m.Self, sum, s.from, s.channel, base, low)
		}
	})
}

// firstBase is the base of a receiver by its first number (WINDOW-001).
func firstBase(n wire.Serial) wire.Serial {
	if n-1 < 1024 {
		return 1
	}
	return n - 1023
}

// serial is the order of numbers that are near each other.
func serial(a, b wire.Serial) int { return int(int32(a - b)) }

// requireAll: what was sent to m came, all of it; for one who joined late, from some number on. Of a durable session, or of any
// one if lossy is true.
func (c *call) requireAll(lossy bool) {
	c.each(func(m *member, s *sentSession) {
		if !s.durable && !lossy {
			return
		}
		receivers, got := c.at(m, s)
		want := c.addressed(m, s)
		if c.weather.link.Jitter > 0 && slices.ContainsFunc(receivers, func(r *reception) bool { return r.reason == cdcp.ReasonIdle }) {
			return // a newer session that is lossy can overtake what comes after the silence, which is then superseded
		}
		if m.late {
			want = want[len(want)-min(len(got), len(want)):]
		}
		if !s.durable {
			slices.SortFunc(got, serial)
		}
		if !slices.Equal(got, want) {
			c.fail("%d got %d of %d/%d, want %d", m.Self, got, s.from, s.channel, want)
		}
	})
}

// play draws the steps of a call, does them twice with one seed, compares the traces, and returns the first.
func play(t *rapid.T, w weather) *call {
	seed := rapid.Uint64().Draw(t, "seed")
	steps := drawSteps(t, w.steps)
	run := func() *call {
		c := newCall(t, seed, w)
		for _, s := range steps {
			c.do(s)
			c.listen(w.prompt)
		}
		c.finish()
		return c
	}
	c, again := run(), run()
	if c.trace.String() != again.trace.String() {
		t.Fatalf("one seed, two traces:\n%s\n%s", c.trace.String(), again.trace.String())
	}
	return c
}
