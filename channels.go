package cdcp

import (
	"iter"

	"github.com/cdcp-project/cdcp/wire"
)

// A channel is what this endpoint knows of one of its own channel ids: the session, its transmit queue and its place among the
// turns. It is kept as long as the Endpoint (SESS-002).
type channel struct {
	id     uint16
	latest wire.Serial // the id of its latest session
	sender *Sender     // the open one, or nil

	queue queue
	turn  turn     // what it waits with
	tag   [2]int64 // by priority
	index int      // in its lane

	keepAlive keepAlive
}

// channels are all of them, by id. They are gone over in ascending order.
type channels struct{ pages [1 << 8]*[1 << 8]*channel }

// get returns the channel with that id, or nil.
func (c *channels) get(id uint16) *channel {
	page := c.pages[id>>8]
	if page == nil {
		return nil
	}
	return page[id&0xff]
}

func (c *channels) add(ch *channel) {
	page := &c.pages[ch.id>>8]
	if *page == nil {
		*page = new([1 << 8]*channel)
	}
	(*page)[ch.id&0xff] = ch
}

func (c *channels) all() iter.Seq[*channel] {
	return func(yield func(*channel) bool) {
		for _, page := range c.pages {
			if page == nil {
				continue
			}
			for _, ch := range page {
				if ch != nil && !yield(ch) {
					return
				}
			}
		}
	}
}
