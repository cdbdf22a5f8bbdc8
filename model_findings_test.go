package cdcp_test

import (
	"testing"

	"github.com/cdcp-project/cdcp"
)

// What the tests against models found, each in as few steps as can be.

// TestCloseFarFromHigh: a last number exactly 2^31 from high is older than it (WIRE-002), and closes at once (RECV-009).
func TestCloseFarFromHigh(t *testing.T) {
	h := newHost(t, 1, cdcp.Config{})
	h.hand(cdcp.Accepted, 2, lossy.numbered(1, 3)...)
	h.hand(cdcp.Accepted, 2, lossy.close(3+1<<31))
	h.requireEvents("2/7 created", "2/7 message", "2/7 message", "2/7 closed closed")
}
