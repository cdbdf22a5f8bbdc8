package cdcp_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cdcp-project/cdcp"
	"github.com/cdcp-project/cdcp/fragment"
	"github.com/cdcp-project/cdcp/wire"
)

// What went wrong in other protocols and libraries, and the test that shows that it does not here:
//
//	no cap on buffered fragments (pion/dtls CVE-2022-29189, Netty SCTP CVE-2026-46340)   TestPeerFragmentsAreBounded
//	a cap of counts without one of bytes (Netty CVE-2026-59902)                          TestPeerFragmentsAreBounded
//	tiny fragments (quinn CVE-2026-25800, FragmentSmack CVE-2018-5391)                   TestPeerTinyFragments
//	a cap on one path only (quinn RUSTSEC-2026-0341)                                     TestPeerEveryPathIsBounded
//	memory by a length that is claimed (OpenSSL CVE-2014-3506, quicly CVE-2026-44433)    TestPeerClaims
//	the unknown is skipped by buffering it (webtransport-go GHSA-g35j-m5xg-vh3q)         TestPeerUnknownTLV
//	fragments without bytes (pion/dtls CVE-2022-29190)                                   TestPeerMalformed
//	lengths that overflow (gorilla CVE-2020-27813, yamux CVE-2026-31814)                 TestPeerMalformed
//	the fragment that is a whole message (RFC 6946)                                      TestPeerMalformed
//	a key of reassembly that is too short (GnuTLS 1839, mediasoup)                       TestPeerReassemblyKey
//	fragments that survive their session (FragAttacks CVE-2020-24586)                    TestPeerFragmentsEndWithSession
//	fragments of different security contexts (CVE-2020-24587, CVE-2020-26146)            TestM17FragmentsAgree
//	overlaps, and duplicates that differ (teardrop, RFC 5722, LiveKit)                   TestPeerOverlap
//	a last piece that never comes (PeerJS, Netty)                                        TestM02SlowMessage
//	a duplicate that counts as progress (PeerJS, LiveKit)                                TestPeerDuplicateFragment
//	a message that is taken for a frame again (PeerJS)                                   TestPeerMessageInMessage
//	serial numbers compared by < (LiveKit, OpenVPN)                                      TestPeerWrap
//	a window that is moved by what was refused (OpenSSL CVE-2016-2181)                   TestPeerWindow
//	duplicates known from a queue of limited length (LiveKit)                            TestPeerDuplicates
//	data before authentication (pion/webrtc GHSA-74xm-qj29-cq8p)                         TestM09HandlesStayWithWhoHadThem
//	a sender named in the frame (Jitsi, LiveKit)                                         TestM10OriginIsIgnored
//	a receive queue without a bound (pion)                                               TestPeerUnread
//	loops without an end, and floods of control frames (pion/sctp 2f67797)               TestHostile
//
// These do not concern this package:
//
//	two parsers that disagree (usrsctp, LiveKit)     there is one; package fuzz holds it against the port in Python
//	a decompression bomb (LiveKit)                   nothing is compressed
//	a derived length out of date (livekit/protocol)  wire.Frame keeps none

// TestPeerFragmentsAreBounded: messages in progress are bounded by what they cost, and so are messages of few bytes by their number.
func TestPeerFragmentsAreBounded(t *testing.T) {
	for _, total := range []int{257, 1000, wire.MaxMessageSize} {
		h := newHost(t, 1, cdcp.Config{})
		big := text(total)
		for n := range wire.Serial(20000) {
			s := stream{uint16(n%50 + 1), 1, 0}
			h.hand(cdcp.Accepted, 2, s.fragment(n+1, big, 0, 256))
			if held := h.Stats().Held; held > 1<<20 {
				t.Fatalf("messages of %d bytes: %d bytes held", total, held)
			}
		}
		s := h.Stats()
		if progress := s.Partials - s.Evicted; progress != uint64(1<<20/(total+total/64+128)) {
			t.Errorf("%d messages of %d bytes in progress", progress, total)
		}
		requireSums(t, s)
		h.hand(cdcp.Accepted, 3, lossy.data(1, "another participant is not concerned"))
		if got := h.Stats().Evicted; got != s.Evicted {
			t.Errorf("%d messages gave way to it", got-s.Evicted)
		}
	}
}

// TestPeerTinyFragments: a message in its smallest fragments, in the worst order, costs what its length costs.
func TestPeerTinyFragments(t *testing.T) {
	h := newHost(t, 1, cdcp.Config{})
	big := text(wire.MaxMessageSize)
	parts := lossy.fragments(1, big, wire.MinFragmentSize)
	slices.Reverse(parts)
	for i := range len(parts) - 1 {
		h.hand(cdcp.Accepted, 2, parts[(i*37)%len(parts)])
		if held := h.Stats().Held; held != fragment.Cost(len(big)) {
			t.Fatalf("%d bytes held after %d fragments", held, i+1)
		}
	}
	h.hand(cdcp.Accepted, 2, parts[((len(parts)-1)*37)%len(parts)])
	requireMessages(t, h.receiver(), big)
	short := lossy.data(2, big[:255])
	short.Total = wire.MaxMessageSize
	if _, err := short.AppendBinary(nil); err == nil {
		t.Error("a fragment of 255 bytes that ends no message is encoded")
	}
}

// TestPeerEveryPathIsBounded: a message passes the bounds on whatever way it comes in.
func TestPeerEveryPathIsBounded(t *testing.T) {
	bounds := cdcp.Bounds{BytesPerReceiver: 33408, BytesPerPeer: 33408, Bytes: 2 * 33408}
	big := text(wire.MaxMessageSize)
	half := big[:16384]
	fill := func(h *host, from wire.Participant) { // with a message that is not read
		h.hand(cdcp.Accepted, from, stream{1, 1, 0}.data(1, big))
	}
	for _, c := range []struct {
		name   string
		frames []wire.Frame
		want   cdcp.Verdict // of the last frame; the others are accepted
		held   int          // afterwards, other than what filled the bound
	}{
		{"whole, lossy", []wire.Frame{lossy.data(1, half)}, cdcp.Dropped, 0},
		{"whole, empty", []wire.Frame{lossy.data(1, "")}, cdcp.Dropped, 0},
		{"whole, durable", []wire.Frame{durable.data(1, half)}, cdcp.Overflow, 0},
		{"fragment, lossy", lossy.fragments(1, half, 10000)[:1], cdcp.Dropped, 0},
		{"fragment, lossy, not the first", lossy.fragments(1, half, 10000)[1:], cdcp.Dropped, 0},
		{"fragment, durable", durable.fragments(1, half, 10000)[:1], cdcp.Dropped, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, at := range []string{"participant", "all"} {
				h := newHost(t, 1, cdcp.Config{Bounds: bounds})
				full := 0
				if at == "participant" {
					fill(h, 2)
					full = 1
				} else {
					fill(h, 3)
					fill(h, 4)
					full = 2
				}
				last := len(c.frames) - 1
				h.hand(cdcp.Accepted, 2, c.frames[:last]...)
				h.hand(c.want, 2, c.frames[last])
				if held := h.Stats().Held - full*fragment.Cost(len(big)); held != c.held {
					t.Errorf("at the bound of %s %d bytes held, want %d", at, held, c.held)
				}
			}
		})
	}
	t.Run("completed", func(t *testing.T) { // has its room, and what it has no room for is the receiver
		for _, c := range []struct {
			stream
			want cdcp.Verdict
			read []string
		}{{lossy, cdcp.Accepted, []string{half}}, {durable, cdcp.Overflow, []string{big[:20000]}}} {
			h := newHost(t, 1, cdcp.Config{Bounds: cdcp.Bounds{BytesPerReceiver: 33408}})
			h.hand(cdcp.Accepted, 2, c.data(1, big[:20000]))
			parts := c.fragments(2, half, 10000)
			h.hand(cdcp.Accepted, 2, parts[0])
			h.hand(c.want, 2, parts[1])
			requireMessages(t, h.receiver(), c.read...)
			if held := h.Stats().Held; held != 0 {
				t.Errorf("%d bytes held", held)
			}
		}
	})
}

// TestPeerClaims: what a frame claims costs its participant, and not one byte more than the bound.
func TestPeerClaims(t *testing.T) {
	h := newHost(t, 1, cdcp.Config{})
	big := text(wire.MaxMessageSize)
	before := heap()
	for n := range wire.Serial(1000) {
		h.hand(cdcp.Accepted, 2, lossy.fragment(n+1, big, 0, 256))
	}
	held := h.Stats().Held
	if grown := heap() - before; held > 1<<20 || grown > held*5/4 {
		t.Errorf("1000 claims of %d bytes: %d bytes held, %d of the heap", len(big), held, grown)
	}
	h.hand(cdcp.Accepted, 3, lossy.data(1, "served"))
	requireMessages(t, h.receiver(), "served")
}

// TestPeerUnknownTLV: a TLV that nobody knows is not kept.
func TestPeerUnknownTLV(t *testing.T) {
	h := newHost(t, 1, cdcp.Config{})
	f := lossy.data(1, "hello")
	var err error
	if f.Ext, err = f.Ext.Append(0x0a, make([]byte, 253)); err != nil {
		t.Fatal(err)
	}
	h.hand(cdcp.Accepted, 2, f)
	if held := h.Stats().Held; held != fragment.Cost(5) {
		t.Errorf("%d bytes held", held)
	}
	requireMessages(t, h.receiver(), "hello")
}

// TestPeerMalformed: a frame that does not decode changes nothing but its counter.
func TestPeerMalformed(t *testing.T) {
	const f = "\x80\x80\x00\x07\x00\x00\x03\xe8\x00\x00\x00\x01"
	bytes := func(n int) string { return string(make([]byte, n)) }
	for _, c := range []struct {
		name, frame string
		want        wire.Code
	}{
		{"a fragment without bytes", f + "\x00\x00\x01\x2c", wire.CodeFragmentShort},
		{"one at the end of its message", f + "\x01\x2c\x01\x2c", wire.CodeBadMessageLength},
		{"one that ends behind its message", f + "\x01\x00\x01\x2c" + bytes(45), wire.CodeFragmentOverrun},
		{"one that ends behind 65535", f + "\x7f\xff\x80\x00" + bytes(32769), wire.CodeFragmentOverrun},
		{"a message that is too long", f[:1] + "\x00" + f[2:] + bytes(32769), wire.CodeMessageTooLong},
		{"a message of 65535 bytes", f + "\x00\x00\xff\xff" + bytes(256), wire.CodeBadMessageLength},
		{"a fragment that is its message", f + "\x00\x00\x01\x2c" + bytes(300), wire.CodeFragmentWhole},
		{"nothing", "", wire.CodeTruncated},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHost(t, 1, cdcp.Config{})
			h.hand(cdcp.Accepted, 2, lossy.fragment(1, text(300), 0, 256))
			before := h.Stats()
			v, err := h.HandleFrame(h.now, 2, []byte(c.frame))
			if e, ok := err.(*wire.Error); v != 0 || !ok || e.Code != c.want {
				t.Fatalf("verdict %v, error %v; want %v", v, err, c.want)
			}
			before.FramesIn++
			before.Malformed++
			if got := h.Stats(); got != before {
				t.Fatalf("counters %+v, want %+v", got, before)
			}
			h.hand(cdcp.Accepted, 2, lossy.fragment(1, text(300), 256, 300))
		})
	}
}

// TestPeerReassemblyKey: a message is put together from fragments of one participant, channel, session and number.
func TestPeerReassemblyKey(t *testing.T) {
	h := newHost(t, 1, cdcp.Config{})
	type message struct {
		from wire.Participant
		stream
		n wire.Serial
	}
	var all []message
	for i := range 16 {
		all = append(all, message{wire.Participant(2 + i&1), stream{uint16(7 + i>>1&1), wire.Serial(1 + i>>2&1), 0}, wire.Serial(2 - i>>3)})
	}
	of := func(i int) string { return fmt.Sprintf("%03d", i) + text(997) }
	for part := range 4 {
		for i, m := range all {
			h.hand(cdcp.Accepted, m.from, m.fragments(m.n, of(i), 256)[part])
		}
	}
	h.events()
	for i, r := range h.receivers { // in the order of their first messages
		m := all[i]
		if r.From() != m.from || r.ChannelID() != m.channel {
			t.Errorf("receiver %d is of %d/%d", i, r.From(), r.ChannelID())
		}
		requireMessages(t, r, of(i), of(i+8))
	}
}

// TestPeerFragmentsEndWithSession: no fragment is kept from before the end of its session.
func TestPeerFragmentsEndWithSession(t *testing.T) {
	old, now := text(1000), "after!!!"+text(992)
	for _, s := range []stream{lossy, durable} {
		for _, c := range []struct {
			name  string
			end   func(h *host)
			after cdcp.Verdict // of the fragments that are left
		}{
			{"close", func(h *host) { h.hand(cdcp.Accepted, 2, s.close(1)) }, cdcp.Superseded},
			{"close of a newer one", func(h *host) {
				h.hand(cdcp.Accepted, 2, stream{7, s.session + 1, wire.FlagDurable}.close(1))
			}, cdcp.Accepted}, // a session with a receiver goes on
			{"left", func(h *host) { h.left(2) }, cdcp.Ignored},
		} {
			t.Run(fmt.Sprintf("%d/%s", s.flags, c.name), func(t *testing.T) {
				h := newHost(t, 1, cdcp.Config{})
				h.hand(cdcp.Accepted, 2, s.data(1, "1"))
				h.hand(cdcp.Accepted, 2, s.fragment(2, old, 0, 500))
				c.end(h)
				h.hand(c.after, 2, s.fragment(2, old, 500, 1000))
				if s := h.Stats(); c.after != cdcp.Accepted && (s.Abandoned != 1 || s.Completed != 0) {
					t.Fatalf("%d abandoned, %d completed", s.Abandoned, s.Completed)
				}
			})
		}
		t.Run(fmt.Sprintf("%d/without a receiver", s.flags), func(t *testing.T) {
			h := newHost(t, 1, cdcp.Config{})
			h.hand(cdcp.Accepted, 2, s.fragment(1, old, 0, 500))
			h.hand(cdcp.Accepted, 2, stream{7, s.session + 1, wire.FlagDurable}.close(1))
			h.hand(cdcp.Superseded, 2, s.fragment(1, old, 500, 1000))
			if s := h.Stats(); s.Abandoned != 1 || s.Held != 0 {
				t.Fatalf("%d abandoned, %d bytes held", s.Abandoned, s.Held)
			}
		})
		t.Run(fmt.Sprintf("%d/idle", s.flags), func(t *testing.T) { // the session can come back, and its message with it
			h := newHost(t, 1, cdcp.Config{})
			h.hand(cdcp.Accepted, 2, s.data(1, "1"))
			h.wait(119 * time.Second)
			h.hand(cdcp.Accepted, 2, s.fragment(2, now, 0, 500))
			h.wait(2 * time.Second)
			h.requireEvents("2/7 created", "2/7 message", "2/7 closed idle")
			h.hand(cdcp.Accepted, 2, s.fragment(2, now, 500, 1000))
			requireMessages(t, h.receiver(), now)
		})
	}
}

// TestPeerOverlap: bytes that came are never put over others, and what tries kills its message.
func TestPeerOverlap(t *testing.T) {
	big, other := text(2000), "other..."+text(1992)
	for _, c := range []struct {
		name     string
		here     [2]int
		from, to int
		with     string
		want     cdcp.Verdict
	}{
		{"the same bytes", [2]int{512, 1024}, 512, 1024, big, cdcp.Duplicate},
		{"the same place, other bytes", [2]int{0, 512}, 0, 512, other, cdcp.Mismatch},
		{"the same start, longer", [2]int{512, 1024}, 512, 1025, big, cdcp.Mismatch},
		{"the same start, shorter", [2]int{512, 1024}, 512, 1023, big, cdcp.Mismatch},
		{"the end of it", [2]int{512, 1024}, 600, 1024, big, cdcp.Mismatch},
		{"inside of it", [2]int{512, 1024}, 600, 900, big, cdcp.Mismatch},
		{"around it", [2]int{512, 1024}, 256, 1280, big, cdcp.Mismatch},
		{"one byte from the left", [2]int{512, 1024}, 256, 513, big, cdcp.Mismatch},
		{"one byte from the right", [2]int{512, 1024}, 1023, 1300, big, cdcp.Mismatch},
		{"from far left to its end", [2]int{512, 1024}, 0, 1024, big, cdcp.Mismatch},
		{"next to it, left", [2]int{512, 1024}, 256, 512, big, cdcp.Accepted},
		{"next to it, right", [2]int{512, 1024}, 1024, 1280, big, cdcp.Accepted},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHost(t, 1, cdcp.Config{})
			h.hand(cdcp.Accepted, 2, lossy.fragment(1, big, c.here[0], c.here[1]))
			h.hand(c.want, 2, lossy.fragment(1, c.with, c.from, c.to))
			if killed := h.Stats().Held == fragment.Cost(0); killed != (c.want == cdcp.Mismatch) {
				t.Fatalf("killed: %t", killed)
			}
		})
	}
}

// TestPeerDuplicateFragment: fragments that come twice do not complete a message.
func TestPeerDuplicateFragment(t *testing.T) {
	for _, s := range []stream{lossy, durable} {
		h := newHost(t, 1, cdcp.Config{})
		big := text(1200)
		parts := s.fragments(1, big, 400)
		h.hand(cdcp.Accepted, 2, parts[0])
		h.hand(cdcp.Duplicate, 2, parts[0], parts[0], parts[0])
		h.hand(cdcp.Accepted, 2, parts[1])
		h.hand(cdcp.Duplicate, 2, parts[1], parts[0])
		h.requireEvents()
		h.hand(cdcp.Accepted, 2, parts[2])
		requireMessages(t, h.receiver(), big)
	}
}

// TestPeerMessageInMessage: a message that is put together is a message, whatever it looks like.
func TestPeerMessageInMessage(t *testing.T) {
	h := newHost(t, 1, cdcp.Config{})
	f := stream{9, 1, 0}.data(1, text(500))
	inner, err := f.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	h.hand(cdcp.Accepted, 2, lossy.fragments(1, string(inner), 256)...)
	h.requireEvents("2/7 created", "2/7 message")
	requireMessages(t, h.receiver(), string(inner))
}

// TestPeerWrap: sessions and numbers go on beyond 2^31 and 2^32.
func TestPeerWrap(t *testing.T) {
	for _, edge := range []wire.Serial{1 << 31, 0, 1<<31 - 1, 1<<32 - 1} {
		h := newHost(t, 1, cdcp.Config{})
		s := stream{7, edge - 1, 0}
		h.hand(cdcp.Accepted, 2, s.numbered(edge-2, edge-1, edge, edge+2, edge+1)...)
		h.hand(cdcp.Duplicate, 2, s.numbered(edge-1, edge, edge+2)...)
		s.session++
		h.hand(cdcp.Accepted, 2, s.numbered(1)...) // a newer session
		h.hand(cdcp.Accepted, 2, s.close(1))
		s.session--
		h.hand(cdcp.Accepted, 2, s.numbered(edge+3)...) // the older one has its receiver
		h.hand(cdcp.Accepted, 2, s.close(edge+3))
		h.hand(cdcp.Mismatch, 2, s.numbered(edge+4)...)
		h.wait(2 * time.Second)
		h.hand(cdcp.Superseded, 2, s.numbered(edge+4)...)
		h.receiver()
		requireCounts(t, h.receivers[0], cdcp.Counts{Delivered: 6, Unknown: 1023})
	}
	// Numbers that are exactly 2^31 apart are old, whichever comes first.
	h := newHost(t, 1, cdcp.Config{})
	h.hand(cdcp.Accepted, 2, stream{7, 5, wire.FlagDurable}.close(0))
	h.hand(cdcp.Superseded, 2, stream{7, 5 + 1<<31, wire.FlagDurable}.close(0))
	h.hand(cdcp.Accepted, 2, stream{7, 4 + 1<<31, wire.FlagDurable}.close(0))
}

// TestPeerWindow: frames that are refused, and messages that are not whole, do not move a window; one that is accepted moves it as
// far as it says, at once.
func TestPeerWindow(t *testing.T) {
	h := newHost(t, 1, cdcp.Config{Bounds: cdcp.Bounds{BytesPerReceiver: 33408, BytesPerPeer: 33408}})
	const far = 1 << 30
	h.hand(cdcp.Accepted, 2, lossy.numbered(1)...)
	h.hand(cdcp.Ignored, 1, lossy.numbered(far)...)
	h.hand(cdcp.Accepted, 3, lossy.numbered(far)...) // someone else
	h.hand(cdcp.Mismatch, 2, durable.data(far, ""), durable.keepAlive(far), durable.close(far))
	h.hand(cdcp.Accepted, 2, lossy.fragment(far, text(1000), 0, 500)) // never completed
	h.hand(cdcp.Accepted, 2, lossy.numbered(2)...)
	h.receiver()
	requireCounts(t, h.receivers[0], cdcp.Counts{Delivered: 2})
	h.hand(cdcp.Accepted, 2, lossy.numbered(far)...)
	requireCounts(t, h.receivers[0], cdcp.Counts{Delivered: 3, Lost: far - 3 - 1023})
	h.hand(cdcp.Accepted, 2, lossy.numbered(far-1023)...)
	h.hand(cdcp.Stale, 2, lossy.numbered(3, far-1024)...)
}

// TestPeerDuplicates: a duplicate is known as one as long as its number is in the window, and is old afterwards.
func TestPeerDuplicates(t *testing.T) {
	h := newHost(t, 1, cdcp.Config{})
	h.hand(cdcp.Accepted, 2, lossy.numbered(1, 3)...)
	for n := wire.Serial(5); n <= 1025; n += 2 {
		h.hand(cdcp.Accepted, 2, lossy.numbered(n)...)
	}
	for n := wire.Serial(3); n <= 1025; n += 2 {
		h.hand(cdcp.Duplicate, 2, lossy.numbered(n)...)
	}
	h.hand(cdcp.Stale, 2, lossy.numbered(1)...)
	h.wait(2 * time.Second)
	h.hand(cdcp.Stale, 2, lossy.numbered(2, 3)...)
}

// TestPeerUnread: of lossy messages that nobody reads the newest stay, and durable ones close their receiver before the first
// would go.
func TestPeerUnread(t *testing.T) {
	h := newHost(t, 1, cdcp.Config{})
	long := text(32000)
	most := 262144 / fragment.Cost(32000)
	for n := range wire.Serial(20) {
		h.hand(cdcp.Accepted, 2, lossy.data(n+1, long), stream{8, 1, 0}.data(n+1, fmt.Sprint(n)))
	}
	h.events()
	requireCounts(t, h.receivers[0], cdcp.Counts{Delivered: 20, Dropped: uint64(20 - most)})
	m, _ := h.receivers[0].Receive(nil)
	if want := wire.Serial(20 - most + 1); m.Sequence != want {
		t.Errorf("the oldest message is %d, want %d", m.Sequence, want)
	}
	if n := len(messages(h.receivers[1])); n != 20 {
		t.Errorf("%d messages of another channel, want 20", n)
	}
	if n := len(messages(h.receivers[0])); n != most-1 {
		t.Errorf("%d messages are left, want %d", n, most-1)
	}

	for n := range wire.Serial(20) {
		want := cdcp.Accepted
		if int(n) == most {
			want = cdcp.Overflow
		} else if int(n) > most {
			want = cdcp.Superseded
		}
		h.hand(want, 3, durable.data(n+1, long))
	}
	r := h.receiver()
	if m, _ := r.Receive(nil); m.Sequence != 1 || !r.Closed() {
		t.Errorf("the oldest message is %d, closed %t", m.Sequence, r.Closed())
	}
}
