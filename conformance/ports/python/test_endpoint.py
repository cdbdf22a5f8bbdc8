"""Tests of whole endpoints: time, long random runs, and two endpoints that talk."""

import random
import unittest

from bounds import Bounds
from calls import CallError
from testkit import SECOND, UNLIMITED, EndpointTest, close, data, fragment, keep_alive
from endpoint import Endpoint
from receivers import State


class TimeTest(EndpointTest):
    def test_earlier_time(self):  # TIME-001
        self.advance(SECOND)
        self.now = 0
        self.frame(data(1))
        self.assertEqual(self.endpoint.next_deadline(), 121 * SECOND + 1)

    def test_due_in_order_with_their_deadlines(self):  # TIME-002, TIME-003
        for channel in (3, 1, 2):
            self.frame(data(1, channel=channel))
        self.advance(SECOND)
        self.frame(data(2, channel=3))
        self.events()
        self.advance(10**12)
        self.assertEqual(self.events(), ["closed 2 idle", "closed 3 idle", "closed 1 idle"])

    def test_chain_of_timers(self):  # TIME-004
        self.frames(data(1), data(3))
        self.advance(SECOND)
        self.frame(data(5))
        self.advance(4 * SECOND)
        self.events()
        self.assertEqual(self.counts(), (3, 2, 0, 0))

    def test_many_idle_receivers(self):
        self.open(receiversPerPeer=4096, channelsPerPeer=5000)
        for channel in range(1, 4097):
            self.frame(data(1, channel=channel), handle=2)
        for time in range(1, 20000):
            self.advance(time)
        self.assertEqual(self.endpoint.next_deadline(), 120 * SECOND + 1)
        self.advance(121 * SECOND)
        self.assertEqual(len(self.events()), 3 * 4096)


class RandomFramesTest(EndpointTest):
    """Whatever comes, the sums and bounds hold."""

    bounds = Bounds(bytesPerReceiver=33408, bytesPerPeer=50000, bytes=100000, receiversPerPeer=3,
                    receivers=6, channelsPerPeer=4, channels=9)

    def random_frame(self, rng):
        session = 10 + rng.randrange(12)
        number = rng.choice((rng.randrange(1, 12), rng.randrange(1, 12), rng.randrange(3000),
                             rng.randrange(2**32)))
        keys = {"session": session, "channel": rng.randrange(1, 6), "durable": session % 3 == 0,
                "high": rng.random() < 0.02, "run": rng.choice((None, 1, 3))}
        kind = rng.randrange(20)
        if kind == 0:
            return close(number, rng.randrange(3), **keys)
        if kind == 1:
            return keep_alive(number, **keys)
        if kind < 10:
            return data(number, bytes(rng.choice((0, 5, 1000, 9000, 32768))), **keys)
        total = rng.choice((600, 600, 600, 20000))
        offset = rng.choice((0, 0, 300, 300, 301))
        return fragment(number, offset, min(300, total - offset), total, **keys)

    def check(self):
        stats = self.endpoint.counters()
        verdicts = ("accepted", "duplicate", "stale", "superseded", "ignored", "mismatch", "overflow",
                    "dropped")
        self.assertEqual(stats["framesIn"], stats["malformed"] + sum(stats[v] for v in verdicts))
        peers = self.endpoint._receiving._peers
        bounds = self.endpoint._receiving._bounds
        each = list(peers._peers.values())
        progress = [m for p in each for m in p.in_progress]
        self.assertEqual(stats["partials"], len(progress) + sum(
            stats[n] for n in ("completed", "expired", "evicted", "abandoned")))
        live = [r for p in each for r in p.live]
        closed = [r for p in each for r in p.closed]
        unread = [m for r in live + closed for m in r.unread]
        self.assertEqual(stats["messagesIn"], stats["read"] + stats["discarded"] + len(unread))
        held = sum(m.cost for m in unread) + sum(m.cost for m in progress)
        self.assertEqual((stats["held"], peers.progress_cost), (held, sum(m.cost for m in progress)))
        self.assertEqual((peers.live, peers.closed, peers.records),
                         (len(live), len(closed), sum(len(p.records) for p in each)))
        self.assertLessEqual(held, bounds.bytes)
        self.assertLessEqual(len(live), bounds.receivers)
        self.assertLessEqual(len(closed), bounds.receivers)
        self.assertLessEqual(peers.records, bounds.channels)
        for peer in each:
            self.assertLessEqual(peer.cost, bounds.bytesPerPeer)
            self.assertLessEqual(len(peer.live), bounds.receiversPerPeer)
            self.assertLessEqual(len(peer.closed), bounds.receiversPerPeer)
            self.assertLessEqual(len(peer.records), bounds.channelsPerPeer)
            self.assertEqual(sum(len(c) for c in peer.progress_by_channel.values()), len(peer.in_progress))
            for channel, record in peer.records.items():
                self.assertEqual(not record.live, channel in peer.idle_records)
            for message in peer.in_progress:
                record = peer.records.get(message.channel)
                if record is not None and message.session not in record.live:
                    self.assertTrue(record.is_admissible(message.session))
                self.assertEqual(message.expiry_timer.runs, not message.durable)
        for receiver in live:
            window = receiver.window
            self.assertLessEqual(window.top - window.base, 1023)
            self.assertEqual(receiver.idle_timer.runs, receiver.state is State.OPEN)
            if receiver.durable:
                self.assertFalse(window.is_missing)
            self.assertEqual(receiver.settling_timer.runs,
                             window.is_missing or receiver.state is State.CLOSING)
            self.assertEqual(receiver.held, sum(m.cost for m in receiver.unread))
        deadline = self.endpoint.next_deadline()
        self.assertTrue(deadline is None or deadline > self.now)
        running = [t for r in live for t in (r.idle_timer, r.settling_timer) if t.runs]
        running += [m.expiry_timer for m in progress if m.expiry_timer.runs]
        self.assertEqual(deadline, min((t.deadline for t in running), default=None))

    def test_random_frames(self):
        rng = random.Random(3)
        seen = set()
        for step in range(30000):
            if step % 3000 == 0:
                self.now = 0
                self.open()
            seen.add(self.frame(self.random_frame(rng), handle=rng.randrange(2, 6)))
            if rng.random() < 0.2:
                self.events()
            if rng.random() < 0.2 and self.receivers:
                self.read(rng.randrange(len(self.receivers)) + 1)
            if rng.random() < 0.1:
                self.advance(self.now + rng.choice((1, 1000, SECOND, 5 * SECOND, 60 * SECOND)))
            if rng.random() < 0.0005:
                self.endpoint.participant_left(self.now, rng.randrange(2, 6))
            self.check()
        self.assertEqual(len(seen), 8)


class TwoEndpointsTest(unittest.TestCase):
    """Frames of one, carried with loss and out of order, are what the other counts."""

    def test_random_talk(self):
        for seed in range(12):
            with self.subTest(seed):
                self.talk(random.Random(seed))

    def talk(self, rng):
        now, relay = 0, rng.random() < 0.5
        near = Endpoint(1, 0, 0, rng.randbytes, UNLIMITED, first=rng.choice((1, 2**32 - 20)))
        far = Endpoint(2, 0, 0, rng.randbytes)
        senders, sent, got, path = [], {}, {}, {True: [], False: []}
        near.link_up(now, 600, True, relay)
        for _ in range(3000):
            now += rng.choice((0, 100, 20000, SECOND // 2))
            action = rng.randrange(12)
            if action == 0 and len(senders) < 8:
                senders.append(near.new_sender(
                    now, rng.choice((0, 1, 2)), rng.random() < 0.5, rng.random() < 0.3,
                    rng.randrange(1000), rng.choice((0, SECOND)), rng.choice(((), (2,), (2, 3), (3,)))))
            elif action == 1 and senders:
                sender = rng.choice(senders)
                try:
                    near.set_list(now, sender, rng.choice(((), (2,), (3,))))
                except CallError:
                    senders.remove(sender)
            elif action == 2 and senders and rng.random() < 0.2:
                near.close(now, rng.choice(senders))
            elif action < 7 and senders:
                sender, payload = rng.choice(senders), rng.randbytes(rng.choice((0, 10, 900, 5000)))
                try:
                    number = near.send(now, sender, payload)
                except CallError:
                    continue
                sent[sender.channel, sender.session, number] = payload
            elif action < 10:
                frame = near.next_frame(now, rng.random() < 0.8, rng.random() < 0.8)
                if frame is not None and (not frame.to or 2 in frame.to):
                    self.assertLessEqual(len(frame.data), 595 if relay else 600)
                    path[frame.durable].append(frame.data)
            elif path[True] and rng.random() < 0.7:
                far.frame(now, 1, path[True].pop(0))
            elif path[False]:
                frame = path[False].pop(rng.randrange(min(5, len(path[False]))))
                if rng.random() < 0.9:
                    far.frame(now, 1, frame)
            self.drain(far, got)
        self.assertTrue(got)
        for key, payload in got.items():
            self.assertEqual(payload, sent[key])

    def drain(self, far, got):
        while (event := far.poll_event()) is not None:
            receiver = event.subject
            message = far.read(receiver) if event.kind == "message" else None
            if message is not None:
                key = receiver.channel, receiver.session, message.number
                self.assertNotIn(key, got)
                got[key] = message.data
            if event.kind == "closed" and receiver.durable:
                self.assertEqual(receiver.window.base, receiver.window.top + 1)


if __name__ == "__main__":
    unittest.main()
