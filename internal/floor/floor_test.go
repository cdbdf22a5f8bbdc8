package floor_test

import (
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/cdcp-project/cdcp/internal/floor"
)

func ExampleEncode() {
	b, err := floor.Encode(make([]byte, 0, 100), 0x8000_03e8_6500_0001, 1, []byte("hi"))
	fmt.Println(hex.EncodeToString(b), err)
	// Output: 800003e865000001000000016869 <nil>
}

func TestEncodeRefuses(t *testing.T) {
	for _, c := range []struct{ room, size int }{{13, 2}, {40000, 32769}} {
		if b, err := floor.Encode(make([]byte, 0, c.room), 0, 0, make([]byte, c.size)); len(b) != 0 || err == nil {
			t.Errorf("%d bytes into %d: %d bytes, %v", c.size, c.room, len(b), err)
		}
	}
}
