package sequencer
import ("testing";"math/bits")

type hexT struct { g [16]uint16; b [256]uint16; w [4096]uint16; used int }
func (t *hexT) add(id uint16) { t.w[id>>4] |= 1<<(id&15); t.b[id>>8]++; t.g[id>>12]++; t.used++ }
func (t *hexT) del(id uint16) { t.w[id>>4] &^= 1<<(id&15); t.b[id>>8]--; t.g[id>>12]--; t.used-- }
func digit(used []uint16, size, rank uint32) (uint16, uint32) {
	var d uint16
	for _, u := range used { n := size - uint32(u); if rank < n { break }; rank -= n; d++ }
	return d, rank
}
func digitBL(used []uint16, size, rank uint32) (d uint16, rest uint32) {
	rest = rank
	for _, u := range used { rank -= size - uint32(u); d += uint16(^rank>>31); rest = min(rest, rank) }
	return
}
func (t *hexT) choose(x uint32) uint16 {
	rank := uint32(uint64(x)*uint64(65535-t.used)>>32)
	g, rank := digit(t.g[:], 4096, rank)
	b, rank := digit(t.b[16*g:][:16], 256, rank)
	id := g<<8|b<<4
	for { n := uint32(16 - bits.OnesCount16(t.w[id])); if rank < n {break}; rank -= n; id++ }
	f := ^t.w[id]
	for range rank { f &= f-1 }
	id = id<<4 | uint16(bits.TrailingZeros16(f))
	t.add(id)
	return id
}
func (t *hexT) chooseBL(x uint32) uint16 {
	rank := uint32(uint64(x)*uint64(65535-t.used)>>32)
	g, rank := digitBL(t.g[:], 4096, rank)
	b, rank := digitBL(t.b[16*g:][:16], 256, rank)
	id := g<<8|b<<4
	w := t.w[id:][:16]
	var d uint16
	rest := rank
	for _, u := range w { rank -= 16- uint32(bits.OnesCount16(u)); d += uint16(^rank>>31); rest = min(rest, rank)}
	id += d
	f := ^t.w[id]
	for range rest { f &= f-1 }
	id = id<<4 | uint16(bits.TrailingZeros16(f))
	t.add(id)
	return id
}
type wordT struct { g [16]uint16; b [256]uint16; w [1024]uint64; used int }
func (t *wordT) add(id uint16) { t.w[id>>6] |= 1<<(id&63); t.b[id>>8]++; t.g[id>>12]++; t.used++ }
func (t *wordT) del(id uint16) { t.w[id>>6] &^= 1<<(id&63); t.b[id>>8]--; t.g[id>>12]--; t.used-- }
func (t *wordT) choose(x uint32) uint16 {
	rank := uint32(uint64(x)*uint64(65535-t.used)>>32)
	g, rank := digit(t.g[:], 4096, rank)
	b, rank := digit(t.b[16*g:][:16], 256, rank)
	id := (g<<4|b)*4
	for { n := uint32(64 - bits.OnesCount64(t.w[id])); if rank < n {break}; rank -= n; id++ }
	id = id<<6 | uint16(select1(^t.w[id], rank))
	t.add(id)
	return id
}
func (t *wordT) chooseS(x uint32) uint16 {
	rank := uint32(uint64(x)*uint64(65535-t.used)>>32)
	g, rank := digit(t.g[:], 4096, rank)
	b, rank := digit(t.b[16*g:][:16], 256, rank)
	id := (g<<4|b)*4
	for { n := uint32(64 - bits.OnesCount64(t.w[id])); if rank < n {break}; rank -= n; id++ }
	f := ^t.w[id]
	for range rank { f &= f-1 }
	id = id<<6 | uint16(bits.TrailingZeros64(f))
	t.add(id)
	return id
}
func BenchmarkSel(b *testing.B) {
	for _, used := range []string{"0","32768","65534"} {
	n := map[string]int{"0":0,"32768":32768,"65534":65534}[used]
	b.Run(used+"/impl=floor", func(b *testing.B){ t:=new(hexT); t.add(0);t.used--; x:=uint32(1); for range n {x=x*1664525+1013904223;t.choose(x)}; for b.Loop(){x=x*1664525+1013904223; t.del(t.choose(x))}})
	b.Run(used+"/impl=hexBL", func(b *testing.B){ t:=new(hexT); t.add(0);t.used--; x:=uint32(1); for range n {x=x*1664525+1013904223;t.choose(x)}; for b.Loop(){x=x*1664525+1013904223; t.del(t.chooseBL(x))}})
	b.Run(used+"/impl=word", func(b *testing.B){ t:=new(wordT); t.add(0);t.used--; x:=uint32(1); for range n {x=x*1664525+1013904223;t.choose(x)}; for b.Loop(){x=x*1664525+1013904223; t.del(t.choose(x))}})
	b.Run(used+"/impl=wordS", func(b *testing.B){ t:=new(wordT); t.add(0);t.used--; x:=uint32(1); for range n {x=x*1664525+1013904223;t.choose(x)}; for b.Loop(){x=x*1664525+1013904223; t.del(t.chooseS(x))}})
	b.Run(used+"/impl=bl", func(b *testing.B){ var c ChannelIDs; x:=uint32(1); for range n {x=x*1664525+1013904223;c.Choose(x)}; for b.Loop(){x=x*1664525+1013904223; id,_:=c.Choose(x); c.Release(id)}})
	}
}
