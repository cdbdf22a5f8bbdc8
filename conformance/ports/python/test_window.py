"""Tests of windows and settling (SPEC section 9.13)."""

import random
import unittest

from serial import distance
from testkit import SECOND, EndpointTest, close, data, keep_alive
from window import Place, Window, first_base


class Model:
    """A window number by number, as the clauses of section 9.13 say it; for small numbers only."""

    def __init__(self, base):
        self.base, self.top = base, base - 1
        self.accepted, self.settled, self.proved = set(), set(), set()
        self.lost = self.unknown = 0

    def missing(self):
        return [n for n in range(self.base, self.top + 1) if n not in self.accepted]

    def frame(self, number, run, message):
        if message:
            self.accepted.add(number)
        self.top = max(self.top, number)
        run = 2**40 if run is None else run
        if self.accepted:
            high, low = max(self.accepted), min(self.accepted)
            self.proved.update(
                n for n in self.missing()
                if number - run < n <= number and n > low and number - run < high <= number)
        if number >= self.base + 1024:
            self.settle(number - 1024)
            self.base = number - 1023
        self.move()

    def settle(self, last):
        for n in self.missing():
            if n <= last:
                self.settled.add(n)
                if n in self.proved:
                    self.lost += 1
                else:
                    self.unknown += 1
        self.move()

    def move(self):
        while self.base in self.accepted or self.base in self.settled:
            self.base += 1


class WindowTest(unittest.TestCase):
    def test_first_base(self):  # WINDOW-001
        for number, base in ((1, 1), (2, 1), (1024, 1), (1025, 2), (5000, 3977),
                             (0, 2**32 - 1023), (2**32 - 1, 2**32 - 1024)):
            self.assertEqual(first_base(number), base)

    def test_like_the_model(self):
        rng = random.Random(9)
        for _ in range(60):
            first = rng.randrange(1, 3000)
            window, model = Window(first_base(first)), Model(first_base(first))
            number = first
            for _ in range(60):
                run = rng.choice((None, None, 1, 2, 5, 100, 1500))
                if rng.random() < 0.1:
                    last = rng.choice((model.top, model.top + rng.randrange(1500), model.top - 1))
                    window.note_last(last, run)
                    model.frame(last, run, False)
                elif rng.random() < 0.1 and window.is_missing:
                    last = rng.randrange(model.base, model.top + 1)
                    window.settle(last)
                    model.settle(last)
                else:
                    expected = (Place.STALE if number < model.base else
                                Place.DUPLICATE if number in model.accepted else Place.NEW)
                    self.assertEqual(window.place(number), expected)
                    if expected is Place.NEW:
                        window.accept(number, run)
                        model.frame(number, run, True)
                self.assertEqual(
                    (window.base, window.top, window.delivered, window.lost, window.unknown,
                     window.is_missing),
                    (model.base, model.top, len(model.accepted), model.lost, model.unknown,
                     bool(model.missing())))
                number = max(1, model.top + rng.choice((1, 1, 1, 2, 7, -3, -900, 1030, 5000)))

    def test_wraps(self):
        window = Window(first_base(2**32 - 2))
        for number in (2**32 - 2, 2**32 - 1, 0, 1):
            self.assertIs(window.place(number), Place.NEW)
            window.accept(number, None)
        self.assertIs(window.place(2**32 - 1), Place.DUPLICATE)
        window.settle_all()
        self.assertEqual((window.base, window.lost, window.unknown), (2**32 + 2, 0, 1023))
        self.assertIs(window.place(1), Place.STALE)

    def test_jumps_as_far_as_serial_numbers_go(self):
        window = Window(1)
        window.accept(1, None)
        self.assertIs(window.place(2 + 2**31), Place.STALE)
        window.accept(1 + 2**31, None)
        self.assertEqual(window.base, 2**31 - 1022)
        self.assertEqual((window.lost, window.unknown), (2**31 - 1024, 0))
        far = 2**31 - 1022 + 2**31 - 1
        window.accept(far & 0xFFFFFFFF, 3)
        self.assertEqual((window.base, window.top), (far - 1023, far))
        # 1023 numbers were proved before and 1 accepted; of the others none is in the run.
        self.assertEqual((window.lost, window.unknown), (2**31 - 1, far - 1024 - 2**31 - 1))

    def test_keep_alive_far_ahead(self):
        window = Window(1)
        window.accept(1, None)
        window.note_last(2**31, 2)
        self.assertEqual((window.base, window.top), (2**31 - 1023, 2**31))
        self.assertEqual(window.unknown, 2**31 - 1025)

    def test_distance(self):
        self.assertEqual(distance(0, 2**31), -2**31)
        self.assertEqual(distance(2**31, 0), -2**31)
        self.assertEqual(distance(0, 2**32 - 1), 1)


class SettlingTest(EndpointTest):
    def test_settles_after_two_seconds(self):  # WINDOW-007
        self.frames(data(1), data(3))
        self.advance(1 * SECOND)
        self.frame(data(6))
        self.events()
        self.assertEqual(self.endpoint.next_deadline(), 2 * SECOND)
        self.advance(2 * SECOND)
        self.assertEqual(self.counts(), (3, 1, 0, 0))  # 2 is settled
        self.assertEqual(self.frame(data(2)), "stale")
        self.assertEqual(self.endpoint.next_deadline(), 4 * SECOND)  # 4 and 5, from now on
        self.frames(data(5), data(4))
        self.assertEqual(self.endpoint.next_deadline(), 122 * SECOND + 1)
        self.assertEqual(self.counts(), (5, 1, 0, 0))

    def test_joining_late_loses_nothing(self):
        self.frames(data(9))
        self.advance(2 * SECOND)
        self.events()
        self.assertEqual(self.counts(), (1, 0, 8, 0))

    def test_a_run_says_what_is_lost(self):  # WINDOW-011
        self.frames(data(1), data(10, run=4))
        self.advance(2 * SECOND)
        self.events()
        self.assertEqual(self.counts(), (2, 3, 5, 0))

    def test_a_run_proves_nothing_behind_high(self):
        self.frames(data(1), data(10, run=1), data(5, run=3))
        self.advance(2 * SECOND)
        self.events()
        self.assertEqual(self.counts(), (3, 0, 7, 0))

    def test_keep_alive_proves_its_own_number(self):
        self.frames(data(1), keep_alive(3))
        self.advance(2 * SECOND)
        self.events()
        self.assertEqual(self.counts(), (1, 2, 0, 0))

    def test_keep_alive_with_a_run_after_high_proves_nothing(self):
        self.frames(data(1), keep_alive(3, run=2))
        self.advance(2 * SECOND)
        self.events()
        self.assertEqual(self.counts(), (1, 0, 2, 0))

    def test_durable_settles_at_once(self):  # WINDOW-008
        self.assertEqual(self.frames(data(1, durable=True), data(4, durable=True),
                                     data(3, durable=True)), ["accepted", "accepted", "stale"])
        self.events()
        self.assertEqual(self.counts(), (2, 2, 0, 0))
        self.assertEqual(self.frame(close(6, durable=True)), "accepted")
        self.assertEqual(self.counts(), (2, 4, 0, 0))


if __name__ == "__main__":
    unittest.main()
