"""Every metric and label name of the product, written once.

Three families: what our exporters export (standard exporters' names where they exist), what the run itself exports,
and what the recording rules record. A test holds the rule files against the last. Leaf: imports nothing.

Recorded names follow ``level:metric:operation``; the level lists the labels that remain (``harness`` always).
"""

from __future__ import annotations

# --- the label that tells stacks apart, set by the scrape configuration on every series
STACK = "harness"

# --- scrape jobs
JOB_LOAD = "load"  # each Locust process, instance = locust-master, locust-worker-1, ...
JOB_SIDECAR = "sidecar"
JOB_TARGET = "target"  # the service's own /metrics
JOB_RUN = "harness"  # the harness process: run info, phase, objectives
JOB_PROMETHEUS = "prometheus"

# --- load (exporters.load_*, served by every Locust process)
REQUEST_DURATION = "locust_request_duration_seconds"  # histogram{method,name,outcome}
REQUEST_ERRORS = "locust_request_errors_total"  # {method,name,error}
RESPONSE_BYTES = "locust_response_bytes_total"  # {method,name}
USERS = "locust_users"  # {user_class}
USERS_TARGET = "locust_users_target"  # master only
WORKERS = "locust_workers"  # {state}; master only
LOOP_LAG = "locust_loop_lag_seconds"  # histogram
USER_EXCEPTIONS = "locust_user_exceptions_total"  # that the locustfile's own code raised; workers only
ARRIVALS = "locust_arrivals_total"
ARRIVALS_DROPPED = "locust_arrivals_dropped_total"
ARRIVALS_PLANNED = "locust_arrivals_planned_total"
ARRIVAL_LAG = "locust_arrival_lag_seconds"  # histogram
# Each Locust process about itself, in client_python's names; the rules read them from the load job only.
PROCESS_CPU = "process_cpu_seconds_total"
PROCESS_MEMORY = "process_resident_memory_bytes"
MACHINE_INFO = "harness_machine_info"  # {machine}: which one it runs on; of Locust processes and the sidecar
LOAD_SERIES_CAPPED = "locust_request_names_capped"  # 1 once names or errors went to "other"
OUTCOMES = ("ok", "error")
ERROR_KINDS = ("status", "timeout", "connection", "validation", "other")
OTHER = "other"

# --- run (harness.run.metrics)
RUN_INFO = "harness_run_info"  # {run_id,plan,target}
RUN_PHASE = "harness_run_phase"  # {phase} 1 for the phase that is on, 0 for the others
PHASES = ("warmup", "steady", "cooldown")
RUN_LOAD_START = "harness_run_load_start_time_seconds"
RUN_LOAD_END = "harness_run_load_end_time_seconds"  # planned
OBJECTIVE = "harness_objective"  # {objective,subject,op} and, for an endpoint's, {method,name}; value in base units
# The histogram edges around a latency limit: bound="lower" is the largest edge <= limit, "upper" the smallest >= limit
# (equal when the limit is an edge). Rules join bucket `le` on it. Same labels as OBJECTIVE, plus bound.
OBJECTIVE_EDGE = "harness_objective_edge"
WORKERS_EXPECTED = "harness_load_workers_expected"  # worker processes the plan asks for
WORKER_RESTARTS = "harness_load_worker_restarts_total"  # workers the launcher had to start again
PART_RESTARTS = "harness_part_restarts_total"  # {part}: other parts that the harness had to start again
WATCH_LAG = "harness_watch_lag_seconds"  # longest time between two looks of the harness at its run, last minute
PART_SIDECAR, PART_PROMETHEUS = "sidecar", "prometheus"
SUBJECT_ALL = "all"  # subject of an objective over the whole run

# --- sidecar: processes, as process-exporter
PROC_MEMORY = (
    "namedprocess_namegroup_memory_bytes"  # {groupname,memtype}: resident, virtual, swapped, proportionalResident
)
PROC_CPU = "namedprocess_namegroup_cpu_seconds_total"  # {groupname,mode}: user, system; monotonic over recycled members
PROC_FDS = "namedprocess_namegroup_open_filedesc"  # {groupname}
PROC_WORST_FD_RATIO = "namedprocess_namegroup_worst_fd_ratio"  # {groupname}
PROC_NUM = "namedprocess_namegroup_num_procs"  # {groupname}
PROC_THREADS = "namedprocess_namegroup_num_threads"  # {groupname}
PROC_OLDEST_START = "namedprocess_namegroup_oldest_start_time_seconds"  # {groupname}
PROC_STARTS = "harness_process_starts_total"  # {groupname}: members that began after the sidecar first looked
PROC_USS = "harness_process_uss_bytes"  # {groupname}

# --- sidecar: containers, as cAdvisor
CONTAINER_WORKING_SET = "container_memory_working_set_bytes"  # {name}
CONTAINER_MEMORY_LIMIT = "container_spec_memory_limit_bytes"  # {name}; 0 is no limit
CONTAINER_CPU = "container_cpu_usage_seconds_total"  # {name}
CONTAINER_CPU_PERIODS = "container_cpu_cfs_periods_total"  # {name}
CONTAINER_CPU_THROTTLED_PERIODS = "container_cpu_cfs_throttled_periods_total"  # {name}
CONTAINER_CPU_THROTTLED = "container_cpu_cfs_throttled_seconds_total"  # {name}
CONTAINER_OOM = "container_oom_events_total"  # {name}
CONTAINER_START = "container_start_time_seconds"  # {name}
CONTAINER_LAST_SEEN = "container_last_seen"  # {name}
CONTAINER_STARTS = "harness_container_starts_total"  # {name}: starts after the sidecar first looked, from the events

# --- sidecar: PostgreSQL, as postgres_exporter; `database` is the plan's name of it
PG_UP = "pg_up"  # {database}
PG_ACTIVITY = "pg_stat_activity_count"  # {database,datname,state}
PG_WAITING = "pg_stat_activity_waiting"  # {database,wait_event_type}: backends that wait for a lock or similar
PG_MAX_TX_DURATION = "pg_stat_activity_max_tx_duration"  # {database,datname,state}: seconds of the oldest transaction
PG_MAX_CONNECTIONS = "pg_settings_max_connections"  # {database}
PG_DATABASE_SIZE = "pg_database_size_bytes"  # {database,datname}
PG_DEADLOCKS = "pg_stat_database_deadlocks"  # {database,datname}
PG_START = "pg_postmaster_start_time_seconds"  # {database,process_name}: as there, always "postmaster"
# After a backend's crash the postmaster stays and begins all others anew: only they tell. Not in postgres_exporter.
PG_CHECKPOINTER_START = "pg_checkpointer_start_time_seconds"  # {database}
PGBOUNCER_UP = "pgbouncer_up"  # {database}
PGBOUNCER_CLIENT_WAITING = "pgbouncer_pools_client_waiting_connections"  # {database,datname,user}
PGBOUNCER_CLIENT_ACTIVE = "pgbouncer_pools_client_active_connections"
PGBOUNCER_SERVER_ACTIVE = "pgbouncer_pools_server_active_connections"
PGBOUNCER_MAXWAIT = "pgbouncer_pools_client_maxwait_seconds"
DB_PING = "db_ping_duration_seconds"  # histogram{database}

# --- sidecar: Redis, as redis_exporter; `redis` is the plan's name of it
REDIS_UP = "redis_up"  # {redis}
REDIS_CLIENTS = "redis_connected_clients"
REDIS_BLOCKED_CLIENTS = "redis_blocked_clients"
REDIS_MEMORY = "redis_memory_used_bytes"
REDIS_MEMORY_MAX = "redis_memory_max_bytes"  # 0 is no limit
REDIS_COMMANDS_DURATION = "redis_commands_duration_seconds_total"  # {redis,cmd}
REDIS_COMMANDS = "redis_commands_total"  # {redis,cmd}
REDIS_EVICTED = "redis_evicted_keys_total"
REDIS_HITS = "redis_keyspace_hits_total"
REDIS_MISSES = "redis_keyspace_misses_total"
REDIS_UPTIME = "redis_uptime_in_seconds"
REDIS_START = "redis_start_time_seconds"  # now less the uptime, both in whole seconds: moves by one
REDIS_SLOWLOG_LENGTH = "redis_slowlog_length"
REDIS_SLOWLOG_LAST_ID = "redis_slowlog_last_id"
REDIS_PING = "redis_ping_duration_seconds"  # histogram{redis}

# --- Prometheus itself
UP = "up"  # {job,instance}: 1 when the last scrape answered
SCRAPE_SECONDS = "scrape_duration_seconds"  # how long the last scrape took
TSDB_BLOCKS = "prometheus_tsdb_storage_blocks_bytes"
TSDB_WAL = "prometheus_tsdb_wal_storage_size_bytes"
ALERTS = "ALERTS"  # {alertname,alertstate,severity,verdict,signal}: 1 while a rule of ours is pending or firing

# --- sidecar: about itself
COLLECTOR_UP = "harness_collector_up"  # {collector}: 1 read, 0 could not read, for example collector="database:main"
SIDECAR_CONFIG = "harness_sidecar_config_info"  # {digest}: of the configuration that a standing sidecar works by
COLLECTOR_DURATION = "harness_collector_duration_seconds"  # {collector}

# --- the application's own pool (target.pool_metrics, any SQLAlchemy app)
POOL_CONNECTIONS = "db_pool_connections"  # {pool,state}: in_use, idle; summed over the application's processes
POOL_SIZE = "db_pool_size"  # {pool}: most connections the pool may open (size + overflow), summed over processes
POOL_WAITING = "db_pool_waiting"  # {pool}: threads that wait for a connection now
POOL_CHECKOUT = "db_pool_checkout_duration_seconds"  # histogram{pool}
POOL_TIMEOUTS = "db_pool_timeouts_total"  # {pool}


class Recorded:
    """Names that prometheus/rules/recording.yml records. ``kind`` is process or container, ``subject`` its name."""

    # load, whole run
    REQUESTS = "harness:locust_requests:rate1m"
    ERRORS = "harness:locust_errors:rate1m"
    ERROR_RATIO = "harness:locust_error_ratio:rate1m"
    # the same over 15 s, for what ends a run early
    REQUESTS_15S = "harness:locust_requests:rate15s"
    ERRORS_15S = "harness:locust_errors:rate15s"
    ERRORS_BY_KIND_15S = "harness_error:locust_errors:rate15s"  # {error}
    ERRORS_BY_KIND = "harness_error:locust_errors:rate1m"  # {error}
    LATENCY_BUCKETS = "harness_outcome_le:locust_request_duration_seconds_bucket:rate1m"  # {outcome,le}
    LATENCY_P50 = "harness:locust_request_duration_seconds:p50_1m"
    LATENCY_P95 = "harness:locust_request_duration_seconds:p95_1m"
    LATENCY_P99 = "harness:locust_request_duration_seconds:p99_1m"
    RESPONSE_BYTES = "harness:locust_response_bytes:rate1m"
    USERS = "harness:locust_users:sum"
    USERS_TARGET = "harness:locust_users_target:max"
    # Rates of requests that were ok and within the edge of a latency objective; objective, bound. The share is
    # WITHIN / REQUESTS; a failed request is never within.
    WITHIN = "harness_objective_bound:locust_requests_within:rate1m"  # {objective,bound}
    WITHIN_SHARE = "harness_objective_bound:locust_requests_within:share1m"
    # load, per endpoint
    ENDPOINT_REQUESTS = "harness_method_name:locust_requests:rate1m"
    ENDPOINT_ERRORS = "harness_method_name:locust_errors:rate1m"
    ENDPOINT_ERROR_RATIO = "harness_method_name:locust_error_ratio:rate1m"
    ENDPOINT_LATENCY_P50 = "harness_method_name:locust_request_duration_seconds:p50_1m"
    ENDPOINT_LATENCY_P95 = "harness_method_name:locust_request_duration_seconds:p95_1m"
    ENDPOINT_LATENCY_P99 = "harness_method_name:locust_request_duration_seconds:p99_1m"
    ENDPOINT_WITHIN = (
        "harness_method_name_objective_bound:locust_requests_within:rate1m"  # {method,name,objective,bound}
    )
    ENDPOINT_WITHIN_SHARE = "harness_method_name_objective_bound:locust_requests_within:share1m"
    # generator
    GENERATOR_CPU = "harness_instance:locust_process_cpu:rate1m"  # cores of each Locust process
    GENERATOR_MEMORY = "harness_instance:locust_process_memory_bytes:last"
    LOOP_LAG_P99 = "harness_instance:locust_loop_lag_seconds:p99_1m"
    WORKERS_MISSING = "harness:locust_workers:missing"
    ARRIVALS = "harness:locust_arrivals:rate1m"
    ARRIVALS_PLANNED = "harness:locust_arrivals_planned:rate1m"
    ARRIVALS_DROPPED = "harness:locust_arrivals_dropped:rate1m"
    ARRIVALS_DROPPED_RATIO = "harness:locust_arrivals_dropped:ratio1m"
    # target: processes and containers alike
    MEMORY = (
        "harness_kind_subject:memory_bytes:working_set"  # process: PSS where read, else RSS; container: working set
    )
    MEMORY_LIMIT = "harness_kind_subject:memory_bytes:limit"
    MEMORY_USE = "harness_kind_subject:memory_use:ratio"
    CPU = "harness_kind_subject:cpu_cores:rate1m"
    CPU_THROTTLED = "harness_kind_subject:cpu_throttled_periods:ratio1m"
    CPU_PER_REQUEST = "harness_kind_subject:cpu_seconds_per_request:ratio1m"
    FDS = "harness_kind_subject:open_fds:sum"
    FD_USE = "harness_kind_subject:fd_use:ratio"
    THREADS = "harness_kind_subject:threads:sum"
    PROCESSES = "harness_kind_subject:processes:count"
    STARTS = "harness_kind_subject:starts:total"  # a counter; containers: their start time, each change is a start
    OOM_KILLS = "harness_kind_subject:oom_kills:total"
    # the application's pool
    POOL_IN_USE = "harness_pool:db_pool_connections_in_use:sum"
    POOL_SIZE = "harness_pool:db_pool_size:sum"
    POOL_USE = "harness_pool:db_pool_use:ratio"
    POOL_WAITING = "harness_pool:db_pool_waiting:sum"
    POOL_CHECKOUT_P95 = "harness_pool:db_pool_checkout_seconds:p95_1m"
    POOL_TIMEOUTS = "harness_pool:db_pool_timeouts:rate1m"
    # database
    DB_UP = "harness_database:pg_up:min"
    DB_CONNECTIONS = "harness_database:pg_connections:sum"
    DB_CONNECTIONS_BY_STATE = "harness_database_state:pg_connections:sum"
    DB_CONNECTION_USE = "harness_database:pg_connection_use:ratio"
    DB_WAITING = "harness_database:pg_waiting:sum"
    DB_OLDEST_TRANSACTION = "harness_database:pg_oldest_transaction_seconds:max"
    DB_SIZE = "harness_database:pg_database_size_bytes:sum"
    DB_START = "harness_database:pg_start_time_seconds:steady"  # outside warm-up and cool-down only
    DB_PING_P50 = "harness_database:db_ping_seconds:p50_1m"
    DB_PING_P99 = "harness_database:db_ping_seconds:p99_1m"
    # redis
    REDIS_UP = "harness_redis:redis_up:min"
    REDIS_PING_P50 = "harness_redis:redis_ping_seconds:p50_1m"
    REDIS_PING_P99 = "harness_redis:redis_ping_seconds:p99_1m"
    REDIS_MEMORY = "harness_redis:redis_memory_used_bytes:last"
    REDIS_MEMORY_USE = "harness_redis:redis_memory_use:ratio"
    REDIS_CLIENTS = "harness_redis:redis_connected_clients:last"
    REDIS_EVICTED = "harness_redis:redis_evicted_keys:rate1m"
    REDIS_START = "harness_redis:redis_start_time_seconds:steady"  # outside warm-up and cool-down only
    REDIS_HIT_RATIO = "harness_redis:redis_hits:ratio1m"
    REDIS_COMMAND_MEAN = "harness_redis_cmd:redis_command_seconds:mean1m"
    # telemetry
    UP = "harness_job:up:count"  # scrape targets that answered, per job
    UP_EXPECTED = "harness_job:up:expected"  # scrape targets configured, per job
    COLLECTOR_UP = "harness_collector:collector_up:min"
