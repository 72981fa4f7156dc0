import unittest

import durations


class Parsing(unittest.TestCase):
    def test_hours_and_minutes(self):
        self.assertEqual(durations.parse("1h30m"), 5400)

    def test_days_down_to_seconds(self):
        self.assertEqual(durations.parse("1d1h1m1s"), 90_061)

    def test_what_is_not_a_duration_is_refused(self):
        with self.assertRaises(ValueError):
            durations.parse("soon")

    def test_nothing_is_not_a_duration(self):
        with self.assertRaises(ValueError):
            durations.parse("")


if __name__ == "__main__":
    unittest.main()
