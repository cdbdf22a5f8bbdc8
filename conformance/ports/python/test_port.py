"""Replays the sessions of PORT-PROTOCOL.md against the port."""

import json
import pathlib
import unittest

import port

TEXT = pathlib.Path(__file__).resolve().parents[3] / "PORT-PROTOCOL.md"


class TranscriptTest(unittest.TestCase):
    def test_sessions(self):
        lines = [line for line in TEXT.read_text().splitlines() if line[:2] in ("> ", "< ")]
        self.assertEqual(len(lines) % 2, 0)
        for request, reply in zip(lines[::2], lines[1::2]):
            with self.subTest(request):
                expected = json.loads(reply[2:])
                if '"op":"hello"' in request:  # it names the port
                    for key in ("name", "version", "language"):
                        expected["ok"][key] = getattr(port, key.upper())
                self.assertEqual(port.reply_to(request[2:].encode()), expected)

    def ask(self, /, **request):
        return port.reply_to(json.dumps({"id": 1, **request}).encode())

    def open(self, /, **keys):
        return self.ask(**{"op": "open", "endpoint": 7, "self": 1, "now": 0, "unix": 0, "rand": "",
                           "limits": {}, "bounds": {}, "first": 1, **keys})

    def test_bugs(self):
        self.assertIn("ok", self.open(limits={"durable": None, "zz": 1}))
        for keys in ({"self": 0}, {"first": 0}, {"limits": {"lossy": 0}}, {"bounds": {"receivers": 0}},
                     {"bounds": {"bytesPerPeer": 262143}}, {"bounds": {"sendBytes": None}}):
            with self.subTest(keys):
                self.assertIn("bug", self.open(**keys))
        self.assertIn("bug", self.ask(op="in", endpoint=8, now=0, do="advance"))
        self.open()
        for keys in ({"do": "zz"}, {"do": "read", "receiver": 1}, {"do": "close", "sender": 1},
                     {"do": "left", "participant": 65536}, {"do": "frame", "from": 0, "hex": ""}):
            with self.subTest(keys):
                self.assertIn("bug", self.ask(op="in", endpoint=7, now=0, **keys))

    def test_random_source_without_bytes(self):
        self.open(rand="000000")
        up = {"do": "linkUp", "budget": 1200, "reliable": True, "relay": False}
        self.ask(op="in", endpoint=7, now=0, **up)
        new = {"do": "sender", "sender": 1, "channel": 0, "durable": False, "high": False,
               "kbps": 0, "keepAlive": 0, "to": []}
        self.assertIn("bug", self.ask(op="in", endpoint=7, now=0, **new))
        reply = self.ask(op="in", endpoint=7, now=0, **{**new, "channel": 9})
        self.assertEqual((reply["ok"]["channel"], reply["ok"]["used"]), (9, 0))


if __name__ == "__main__":
    unittest.main()
