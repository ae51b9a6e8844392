"""Compares the formula for connections with the code, which generated connections.json (crates/tests/tests/operations/connection_count.rs)."""

import json
import pathlib
import unittest

import manifests

CASES = json.loads((pathlib.Path(__file__).parent / "connections.json").read_text())


class Connections(unittest.TestCase):
    def test_each_case_has_the_numbers_of_the_code(self):
        self.assertGreater(len(CASES), 1)
        for case in CASES:
            with self.subTest(settings=case["settings"]):
                self.assertEqual(manifests.held(case["settings"]), (case["serve"], case["worker"]))


if __name__ == "__main__":
    unittest.main()
