package sequencer_test

import (
	"flag"
	"os"
)

// Each property gets a thousand draws, as in wire. RAPID_CHECKS and -rapid.checks still decide.
func init() {
	if _, ok := os.LookupEnv("RAPID_CHECKS"); ok {
		return
	}
	if err := flag.Set("rapid.checks", "1000"); err != nil {
		panic(err)
	}
}
