package sequencer
import ("testing";"math/rand/v2";"math/bits")
func TestSel(t *testing.T){ for range 100000 { w:=rand.Uint64(); switch rand.IntN(4){case 0: w&=rand.Uint64(); case 1: w|=rand.Uint64();case 2: w=^uint64(0)}
 r:=0; for i:=range 64 { if w>>i&1==1 { if g:=select1(w,uint32(r)); g!=i { t.Fatal(w,r,g,i)}; r++}} ; _=bits.Len}}
