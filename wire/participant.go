package wire

// A Participant is the handle of one endpoint in the call, 1 to 65535 (SPEC.md section 2.4). 0 is nobody.
type Participant uint16
