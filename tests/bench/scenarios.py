"""What is measured, with which load, and what comes of it."""

import dataclasses
import statistics
import typing

SIZES = ("smoke", "quick", "normal", "full")
# Of what takes too long for the others.
LARGE = ("full",)
# At smoke size one of a kind is enough.
NOT_SMOKE = SIZES[1:]

PUBLISH = ("acked_per_s", "server_us_per_publish", "p50_ms", "p99_ms")
CATCH_UP = ("entries_per_s", "server_us_per_entry")
FAN_OUT = ("deliveries_per_s", "server_us_per_delivery", "p50_ms", "p99_ms")
IDLE = ("rss_kib_per_subscriber", "server_cpu_ms_per_s")
STALLED = ("rss_kib_per_subscriber",)
VERIFY = ("entries_per_s", "client_us_per_entry")
PROOFS = ("inclusion_bytes", "inclusion_p50_us", "inclusion_p99_us",
          "consistency_bytes", "consistency_p50_us", "consistency_p99_us")
START = ("seconds",)
FILTERS = ("server_us_per_publish", "server_us_per_delivery")
RECONNECT = ("seconds", "seconds_after_start")
MIX = ("p50_ms", "p99_ms", "replayed_entries_per_s", "imported_per_s", "slow_entries_per_s")
GROWTH = ("catchup_server_us_per_entry", "publish_server_us", "publish_p50_ms",
          "get_server_us", "get_p50_us", "list_server_us", "list_p50_us")
QUORUM = ("p50_ms", "p99_ms")
AUDIT = ("entries_per_s", "client_us_per_entry")


@dataclasses.dataclass(frozen=True)
class Scenario:
    """One kind of load. `figures` are those that count; the load may give more."""

    name: str
    # Of the load.
    command: str
    figures: tuple
    # Arguments of the command that are the same at every size.
    fixed: dict
    # Arguments by size, for SIZES.
    sized: dict = dataclasses.field(default_factory=dict)
    # Updates in the log before, for SIZES; None: a log of the registry alone.
    filled: tuple | None = None
    # How one run is taken: of what there is, this scenario, and a size.
    take: typing.Callable | None = None
    at_sizes: tuple = SIZES
    # At smoke size no scenario has more subscribers than this.
    smoke_subscribers: int = 4

    def arguments(self, size):
        """The command line of the load at this size."""
        values = dict(self.fixed)
        values.update({name: by_size[SIZES.index(size)] for name, by_size in self.sized.items()})
        if size == "smoke" and "subscribers" in values:
            values["subscribers"] = min(values["subscribers"], self.smoke_subscribers)
        line = [self.command]
        for name, value in values.items():
            line += [f"--{name}", value]
        return line

    def filled_entries(self, size):
        """Updates that the log holds before, or None."""
        return None if self.filled is None else self.filled[SIZES.index(size)]

    def measure(self, bench, size):
        """One run; returns its figures by name."""
        if self.take is not None:
            return self.take(bench, self, size)
        filled = self.filled_entries(size)
        with bench.fresh_hub() if filled is None else bench.filled_hub(filled) as hub:
            return bench.load(hub, *self.arguments(size))


def _take_proofs(bench, scenario, size):
    with bench.empty_folder("tree") as folder:
        return bench.load(None, *scenario.arguments(size), "--data", folder)


def _take_start(bench, scenario, size):
    with bench.filled_hub(scenario.filled_entries(size)) as hub:
        # It does serve: a stream opens.
        bench.load(hub, "log-size")
        return {"seconds": hub.start_seconds}


def _take_quorum(bench, scenario, size):
    witnesses, quorum = (3, 2) if size == "smoke" else (10, 6)
    with bench.hub_with_witnesses(witnesses, quorum) as hub:
        return bench.load(hub, *scenario.arguments(size))


def _take_audit(bench, scenario, size):
    entries = scenario.filled_entries(size)
    with bench.filled_hub(entries) as hub:
        wall, cpu = bench.audit(hub)
    return {"entries_per_s": entries / wall, "client_us_per_entry": cpu * 1e6 / entries,
            "client_cores": cpu / wall}


def _publish(nodes, in_flight, updates):
    return Scenario(f"publish.{nodes}x{in_flight}", "publish", PUBLISH,
                    {"nodes": nodes, "in-flight": in_flight}, {"updates": updates})


def _catch_up(subscribers):
    return Scenario(f"catchup.{subscribers}", "catch-up", CATCH_UP,
                    {"subscribers": subscribers}, filled=FILLED)


def _live(per_second, subscribers, updates):
    return Scenario(f"live.{per_second}x{subscribers}", "fan-out", FAN_OUT,
                    {"subscribers": subscribers, "per-second": per_second}, {"updates": updates})


def _flood(subscribers, updates):
    return Scenario(f"fanout_flood.{subscribers}", "fan-out", FAN_OUT,
                    {"subscribers": subscribers}, {"updates": updates})


def _take_reconnect(bench, scenario, size):
    from_start, from_served = bench.restart_under(
        scenario.filled_entries(size), *scenario.arguments(size))
    return {"seconds": from_start, "seconds_after_start": from_served}


def _take_mix(bench, scenario, size):
    readers = 4 if size == "smoke" else 1000
    with bench.hub_on_copy(scenario.filled_entries(size)) as hub:
        with bench.load_beside(hub, "read-slowly", "--subscribers", readers) as slow:
            figures = bench.load(hub, *scenario.arguments(size))
        return {**figures, **slow}


def _take_growth(bench, scenario, size):
    entries = scenario.filled_entries(size)
    smoke = size == "smoke"
    with bench.growing_hub(entries) as hub:
        figures = bench.load(hub, "reads", "--count", 10 if smoke else 2_000)
        # A short log is read more often: the figure is of as many entries.
        read = [bench.load(hub, "catch-up")["server_us_per_entry"]
                for _ in range(1 if smoke else max(1, 500_000 // entries))]
        figures["catchup_server_us_per_entry"] = statistics.median(read)
        published = bench.load(hub, "publish", "--nodes", 35,
                               "--updates", 35 if smoke else 3_500)
        one = bench.load(hub, "publish", "--in-flight", 1, "--updates", 10 if smoke else 300)
        figures["publish_server_us"] = published["server_us_per_publish"]
        figures["publish_p50_ms"] = one["p50_ms"]
        return {name: figures[name] for name in GROWTH}


def _filters(filters):
    return Scenario(f"filters.{filters}", "fan-out", FILTERS,
                    {"subscribers": 1000, "filters": filters},
                    {"updates": (100, 500, 2_000, 5_000)},
                    at_sizes=SIZES if filters == 100 else NOT_SMOKE)


def _idle(subscribers):
    return Scenario(f"idle.{subscribers}", "idle", IDLE, {"subscribers": subscribers},
                    {"seconds": (0.5, 15, 30, 60)},
                    at_sizes=SIZES if subscribers == 1000 else NOT_SMOKE)


def _growth(entries):
    return Scenario(f"growth.{entries}", "growth", GROWTH, {},
                    filled=(200, entries, entries, entries),
                    take=_take_growth, at_sizes=SIZES if entries == 10_000 else
                    LARGE if entries > 1_000_000 else NOT_SMOKE)


def _proofs(leaves):
    return Scenario(f"proofs.{leaves}", "proofs", PROOFS, {},
                    {"leaves": (min(leaves, 1000), leaves, leaves, leaves),
                     "samples": (50, 10_000, 10_000, 10_000)}, take=_take_proofs)


def _start(entries):
    return Scenario(f"start.{entries}", "start", START, {},
                    filled=(200, min(entries, 20_000), entries, entries), take=_take_start)


FILLED = (200, 20_000, 100_000, 200_000)

SCENARIOS = (
    _publish(1, 1, (20, 500, 2_000, 4_000)),
    _publish(1, 256, (50, 5_000, 20_000, 40_000)),
    _publish(35, 1, (35, 3_500, 14_000, 35_000)),
    _publish(35, 256, (70, 7_000, 35_000, 70_000)),
    _catch_up(1),
    _catch_up(16),
    Scenario("verify.1", "verify", VERIFY, {}, filled=FILLED),
    Scenario("audit", "audit", AUDIT, {}, filled=FILLED, take=_take_audit),
    _proofs(10_000),
    _proofs(1_000_000),
    _proofs(10_000_000),
    _start(100_000),
    _start(1_000_000),
    Scenario("quorum.10", "quorum", QUORUM, {"per-second": 20},
             {"updates": (3, 100, 400, 1_200)}, take=_take_quorum),
    _live(200, 100, (20, 600, 2_000, 6_000)),
    _live(20, 1000, (5, 60, 200, 600)),
    _flood(1, (20, 5_000, 20_000, 40_000)),
    _flood(10, (20, 5_000, 20_000, 40_000)),
    _flood(100, (20, 1_000, 5_000, 20_000)),
    _flood(1000, (20, 200, 1_000, 3_000)),
    _filters(1),
    _filters(100),
    _filters(1000),
    _idle(1000),
    _idle(5000),
    Scenario("reconnect.1000", "storm", RECONNECT, {"subscribers": 1000}, filled=FILLED,
             take=_take_reconnect),
    Scenario("mix", "mix", MIX, {},
             {"updates": (20, 1_000, 2_000, 4_000), "imported": (100, 20_000, 40_000, 80_000),
              "subscribers": (2, 100, 100, 100)},
             filled=FILLED, take=_take_mix),
    _growth(10_000),
    _growth(100_000),
    _growth(1_000_000),
    _growth(10_000_000),
    Scenario("stalled.1000", "stalled", STALLED, {"subscribers": 1000}, filled=FILLED),
)
