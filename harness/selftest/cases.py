"""All cases of the fault lab. docs/faults.md shows them as a table; a test holds the two together."""

from __future__ import annotations

from harness.selftest.case import FAILS, HEALTHY, UNDECIDED, WARNS, Case

# Memory maps are read every ten seconds: growth shows in a dozen readings.
MEMORY = ("--duration", "150s")
# Rates look back a minute: growth of latency or CPU is judged on what is left.
CREEP = ("--duration", "200s")
# What a user would call slow; the plan's own limit is wide.
SLOW = ("--set", "objectives.latency_p95=1s")
# The rules for what lasts five minutes.
MINUTES = ("--duration", "8m")

_NOTHING = (
    Case("healthy", HEALTHY, (), "nothing is done", short=True),
)  # fmt: skip

_MEMORY = (
    Case("memory-leak", FAILS, ("memory",), "a fast, steady leak of 2 MB/s",
         ("memory_leak:mb_per_s=2,delay=20",), arguments=MEMORY, short=True),
    Case("memory-leak-slow", FAILS, ("memory",), "a third of that still passes the plan's growth",
         ("memory_leak:mb_per_s=0.6,delay=0",), arguments=MEMORY),
    Case("memory-leak-tiny", HEALTHY, (), "a leak far below the objective is no breach of it",
         ("memory_leak:mb_per_s=0.02,delay=0",), arguments=MEMORY, short=True),
    Case("memory-leak-lumps", FAILS, ("memory",), "10 MB every 8 s, in one worker after the other",
         ("memory_leak_lumps:mb=10,every=8,delay=10",), arguments=MEMORY),
    Case("memory-leak-requests", FAILS, ("memory",), "80 kB of every request",
         ("memory_leak_requests:kb=80,delay=20",), arguments=MEMORY),
    Case("memory-leak-recycled", FAILS, ("memory",), "a leak that recycled workers give back is still a leak",
         ("memory_leak:mb_per_s=3,delay=0", "worker_recycling:requests=700"),
         arguments=("--duration", "200s", "--set", "objectives.restarts=50")),
    Case("unbounded-cache", FAILS, ("memory",), "an entry of every request is referenced for ever",
         ("unbounded_cache:kb=80,delay=20",), arguments=MEMORY),
    Case("capped-cache", HEALTHY, (), "a cache of 80 MB that has filled grows no more",
         ("capped_cache:mb_per_s=4,cap_mb=80,delay=2",), arguments=MEMORY),
    Case("gc-saw-tooth", HEALTHY, (), "garbage that is collected is no leak",
         ("gc_saw_tooth:mb_per_s=4,period=14,delay=0",), arguments=MEMORY),
)  # fmt: skip

_PROCESS = (
    Case("fd-leak", FAILS, ("fds",), "two descriptors a second", ("fd_leak:per_minute=120,delay=30",)),
    Case("thread-leak", FAILS, ("threads",), "a thread a second", ("thread_leak:per_minute=60,delay=30",)),
    Case("crash-loop", FAILS, ("restarts",), "a worker exits every ten seconds", ("crash_loop:every=10,delay=30",)),
    Case("worker-recycling", HEALTHY, (), "workers end in order and are replaced; the plan allows it",
         ("worker_recycling:requests=300,delay=0",),
         arguments=("--duration", "170s", "--set", "objectives.restarts=50", "--set", "objectives.fd_growth=off",
                    "--set", "objectives.thread_growth=off"), short=True),
    Case("worker-recycling-fds", HEALTHY, (), "the same; descriptors and threads come and go without growing",
         ("worker_recycling:requests=600,delay=0",),
         arguments=("--duration", "11m", "--set", "objectives.restarts=80")),
    Case("operator-restart", WARNS, ("restarts",), "an operator reloads the target once; the plan allows its restarts",
         outside="reload_target", arguments=("--set", "objectives.restarts=4")),
    Case("operator-restart-refused", FAILS, ("restarts",), "the same, and the plan allows no restart",
         outside="reload_target"),
)  # fmt: skip

_DATABASE = (
    Case("connection-leak", FAILS, ("db_pool",), "the pool of 20 is empty half a minute later",
         ("connection_leak:per_minute=40,delay=30",), short=True),
    Case("connection-leak-slow", FAILS, ("db_pool",), "it is nearly empty at the end",
         ("connection_leak:per_minute=15,delay=15",)),
    Case("connection-leak-tiny", HEALTHY, (), "one connection of 20 breaks nothing",
         ("connection_leak:per_minute=1,delay=30",)),
    Case("long-transactions", WARNS, ("db_pool",), "two transactions stay open for minutes; no objective speaks of it",
         ("long_transactions:count=2,delay=20",), arguments=MINUTES),
    Case("missing-index", FAILS, ("latency", "disk"), "one query scans a table that grows with every request",
         ("missing_index:rows=500,delay=30",),
         arguments=("--duration", "5m", "--set", "objectives.latency_growth=100%")),
    Case("lock-contention", FAILS, ("latency", "db_pool"), "every request queues for one row",
         ("lock_contention:ms=80,delay=30",), arguments=SLOW),
)  # fmt: skip

_REDIS = (
    Case("redis-busy", FAILS, ("redis",), "commands of 0.4 s keep the server busy for two thirds of the time",
         ("redis_busy:ms=400,every=0.2,delay=30",)),
    Case("redis-evictions", WARNS, ("redis",), "Redis fills up and drives keys out; no objective speaks of it",
         ("redis_evictions:mb_per_s=2,cap_mb=40,delay=20",), arguments=MINUTES),
)  # fmt: skip

_REQUEST = (
    Case("error-burst", FAILS, ("errors",), "a fifth of the requests fails", ("error_burst:ratio=0.2,delay=30",),
         short=True),
    Case("error-burst-slow", FAILS, ("errors",), "one in twenty fails", ("error_burst:ratio=0.05,delay=30",)),
    Case("error-burst-tiny", HEALTHY, (), "one in two thousand is within the objective",
         ("error_burst:ratio=0.0005,delay=30",)),
    Case("stall", FAILS, ("latency",), "for 2 s of every 12 s nothing is answered",
         ("stall:every=12,pause=2,delay=30",), arguments=SLOW, short=True),
    Case("latency-creep", FAILS, ("latency",), "each request waits longer, 100 ms more every minute",
         ("latency_creep:ms_per_minute=100,delay=20",), arguments=(*CREEP, "--set", "objectives.latency_growth=100%")),
    Case("cpu-creep", FAILS, ("cpu",), "each request takes more CPU time, 8 ms more every minute",
         ("cpu_creep:ms_per_minute=8,delay=20",), arguments=(*CREEP, "--set", "objectives.cpu_growth=100%")),
)  # fmt: skip

_OUTSIDE = (
    Case("noisy-neighbour", UNDECIDED, ("generator",), "the load generator does not get its CPU time: no evidence",
         outside="steal_cpu"),
    Case("scrape-loss-10", WARNS, ("telemetry",), "a tenth of the sidecar's scrapes is lost: enough is left",
         outside="lose_a_tenth", short=True),
    Case("scrape-loss-60", UNDECIDED, ("telemetry",), "most of the sidecar's scrapes are lost: no evidence",
         outside="lose_most"),
    Case("clock-step", UNDECIDED, ("telemetry",), "the clock jumps half a minute ahead: no evidence, and no leak",
         outside="step_clock"),
)  # fmt: skip

CASES = {case.name: case for case in (*_NOTHING, *_MEMORY, *_PROCESS, *_DATABASE, *_REDIS, *_REQUEST, *_OUTSIDE)}
