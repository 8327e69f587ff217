"""The benchmarks run, and write every figure that they promise."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent

# Named here as well: scripts that compare results count on them.
FIGURES = """
publish.1x1.acked_per_s publish.1x1.server_us_per_publish publish.1x1.p50_ms publish.1x1.p99_ms
publish.1x256.acked_per_s publish.1x256.server_us_per_publish publish.1x256.p99_ms
publish.35x1.acked_per_s publish.35x1.server_us_per_publish publish.35x1.p99_ms
publish.35x256.acked_per_s publish.35x256.server_us_per_publish publish.35x256.p99_ms
catchup.1.entries_per_s catchup.1.server_us_per_entry
catchup.16.entries_per_s catchup.16.server_us_per_entry
verify.1.entries_per_s verify.1.client_us_per_entry
audit.entries_per_s audit.client_us_per_entry
proofs.10000.inclusion_bytes proofs.10000.inclusion_p50_us proofs.10000.inclusion_p99_us
proofs.1000000.consistency_bytes proofs.1000000.consistency_p99_us
proofs.10000000.inclusion_p99_us proofs.10000000.consistency_p99_us
start.100000.seconds start.1000000.seconds
quorum.10.p50_ms quorum.10.p99_ms
live.200x100.p50_ms live.200x100.p99_ms live.200x100.server_us_per_delivery
live.20x1000.p50_ms live.20x1000.p99_ms live.20x1000.server_us_per_delivery
fanout_flood.1.server_us_per_delivery fanout_flood.10.server_us_per_delivery
fanout_flood.100.server_us_per_delivery fanout_flood.1000.server_us_per_delivery
idle.1000.server_cpu_ms_per_s
filters.100.server_us_per_publish filters.100.server_us_per_delivery
reconnect.1000.seconds reconnect.1000.seconds_after_start
mix.p50_ms mix.p99_ms mix.replayed_entries_per_s mix.imported_per_s
growth.10000.catchup_server_us_per_entry growth.10000.publish_server_us
growth.10000.publish_p50_ms growth.10000.get_server_us growth.10000.get_p50_us
growth.10000.list_server_us growth.10000.list_p50_us
""".split()
# Memory may not grow at all for a handful of subscribers.
MAY_BE_ZERO = """
idle.1000.rss_kib_per_subscriber stalled.1000.rss_kib_per_subscriber
stalled.1000.kib_beyond_idle mix.slow_entries_per_s
""".split()


class SmokeTest(unittest.TestCase):
    def test_every_figure_is_written(self):
        with tempfile.TemporaryDirectory() as folder:
            results = pathlib.Path(folder) / "results.json"

            done = subprocess.run(
                [sys.executable, HERE / "run", "--smoke", "--runs", "1", "--folder", folder,
                 "--results", results],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)

            self.assertEqual(done.returncode, 0, done.stdout)
            figures = json.loads(results.read_text(encoding="utf-8"))
            for name in FIGURES:
                self.assertGreater(figures.get(name, 0), 0, f"{name}\n{done.stdout}")
            for name in MAY_BE_ZERO:
                self.assertIn(name, figures)
            self.assertEqual(figures["about"]["size"], "smoke")


if __name__ == "__main__":
    unittest.main()
