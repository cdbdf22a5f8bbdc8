"""Tests of the sending half: link, channels, senders, lists, queues, turns, keep-alive, limits."""

import unittest

import calls
from buckets import Limits
from bounds import Bounds, cost
from testkit import SECOND, EndpointTest
from wire import FrameType

CLOSE, KEEPALIVE, DATA = FrameType.CLOSE, FrameType.KEEPALIVE, FrameType.DATA


class ChannelTest(EndpointTest):
    def test_choice(self):  # CHAN-001
        self.open(random=bytes.fromhex("00000000" "ffffffff" "80000000"))
        self.up()
        self.sender(1)
        self.assertEqual([self.sender(0).channel for _ in range(3)], [2, 65535, 32769])

    def test_all_in_use(self):  # CHAN-002
        self.up()
        for channel in range(1, 65536):
            self.sender(channel)
        self.refused(calls.RANDOM_ID_NOT_AVAILABLE, lambda: self.sender(0), 65535, 65535)
        with self.assertRaises(OSError):
            self.endpoint.hang_up(0)
            self.sender(0)

    def test_replaced(self):  # CHAN-004
        self.up()
        first = self.sender()
        self.send(first)
        second = self.sender(high=True)
        self.assertEqual(self.events(), ["senderClosed 1 replaced"])
        self.assertEqual(second.session, first.session + 1)
        self.send(second)
        self.assertEqual([(f.type, f.session - first.session, f.reason) for f in self.take_all()],
                         [(DATA, 0, 0), (CLOSE, 0, 1), (DATA, 1, 0)])

    def test_session_follows_the_tick(self):  # SESS-001
        self.up()
        self.now = 160000
        self.assertEqual(self.sender().session, 10)
        self.assertEqual(self.sender().session, 11)
        self.now = 16000 * 500
        self.assertEqual(self.sender().session, 500)

    def test_refusals(self):
        self.refused(calls.FAILED_TO_START, self.sender)
        self.refused(calls.INVALID_ARGUMENT, lambda: self.sender(hint=10_000_001))
        self.up(reliable=False)
        self.refused(calls.FAILED_TO_START, lambda: self.sender(durable=True))
        for keys in ({"interval": SECOND // 2}, {"interval": 61 * SECOND}, {"to": range(65)},
                     {"to": range(1, 66)}, {"channel": 65536}):
            self.refused(calls.INVALID_ARGUMENT, lambda: self.sender(**keys))
        self.assertEqual(len(self.sender(to=list(range(1, 65)) * 2).to), 64)


class SenderTest(EndpointTest):
    def test_close(self):
        self.up()
        sender = self.sender(durable=True, high=True)
        self.endpoint.close(0, sender)
        self.assertIsNone(self.take())  # QUEUE-004: nothing to end
        sender = self.sender(durable=True, high=True)
        self.send(sender)
        self.send(sender)
        self.endpoint.close(0, sender)
        self.endpoint.close(0, sender)
        self.refused(calls.SENDER_CLOSED, lambda: self.send(sender))
        self.refused(calls.SENDER_CLOSED, lambda: self.endpoint.set_list(0, sender, range(99)))
        frames = self.take_all()
        self.assertEqual([(f.type, f.sequence) for f in frames], [(DATA, 1), (DATA, 2), (CLOSE, 2)])
        self.assertEqual((frames[2].reason, frames[2].durable, frames[2].high), (0, True, True))
        self.assertEqual(self.events(), [])

    def test_hang_up(self):
        self.up()
        for channel in (5, 3):
            self.send(self.sender(channel))
        self.endpoint.hang_up(0)
        self.assertEqual([f.channel for f in self.take_all()], [3, 5, 3, 5])

    def test_numbers_wrap(self):
        self.open(first=2**32 - 1)
        self.up()
        sender = self.sender()
        self.assertEqual([self.send(sender), self.send(sender)], [2**32 - 1, 0])

    def test_size_and_queue(self):  # CALL-005, CALL-006
        self.open(sendBytes=33408)
        self.up()
        sender = self.sender()
        self.refused(calls.MESSAGE_SIZE_OVER_LIMIT, lambda: self.send(sender, bytes(32769)),
                     32769, 32768)
        self.send(sender, bytes(32768))
        self.refused(calls.FAILURE_FOR_BANDWIDTH, lambda: self.send(sender, b""), 33536, 33408)
        while self.stat("framesOut") < 27:
            self.take()
        self.refused(calls.FAILURE_FOR_BANDWIDTH, lambda: self.send(sender, b""), 33536, 33408)
        self.take()
        self.assertEqual(self.send(sender, b""), 2)
        self.endpoint.link_down(0)
        self.refused(calls.FAILURE_FOR_BANDWIDTH, lambda: self.send(sender, b""))


class LinkTest(EndpointTest):
    def test_down(self):
        self.up()
        begun, waiting, lossy = (self.sender(7, durable=True), self.sender(2, durable=True), self.sender(5))
        for sender in (begun, lossy, waiting):
            self.send(sender)
        self.take(reliable=True, lossy=False)  # channel 2
        self.take(reliable=True, lossy=False)
        self.send(begun)
        waiting = self.sender(9, durable=True)
        self.send(waiting)
        self.endpoint.link_down(0)
        self.assertEqual(self.events(), ["senderClosed 2 link", "senderClosed 7 link"])
        self.assertIsNone(self.take())
        self.assertEqual(self.stat("unsent", "messagesOut"), (2, 5))
        self.up()
        self.assertEqual([(f.type, f.channel, f.reason) for f in self.take_all()],
                         [(DATA, 9, 0), (CLOSE, 2, 0), (CLOSE, 7, 0)])
        self.assertEqual(self.send(lossy), 2)

    def test_up_without_a_reliable_path(self):  # LINK-006
        self.up()
        sender = self.sender(durable=True)
        self.send(sender)
        self.up(reliable=False)
        self.assertEqual(self.events(), ["senderClosed 1 link"])
        self.assertEqual((self.take(), self.stat("unsent")), (None, 1))

    def test_close_without_a_reliable_path(self):  # QUEUE-007
        self.up(reliable=False)
        sender = self.sender()
        self.send(sender)
        self.endpoint.close(0, sender)
        self.take_all()
        self.assertFalse(self.taken)
        self.up()
        sender = self.sender()
        self.send(sender)
        self.take()
        self.assertFalse(self.taken.durable)
        self.endpoint.close(0, sender)
        self.assertIsNone(self.take(reliable=False))
        self.assertEqual(self.take(lossy=False).type, CLOSE)
        self.assertTrue(self.taken.durable)

    def test_refused_link_up_changes_nothing(self):
        self.up()
        self.refused(calls.INVALID_ARGUMENT, lambda: self.up(budget=575))
        self.sender()


class ListTest(EndpointTest):
    @staticmethod
    def tlvs(frame):
        return {tlv.type: tlv.value.hex() for tlv in frame.tlvs}

    def test_participants_and_runs_on_a_relay(self):
        self.up(relay=True)
        sender = self.sender(to=(9, 3, 1))
        self.send(sender)
        self.endpoint.set_list(0, sender, (3, 9, 1, 1))  # LIST-008: the same
        self.send(sender)
        self.endpoint.set_list(0, sender, ())
        self.send(sender)
        self.send(sender)
        self.endpoint.close(0, sender)
        frames, to = [], []
        while (frame := self.take()) is not None:
            frames.append(self.tlvs(frame))
            to.append(self.taken.to)
        self.assertEqual(frames, [{0xC1: "00030009"}, {0xC1: "00030009"}, {1: "0001"}, {1: "0002"},
                                  {1: "0002"}])
        self.assertEqual(to, [(3, 9), (3, 9), (), (), ()])

    def test_nobody_present(self):  # LIST-006
        self.up()
        sender = self.sender(to=(1, 3))
        self.send(sender, bytes(2000))
        self.take()
        self.endpoint.participant_left(0, 3)
        self.assertIsNone(self.take())
        self.assertEqual(self.send(sender), 2)
        self.assertIsNone(self.take())
        self.assertEqual(self.stat("messagesOut", "unsent"), (2, 2))
        self.endpoint.close(0, sender)
        frame = self.take()
        self.assertEqual((frame.type, frame.sequence), (CLOSE, 2))

    def test_close_leaves_with_its_messages(self):  # QUEUE-005
        self.up()
        sender = self.sender(to=(3,))
        self.send(sender)
        self.endpoint.close(0, sender)
        self.endpoint.participant_left(0, 3)
        self.assertIsNone(self.take())

    def test_run_is_capped(self):  # LIST-010
        self.up()
        sender = self.sender(to=(5,))
        self.endpoint.set_list(0, sender, (6,))
        for _ in range(65536):
            self.send(sender, b"")
            frame = self.take()
        self.assertEqual(self.tlvs(frame), {1: "ffff"})

    def test_left(self):
        self.refused(calls.INVALID_ARGUMENT, lambda: self.endpoint.participant_left(0, 1))
        self.refused(calls.INVALID_ARGUMENT, lambda: self.endpoint.participant_left(0, 0))


class FragmentTest(EndpointTest):
    def test_cut(self):  # QUEUE-002, QUEUE-003
        self.up(budget=576)
        sender = self.sender()
        self.send(sender, bytes(564))
        self.assertEqual(len(self.take().payload), 564)
        self.send(sender, bytes(565))
        self.assertEqual([(f.fragment_offset, f.message_length, len(f.payload)) for f in self.take_all()],
                         [(0, 565, 560), (560, 565, 5)])

    def test_run_in_the_first_fragment_alone(self):  # LIST-009, LIST-012
        self.up(budget=576, relay=True)
        sender = self.sender(to=(5,))
        self.endpoint.set_list(0, sender, range(2, 66))
        self.send(sender, bytes(1000))
        frames = self.take_all()
        self.assertEqual([[t.type for t in f.tlvs] for f in frames], [[1, 0xC1], [0xC1], [0xC1]])
        self.assertEqual([len(f.payload) for f in frames], [420, 424, 156])


class TurnTest(EndpointTest):
    def order(self, count=None):
        frames = []
        while (count is None or len(frames) < count) and (frame := self.take()) is not None:
            frames.append(frame.channel)
        return frames

    def test_weights(self):
        self.up()
        slow, fast = self.sender(1, hint=64), self.sender(2, hint=128)
        for _ in range(6):
            self.send(slow, bytes(88))
            self.send(fast, bytes(88))
        self.assertEqual(self.order(9), [1, 2, 2, 1, 2, 2, 1, 2, 2])

    def test_begins_at_the_mark(self):  # TURN-001
        self.up()
        first, second = self.sender(1), self.sender(2)
        for _ in range(4):
            self.send(first)
            self.take()
        self.send(second)
        self.send(first)
        self.assertEqual(self.order(), [2, 1])

    def test_normal_gets_an_eighth(self):  # TURN-005
        self.up()
        normal, high = self.sender(1), self.sender(2, high=True)
        for _ in range(16):
            self.send(normal)
            self.send(high)
        self.assertEqual(self.order(17), [2] * 7 + [1] + [2] * 7 + [1] + [2])

    def test_credit_ends(self):
        self.up()
        normal, high = self.sender(1), self.sender(2, high=True)
        for _ in range(9):
            self.send(normal)
            self.send(high)
        self.order(7)
        self.take(reliable=True, lossy=False)  # nothing in turn
        self.assertEqual(self.order(1), [2])

    def test_classes(self):
        self.up()
        self.send(self.sender(1, durable=True))
        self.send(self.sender(2))
        self.assertEqual(self.take(reliable=False, lossy=True).channel, 2)
        self.assertIsNone(self.take(reliable=False, lossy=True))
        self.assertIsNone(self.take(reliable=False, lossy=False))
        self.assertEqual(self.take(reliable=True, lossy=False).channel, 1)


class KeepAliveTest(EndpointTest):
    def started(self, **keys):
        self.up()
        sender = self.sender(interval=SECOND, **keys)
        self.send(sender)
        self.take()
        return sender

    def test_keep_alive(self):
        self.started()
        self.assertEqual(self.endpoint.next_deadline(), SECOND)
        self.advance(SECOND)
        self.assertIsNone(self.endpoint.next_deadline())
        self.now = 5 * SECOND
        frame = self.take()
        self.assertEqual((frame.type, frame.sequence), (KEEPALIVE, 1))
        self.assertIsNone(self.take())
        self.assertEqual(self.endpoint.next_deadline(), 6 * SECOND)

    def test_nothing_before_the_first_message(self):
        self.up()
        self.sender(interval=SECOND)
        self.assertIsNone(self.endpoint.next_deadline())

    def test_gives_way(self):  # KEEP-005
        sender = self.started()
        self.advance(SECOND)
        self.send(sender)
        self.assertEqual(self.endpoint.next_deadline(), 2 * SECOND)
        self.assertEqual([f.type for f in self.take_all()], [DATA])

    def test_full_queue_sets_it_again(self):  # KEEP-002
        sender = self.started()
        self.send(sender)
        self.advance(10 * SECOND + 1)
        self.assertEqual(self.endpoint.next_deadline(), 11 * SECOND)
        self.advance(2**52)  # at once
        self.assertEqual([f.type for f in self.take_all()], [DATA])

    def test_nobody_present(self):  # KEEP-006
        sender = self.started(to=(4,))
        self.advance(SECOND)
        self.endpoint.participant_left(self.now, 4)
        self.assertIsNone(self.take())
        self.assertEqual(self.endpoint.next_deadline(), 2 * SECOND)
        self.advance(2 * SECOND)
        self.endpoint.set_list(self.now, sender, (4, 5))
        self.assertEqual(self.endpoint.next_deadline(), 3 * SECOND)
        self.advance(3 * SECOND)
        frame = self.take()
        self.assertEqual((frame.type, self.taken.to, frame.tlvs), (KEEPALIVE, (5,), ()))

    def test_link(self):  # KEEP-003, KEEP-004
        self.started()
        self.advance(SECOND)
        self.endpoint.link_down(self.now)
        self.assertIsNone(self.endpoint.next_deadline())
        self.up()
        self.assertIsNone(self.take())
        self.assertEqual(self.endpoint.next_deadline(), 2 * SECOND)

    def test_close(self):
        sender = self.started()
        self.advance(SECOND)
        self.endpoint.close(self.now, sender)
        self.assertEqual([f.type for f in self.take_all()], [CLOSE])
        self.assertIsNone(self.endpoint.next_deadline())

    def test_close_keeps_the_place_of_a_keep_alive(self):  # TURN-001
        sender = self.started(durable=True)
        self.advance(SECOND)
        other = self.sender(2)
        for _ in range(3):
            self.send(other)
            self.take(reliable=False)
        self.endpoint.close(self.now, sender)
        self.send(other)
        self.assertEqual([f.channel for f in self.take_all()], [1, 2])


class LimitTest(EndpointTest):
    limits = Limits()
    bounds = Bounds(sendBytes=2147483647)

    def test_bucket(self):
        self.up()
        sender = self.sender(durable=True)
        self.send(sender, bytes(32768))
        self.refused(calls.FAILURE_FOR_TRAFFIC_LIMIT, lambda: self.send(sender), 1, 64, 125)
        self.send(sender, b"")  # RATE-004: no bits
        self.now = 124
        self.refused(calls.FAILURE_FOR_TRAFFIC_LIMIT, lambda: self.send(sender), 1, 64, 125)
        self.now = 125
        self.assertEqual(self.send(sender), 3)

    def test_classes(self):  # RATE-001
        self.up()
        durable, lossy, high = self.sender(1, durable=True), self.sender(2), self.sender(3, high=True)
        durable_high = self.sender(4, durable=True, high=True)
        self.send(durable_high, bytes(32768))
        self.send(lossy, bytes(32000))
        self.send(lossy, bytes(32000))
        self.send(high, bytes(32768))
        for sender, limit, retry in ((durable, 64, 125), (durable_high, 64, 125), (lossy, 512, 16),
                                     (high, 200, 40)):
            with self.subTest(limit):
                self.refused(calls.FAILURE_FOR_TRAFFIC_LIMIT, lambda: self.send(sender), 1, limit, retry)

    def test_broadcast(self):  # RATE-002, RATE-003
        self.up(relay=True)
        self.endpoint.set_received_bitrate(0, 241)  # 4/5 is 192.8
        sender = self.sender(high=True)
        self.send(sender, bytes(32768))
        self.now = 40
        self.refused(calls.FAILURE_FOR_TRAFFIC_LIMIT, lambda: self.send(sender), 1, 7, 1143)
        self.endpoint.set_received_bitrate(self.now, 10000)
        self.refused(calls.FAILURE_FOR_TRAFFIC_LIMIT, lambda: self.send(sender), 1, 0, None)
        self.endpoint.set_list(self.now, sender, (5,))
        self.assertEqual(self.send(sender), 2)

    def test_packets(self):
        self.up(relay=True)
        sender = self.sender()
        for _ in range(80):
            self.send(sender, b"")
        self.refused(calls.FAILURE_FOR_TRAFFIC_LIMIT, lambda: self.send(sender, b""), 0, 80, 12500)
        self.now = 12500
        self.send(sender, b"")

    def test_bitrate_out_of_range(self):
        self.refused(calls.INVALID_ARGUMENT,
                     lambda: self.endpoint.set_received_bitrate(0, 10_000_001))


class CostTest(unittest.TestCase):
    def test_cost(self):
        self.assertEqual([cost(n) for n in (0, 63, 64, 32768)], [128, 191, 193, 33408])


if __name__ == "__main__":
    unittest.main()
