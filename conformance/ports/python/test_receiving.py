"""Tests of the receiving half: verdicts, records, receivers, fragments, bounds, left, events."""

import unittest

from bounds import Bounds, cost
from testkit import SECOND, EndpointTest, close, data, fragment, keep_alive

MINUTE = 60 * SECOND


class VerdictTest(EndpointTest):
    def test_participant(self):  # FRAME-002
        self.assertEqual(self.frame(data(1), handle=1), "ignored")
        self.endpoint.participant_left(0, 2)
        self.assertEqual(self.frame(data(1)), "ignored")
        self.assertEqual(self.frame(data(1), handle=3), "accepted")

    def test_flags(self):  # FRAME-003
        self.assertEqual(
            self.frames(data(1), data(2, durable=True), keep_alive(1, high=True), close(1, high=True)),
            ["accepted", "mismatch", "mismatch", "mismatch"])

    def test_flags_kill(self):
        self.frames(data(1), fragment(2, 0, 300, 600))
        self.assertEqual(self.stat("held"), cost(1) + cost(600))
        self.assertEqual(self.frames(fragment(2, 300, 300, 600, high=True), fragment(2, 300, 300, 600)),
                         ["mismatch", "mismatch"])
        self.assertEqual(self.stat("held"), cost(1) + cost(0))
        self.advance(5 * SECOND)
        self.assertEqual(self.stat("held", "expired"), (cost(1), 1))

    def test_sums(self):
        with self.assertRaises(Exception):
            self.endpoint.frame(0, 2, b"")
        self.frames(data(2), data(2))
        self.assertEqual(self.stat("framesIn", "malformed", "accepted", "duplicate"), (3, 1, 1, 1))


class ReceiverTest(EndpointTest):
    def test_idle_and_back(self):  # RECV-007, RECV-016, WINDOW-001
        self.frames(data(1), data(3))
        self.advance(2 * MINUTE)
        self.assertEqual(self.events(), ["created 1", "message 1", "message 1"])
        self.advance(2 * MINUTE + 1)
        self.assertEqual(self.events(), ["closed 1 idle"])
        self.assertEqual(self.frames(keep_alive(3), data(3), fragment(2, 0, 300, 600), data(5)),
                         ["ignored", "stale", "stale", "accepted"])
        self.assertEqual(self.events(), ["created 2", "message 2"])
        self.advance(2 * MINUTE + 1 + 2 * SECOND)
        self.assertEqual(self.counts(2), (1, 0, 1, 0))
        self.assertEqual([self.read(1), self.read(1), self.read(1)], [(1, b"x"), (3, b"x"), None])

    def test_keep_alive_holds_off_the_idle_close(self):
        self.frame(data(1))
        self.advance(MINUTE)
        self.assertEqual(self.frame(keep_alive(1)), "accepted")
        self.assertEqual(self.endpoint.next_deadline(), 3 * MINUTE + 1)

    def test_idle_and_closed(self):  # RECV-003
        for end in (close(5), close(1)):
            self.open()
            self.now = 0
            self.frame(data(1))
            self.advance(2 * MINUTE + 1)
            self.assertEqual(self.frames(end, end, data(5), keep_alive(1)),
                             ["accepted", "superseded", "superseded", "superseded"])

    def test_newer_session(self):
        self.frames(data(1, session=10), data(1, session=11))
        self.assertEqual(self.frame(data(2, session=10)), "accepted")  # RECV-006
        self.frame(close(1, session=11))
        self.assertEqual(self.frames(data(3, session=10), data(1, session=9), data(2, session=11)),
                         ["accepted", "superseded", "superseded"])
        self.advance(2 * MINUTE + 1)  # 10 closes, and is older than floor
        self.assertEqual(self.frame(data(4, session=10)), "superseded")
        self.assertEqual(self.frame(data(1, session=10 + 2**31)), "accepted")
        self.assertEqual(self.frame(data(1, session=11 + 2**31)), "superseded")

    def test_idle_but_not_newest(self):
        self.frame(data(1, session=10))
        self.advance(MINUTE)
        self.frame(data(1, session=11))
        self.advance(2 * MINUTE + 1)
        self.assertEqual(self.frames(data(2, session=10), close(2, session=10), close(2, session=10)),
                         ["superseded", "accepted", "superseded"])

    def test_close_at_once(self):  # RECV-009, RECV-018
        self.frames(data(1), data(2), close(2, reason=1))
        self.assertEqual(self.events()[-1], "closed 1 replaced")
        self.frames(data(1, session=11), data(3, session=11), close(2, session=11, reason=9))
        self.assertEqual(self.events()[-1], "closed 2 closed")
        self.assertEqual(self.counts(2), (2, 1, 0, 0))

    def test_closing(self):  # RECV-010, RECV-011, RECV-004
        self.assertEqual(
            self.frames(data(1), close(3), close(3, durable=True), keep_alive(4), data(4), data(1)),
            ["accepted", "accepted", "ignored", "ignored", "mismatch", "stale"])
        self.assertEqual(self.frames(data(3), data(2), data(2)), ["accepted", "accepted", "superseded"])
        self.assertEqual(self.events(),
                         ["created 1", "message 1", "message 1", "message 1", "closed 1 closed"])

    def test_close_behind_a_keep_alive(self):  # RECV-009, RECV-011
        self.assertEqual(self.frames(data(5), keep_alive(9), close(7), data(8), data(7), data(9)),
                         ["accepted", "accepted", "accepted", "mismatch", "accepted", "mismatch"])
        self.events()
        self.advance(2 * SECOND)
        self.assertEqual((self.events(), self.counts()), (["closed 1 closed"], (2, 3, 4, 0)))

    def test_closing_ends_after_two_seconds(self):
        self.frames(data(1), close(3))
        self.assertEqual(self.endpoint.next_deadline(), 2 * SECOND)
        self.advance(2 * SECOND)
        self.assertEqual(self.events()[-1], "closed 1 closed")
        self.assertEqual((self.counts(), self.endpoint.next_deadline()), ((1, 2, 0, 0), None))

    def test_close_before_the_messages(self):  # RECV-012
        self.assertEqual(self.frames(close(2), data(2)), ["accepted", "accepted"])
        self.assertEqual(self.events(), ["created 1", "message 1"])
        self.frame(data(1))
        self.assertEqual(self.events(), ["message 1", "closed 1 closed"])

    def test_close_without_messages(self):  # RECV-012, RECV-013
        for end, deadline in ((close(2), 2 * SECOND), (close(0), None), (close(2, durable=True), None)):
            self.open()
            self.now = 0
            self.frame(end)
            self.assertEqual(self.endpoint.next_deadline(), deadline)
            self.advance(2 * SECOND)
            self.assertEqual((self.events(), self.frame(data(1)), self.frame(close(1, session=9))),
                             ([], "superseded", "superseded"))

    def test_ninth_receiver(self):  # RECV-019
        for session in range(10, 18):
            self.frame(data(1, session=session))
        self.frame(data(2, session=10))
        self.events()
        self.assertEqual(self.frame(data(1, session=9)), "accepted")
        self.assertEqual(self.events(), ["closed 2 limit", "created 9", "message 9"])
        self.assertEqual(self.frames(data(2, session=9), data(2, session=11), data(1, session=8)),
                         ["accepted", "superseded", "superseded"])

    def test_left(self):  # LEFT-001
        self.frames(data(1, channel=1), data(1, channel=2), data(2, channel=1), close(3, channel=3),
                    fragment(1, 0, 300, 600, channel=4))
        self.events()
        self.endpoint.participant_left(0, 2)
        self.assertEqual(self.events(), ["closed 2 left", "closed 1 left"])
        self.assertEqual(self.stat("abandoned", "held"), (1, 3 * cost(1)))
        self.assertIsNone(self.endpoint.next_deadline())
        self.assertEqual(self.read(1), (1, b"x"))

    def test_read_withdraws_the_event(self):  # EVENT-001
        self.frame(data(1))
        event = self.endpoint.poll_event()
        self.endpoint.read(event.subject)
        self.assertIsNone(self.endpoint.poll_event())


class FragmentTest(EndpointTest):
    def test_any_order(self):  # FRAG-001, FRAG-002
        parts = [fragment(1, 600, 10, 610, b"c"), fragment(1, 0, 300, 610, b"a", run=5),
                 fragment(1, 300, 300, 610, b"b")]
        self.assertEqual(self.frames(*parts[:2], parts[0], parts[2], parts[2]),
                         ["accepted", "accepted", "duplicate", "accepted", "stale"])
        self.assertEqual(self.events(), ["created 1", "message 1"])
        self.assertEqual(self.read(), (1, b"a" * 300 + b"b" * 300 + b"c" * 10))
        self.assertEqual(self.stat("partials", "completed", "held"), (1, 1, 0))

    def test_disagreement(self):  # FRAG-003
        for other in (fragment(1, 299, 300, 610), fragment(1, 300, 300, 611), fragment(1, 0, 300, 610, b"z"),
                      fragment(1, 300, 300, 610, durable=True)):
            self.open()
            self.assertEqual(self.frames(fragment(1, 0, 300, 610), other, fragment(1, 0, 300, 610)),
                             ["accepted", "mismatch", "mismatch"])
            self.assertEqual(self.stat("held"), 128)

    def test_expiry(self):  # FRAG-004
        self.frame(fragment(1, 0, 300, 900))
        self.advance(3 * SECOND)
        self.frame(fragment(1, 300, 300, 900))
        self.advance(4 * SECOND)
        self.frame(fragment(1, 300, 300, 900))
        self.assertEqual(self.endpoint.next_deadline(), 8 * SECOND)
        self.advance(8 * SECOND)
        self.assertEqual(self.stat("expired", "held"), (1, 0))
        self.assertEqual(self.frame(fragment(1, 600, 300, 900)), "accepted")

    def test_durable(self):  # FRAG-005, FRAG-006
        self.assertEqual(self.frames(
            fragment(1, 300, 300, 900, durable=True), fragment(1, 0, 300, 900, durable=True),
            fragment(1, 0, 300, 900, durable=True), fragment(1, 600, 300, 900, durable=True),
            fragment(1, 300, 300, 900, durable=True)),
            ["mismatch", "accepted", "duplicate", "mismatch", "mismatch"])
        self.assertIsNone(self.endpoint.next_deadline())

    def test_another_number(self):  # FRAG-008
        self.frames(data(1, durable=True), fragment(3, 0, 300, 900, durable=True))
        self.assertEqual(self.frame(data(1, durable=True)), "stale")
        self.assertEqual(self.stat("abandoned"), 0)
        self.assertEqual(self.frame(fragment(2, 300, 300, 900, durable=True)), "mismatch")
        self.assertEqual(self.stat("abandoned"), 1)
        self.assertEqual(self.frame(fragment(3, 300, 300, 900, durable=True)), "mismatch")

    def test_whole_message(self):  # FRAG-010
        for durable in (False, True):
            self.open()
            self.assertEqual(self.frames(fragment(1, 0, 300, 900, durable=durable), data(1, durable=durable)),
                             ["accepted", "accepted"])
            self.assertEqual(self.stat("abandoned", "held"), (1, cost(1)))

    def test_session_over(self):  # RECV-015
        self.frames(data(1), fragment(3, 0, 300, 900), fragment(1, 0, 300, 900, session=9), close(1))
        self.assertEqual(self.stat("abandoned"), 2)

    def test_newer_session(self):  # RECV-015
        self.frames(data(1, durable=True), fragment(2, 0, 300, 900, durable=True))
        self.advance(2 * MINUTE + 1)
        self.assertEqual(self.stat("abandoned"), 0)
        self.frame(data(1, session=11))
        self.assertEqual(self.stat("abandoned"), 1)


class BoundTest(EndpointTest):
    bounds = Bounds(bytesPerReceiver=33408, bytesPerPeer=40000, bytes=60000)

    def test_receiver_full_durable(self):  # BOUND-006
        self.assertEqual(self.frames(data(1, bytes(30000), durable=True), data(2, bytes(9000), durable=True),
                                     data(3, durable=True)), ["accepted", "overflow", "superseded"])
        self.assertEqual(self.events(), ["created 1", "message 1", "closed 1 overflow"])
        self.assertEqual((self.counts(), self.read()), ((1, 0, 0, 0), (1, bytes(30000))))

    def test_receiver_full_lossy(self):  # BOUND-007
        self.frames(*(data(n, bytes(10000)) for n in (1, 2, 3)))
        self.assertEqual(self.frame(data(4, bytes(10000))), "accepted")
        self.events()
        self.assertEqual((self.counts(), self.read()), ((4, 0, 0, 1), (2, bytes(10000))))
        self.assertEqual(self.stat("discarded", "read", "messagesIn"), (1, 1, 4))

    def test_overflow_creates(self):
        self.frame(data(1, bytes(30000), channel=5))
        self.assertEqual(self.frame(data(1, bytes(20000), durable=True)), "overflow")
        self.assertEqual(self.events(), ["created 1", "message 1", "created 2", "closed 2 overflow"])
        self.assertEqual(self.counts(2), (0, 0, 0, 0))

    def test_messages_in_progress_go_first(self):  # BOUND-005
        self.frames(data(1, bytes(10000)), fragment(1, 0, 256, 9000, channel=2),
                    fragment(1, 0, 256, 9000, channel=3), fragment(1, 0, 256, 9000, channel=4))
        self.assertEqual(self.frame(data(2, bytes(10000))), "accepted")
        self.assertEqual(self.stat("evicted", "discarded"), (1, 0))
        self.assertEqual(self.frame(fragment(1, 256, 256, 9000, channel=3)), "accepted")
        self.assertEqual(self.frame(fragment(1, 256, 256, 9000, channel=2)), "accepted")
        self.assertEqual(self.stat("evicted"), 2)

    def test_nothing_goes_in_vain(self):  # BOUND-008
        self.frames(data(1, bytes(20000), channel=1), fragment(1, 0, 256, 9000, channel=2),
                    data(1, bytes(100), channel=3))
        held = self.stat("held")
        self.assertEqual(self.frame(fragment(1, 0, 256, 20000, channel=4)), "dropped")
        self.assertEqual(self.frame(data(2, bytes(20000), channel=3)), "dropped")
        self.assertEqual(self.frame(data(2, bytes(20000), channel=9)), "dropped")
        self.assertEqual(self.stat("held", "evicted", "discarded"), (held, 0, 0))
        self.assertEqual(self.frame(data(2, bytes(18000), channel=3)), "accepted")
        self.assertEqual(self.stat("evicted", "discarded"), (1, 0))

    def test_heaviest(self):
        self.frame(fragment(1, 0, 256, 20000), handle=3)
        self.frame(fragment(1, 0, 256, 20000), handle=2)
        self.frame(fragment(1, 0, 256, 1000), handle=4)
        self.assertEqual(self.frame(data(1, bytes(25000)), handle=5), "accepted")
        self.assertEqual(self.frame(fragment(1, 256, 256, 20000), handle=3), "accepted")
        self.assertEqual(self.stat("evicted"), 1)


class CountBoundTest(EndpointTest):
    bounds = Bounds(receiversPerPeer=2, receivers=3, channelsPerPeer=3, channels=4)

    def test_receivers_of_a_participant(self):  # BOUND-003
        self.frames(data(1, channel=1), data(1, channel=2), keep_alive(1, channel=1), data(1, channel=3))
        self.assertEqual(self.events()[4:], ["closed 2 limit", "created 3", "message 3"])
        self.assertEqual(self.stat("limited"), 1)

    def test_receivers_of_all(self):
        self.frame(data(1), handle=3)
        self.frame(data(1, channel=1), handle=2)
        self.frame(data(1, channel=2), handle=2)
        self.events()
        self.frame(data(1), handle=4)
        self.assertEqual(self.events()[0], "closed 2 limit")
        self.frame(data(1), handle=5)
        self.assertEqual(self.events()[0], "closed 3 limit")  # of equal ones the lower handle

    def test_closed_receivers(self):  # BOUND-004
        for channel in (1, 2, 3):
            self.frames(data(1, channel=channel), close(1, channel=channel))
            self.events()
        self.assertEqual([self.read(n) for n in (1, 2, 3)], [None, (1, b"x"), (1, b"x")])
        self.assertEqual((self.counts(1), self.stat("discarded", "held")), ((1, 0, 0, 1), (1, 0)))

    def test_closed_receivers_that_are_not_polled(self):
        for channel in (1, 2, 3):
            self.frames(data(1, channel=channel), close(1, channel=channel))
        self.assertEqual(self.events(), ["created 1", "message 1", "closed 1 closed",
                                         "created 2", "message 2", "closed 2 closed"])

    def test_records(self):  # BOUND-002
        self.frames(*(close(1, channel=channel, durable=True) for channel in (1, 2, 3)))
        self.assertEqual(self.frame(data(1, channel=1)), "superseded")
        self.assertEqual(self.frame(data(1, channel=4)), "accepted")
        self.assertEqual(self.frames(data(1, channel=2), data(1, channel=1)), ["superseded", "accepted"])
        self.assertEqual(self.stat("forgotten"), 2)

    def test_records_of_all(self):
        for handle, channel in ((2, 1), (3, 1), (3, 2), (4, 1), (5, 1)):
            self.frame(close(1, channel=channel, durable=True), handle=handle)
        self.assertEqual(self.frame(data(1, channel=1), handle=3), "accepted")
        self.assertEqual(self.frame(data(1, channel=2), handle=3), "superseded")
        self.assertEqual(self.frame(data(1), handle=2), "accepted")
        self.assertEqual(self.stat("forgotten"), 3)


if __name__ == "__main__":
    unittest.main()
