package sequencer_test

import (
	"github.com/cdcp-project/cdcp/sequencer"
	"github.com/cdcp-project/cdcp/wire"
	"testing"
)

func BenchmarkTmp(b *testing.B) {
	for _, c := range []struct {
		name string
		loss int
	}{{"inorder", 1 << 30}, {"hole900", 900}, {"hole100", 100}} {
		b.Run(c.name+"/impl=floor", func(b *testing.B) {
			var w floorWindow
			s := uint32(0)
			for b.Loop() {
				for range 1024 {
					s++
					if int(s)%c.loss == 0 {
						s++
					}
					w.accept(s)
				}
			}
		})
		b.Run(c.name+"/impl=cdcp", func(b *testing.B) {
			var w sequencer.Window
			s := wire.Serial(0)
			for b.Loop() {
				for range 1024 {
					s++
					if int(s)%c.loss == 0 {
						s++
					}
					w.Accept(5, s, 0)
				}
			}
		})
	}
}
