"""Target: the processes and containers of the service under test."""

from __future__ import annotations

from dashboards.levels import falling, rising
from dashboards.model import Dashboard, Panel, Query, Row
from dashboards.queries import target as q
from dashboards.variables import ALWAYS, PROCESS
from dashboards.wording import text

NO_CONTAINER = "only containers have it; this target runs as processes"
NO_QUOTA = "only containers with a CPU quota are throttled; this target has none"


def dashboard() -> Dashboard:
    """The dashboard *Target*."""
    return Dashboard(
        uid="harness-target",
        title="Target",
        description="Processes and containers of the service: memory, CPU, descriptors, threads, restarts.",
        rows=(
            Row("Memory", (memory(), exhausted_in(), memory_growth(), memory_use())),
            Row("CPU", (cpu(), cpu_per_request(), throttled())),
            Row("Descriptors, threads, processes", (descriptors(), descriptor_use(), threads(), processes())),
            Row("Restarts", (restarts(), oom_kills())),
        ),
        variables=(*ALWAYS, PROCESS),
    )


def memory() -> Panel:
    return Panel(
        key="target-memory",
        title="Memory",
        description=text("""
            Memory per subject: a process group's PSS (else RSS), a container's working set. Dotted: the straight line
            through the range that is shown. A saw tooth is a collector at work; a rising floor is a leak. Red line:
            the plan's or the container's limit.
        """),
        unit="bytes",
        kind="timeseries",
        signal="memory",
        runbooks=(
            "MemoryGrowing",
            "MemoryGrowingFast",
            "MemoryOverLimit",
            "MemoryNearLimit",
            "MemoryNearLimitFast",
            "MemoryDataMissing",
        ),
        axis_min=0,
        queries=(
            Query(q.MEMORY, "{{subject}}"),
            Query(q.MEMORY_TREND, "trend {{subject}}", "trend"),
            Query(q.MEMORY_PRIVATE, "private {{groupname}}", "band"),
            Query(q.MEMORY_LIMIT, "limit of the plan", "limit"),
            Query(q.MEMORY_HARD_LIMIT, "limit {{subject}}", "limit", empty_when_healthy=NO_CONTAINER),
        ),
    )


def exhausted_in() -> Panel:
    return Panel(
        key="target-memory-exhausted-in",
        title="Memory exhausted in",
        description=text("""
            Time until the limit at the last hour's pace; 30 days stands for not in sight. Red: under six hours. It
            needs a limit: the container's or memory_limit in the plan. In a short run it sees the warm-up's growth.
        """),
        unit="s",
        kind="stat",
        signal="memory",
        runbooks=("MemoryNearLimit", "MemoryGrowing"),
        width=4,
        thresholds=falling(6 * 3600, 24 * 3600),
        queries=(Query(q.MEMORY_EXHAUSTED_IN, "{{subject}}"),),
    )


def memory_growth() -> Panel:
    return Panel(
        key="target-memory-per-hour",
        title="Memory growth per hour",
        description=text("""
            Slope of the last hour. It should settle around zero once caches are warm; what stays above is a leak at
            that rate.
        """),
        unit="bytes",
        kind="timeseries",
        signal="memory",
        runbooks=("MemoryGrowing",),
        width=8,
        queries=(Query(q.MEMORY_PER_HOUR, "{{subject}}"),),
    )


def memory_use() -> Panel:
    return Panel(
        key="target-memory-use",
        title="Memory of the container's limit",
        description=text("""
            Share of the container's own limit. From 90 % on the kernel may kill a process at the next burst: find
            what grows, or raise the limit. Empty without a container that has a limit.
        """),
        unit="percentunit",
        decimals=0,
        kind="timeseries",
        signal="memory",
        runbooks=("MemoryNearLimit", "MemoryNearLimitFast"),
        width=24,
        height=5,
        thresholds=rising(0.8, 0.9),
        axis_min=0,
        axis_max=1,
        queries=(Query(q.MEMORY_USE, "{{subject}}", empty_when_healthy=NO_CONTAINER),),
    )


def cpu() -> Panel:
    return Panel(
        key="target-cpu",
        title="CPU cores in use",
        description=text("""
            Cores in use, over one minute. At the limit, or at all cores of the machine, latency grows first and
            throughput falls next: profile the hot path or give more cores.
        """),
        unit="none",
        decimals=2,
        kind="timeseries",
        signal="cpu",
        runbooks=("CpuOverLimit", "CpuDataMissing"),
        width=8,
        axis_min=0,
        queries=(
            Query(q.CPU, "{{subject}}"),
            Query(q.CPU_LIMIT, "limit", "limit"),
        ),
    )


def cpu_per_request() -> Panel:
    return Panel(
        key="target-cpu-per-request",
        title="CPU per request",
        description=text("""
            CPU seconds of one request on average. It should be flat at any load; a rise means that each request does
            more work: a growing table without an index, a list that is never trimmed.
        """),
        unit="s",
        kind="timeseries",
        signal="cpu",
        runbooks=("CpuPerRequestGrowing", "CpuPerRequestGrowingFast"),
        width=8,
        axis_min=0,
        queries=(Query(q.CPU_PER_REQUEST, "{{subject}}"),),
    )


def throttled() -> Panel:
    return Panel(
        key="target-cpu-throttled",
        title="CPU throttled",
        description=text("""
            Share of the periods in which the container's quota ran out. From 25 % on, requests wait for the next
            period: raise the quota before you tune code. Empty without a quota.
        """),
        unit="percentunit",
        decimals=0,
        kind="timeseries",
        signal="cpu",
        runbooks=("CpuThrottled",),
        width=8,
        thresholds=rising(0.05, 0.25),
        axis_min=0,
        axis_max=1,
        queries=(Query(q.CPU_THROTTLED, "{{subject}}", empty_when_healthy=NO_QUOTA),),
    )


def descriptors() -> Panel:
    return Panel(
        key="target-fds",
        title="Open file descriptors",
        description=text("""
            Open files and sockets of the group. A steady rise is a leak of connections or files: see which with ls -l
            /proc/PID/fd.
        """),
        unit="none",
        decimals=0,
        kind="timeseries",
        signal="fds",
        runbooks=("FdsGrowing", "FdsGrowingFast", "FdsDataMissing"),
        width=6,
        axis_min=0,
        queries=(Query(q.FDS, "{{subject}}"),),
    )


def descriptor_use() -> Panel:
    return Panel(
        key="target-fd-use",
        title="Descriptors of the limit, worst process",
        description=text("""
            Open descriptors over the soft limit of the worst member. At 100 % accept() and open() fail: find the
            leak, then raise the limit.
        """),
        unit="percentunit",
        decimals=1,
        kind="timeseries",
        signal="fds",
        runbooks=("FdsNearLimit",),
        width=6,
        thresholds=rising(0.8, 0.9),
        axis_min=0,
        queries=(Query(q.FD_USE, "{{subject}}"),),
    )


def threads() -> Panel:
    return Panel(
        key="target-threads",
        title="Threads",
        description=text("""
            Threads of the group. A steady rise: something starts a thread per request or never joins its pool.
        """),
        unit="none",
        decimals=0,
        kind="timeseries",
        signal="threads",
        runbooks=("ThreadsGrowing", "ThreadsGrowingFast", "ThreadsDataMissing"),
        width=6,
        axis_min=0,
        queries=(Query(q.THREADS, "{{subject}}"),),
    )


def processes() -> Panel:
    return Panel(
        key="target-processes",
        title="Processes",
        description="Members of the group. A dip is a worker that died and came back; zero is a target that is gone.",
        unit="none",
        decimals=0,
        kind="timeseries",
        signal="restarts",
        runbooks=("TargetProcessesGone",),
        width=6,
        axis_min=0,
        queries=(Query(q.PROCESSES, "{{subject}}"),),
    )


def restarts() -> Panel:
    return Panel(
        key="target-restarts",
        title="Restarts in five minutes",
        description=text("""
            Processes or containers that began anew. A soak allows none unless the plan does: read the target's log
            from just before, then look for an OOM kill.
        """),
        unit="none",
        decimals=0,
        kind="timeseries",
        signal="restarts",
        runbooks=("TargetRestarted", "RestartsRepeated", "TargetProcessesGone", "RestartDataMissing"),
        axis_min=0,
        queries=(
            Query(q.RESTARTS, "{{subject}}"),
            Query(q.RESTARTS_LIMIT, "limit", "limit"),
        ),
    )


def oom_kills() -> Panel:
    return Panel(
        key="target-oom-kills",
        title="OOM kills in five minutes",
        description=text("""
            Processes in the container that the kernel killed for memory; the container itself may stay up. Any is
            red: raise the limit or find what grows. Empty without a container.
        """),
        unit="none",
        decimals=0,
        kind="timeseries",
        signal="memory",
        runbooks=("ContainerOomKilled",),
        thresholds=rising(None, 1),
        axis_min=0,
        queries=(Query(q.OOM_KILLS, "{{subject}}", empty_when_healthy=NO_CONTAINER),),
    )
