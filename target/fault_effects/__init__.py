"""What each fault of ``target.faults`` does to the worker it is on in, a file for each part that it strikes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from target.fault_effects import database, memory, process, redis_server, request
from target.fault_effects.base import ActiveFault, World
from target.faults import FaultSpec

FaultMaker = Callable[[FaultSpec, World, float], ActiveFault]


def reference_faults() -> Mapping[str, FaultMaker]:
    """How each fault of ``FAULT_PARAMETERS`` is made from (spec, world, elapsed seconds at which this worker joins)."""
    return {
        "memory_leak": memory.MemoryLeak,
        "memory_leak_lumps": memory.MemoryLumps,
        "memory_leak_requests": memory.RequestLeak,
        "unbounded_cache": memory.UnboundedCache,
        "capped_cache": memory.CappedCache,
        "gc_saw_tooth": memory.SawTooth,
        "fd_leak": process.DescriptorLeak,
        "thread_leak": process.ThreadLeak,
        "crash_loop": process.CrashLoop,
        "worker_recycling": process.WorkerRecycling,
        "connection_leak": database.ConnectionLeak,
        "long_transactions": database.LongTransactions,
        "missing_index": database.MissingIndex,
        "lock_contention": database.LockContention,
        "redis_busy": redis_server.RedisBusy,
        "redis_evictions": redis_server.RedisEvictions,
        "cpu_creep": request.CpuCreep,
        "latency_creep": request.LatencyCreep,
        "slow_dashboard": request.SlowDashboard,
        "cpu_work": request.CpuWork,
        "rare_wait": request.RareWait,
        "stall": request.Stall,
        "error_burst": request.ErrorBurst,
    }
