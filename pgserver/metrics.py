"""What is counted for the operator. Labels have few values: never a text, a table or a name that a client gave."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)  # process_resident_memory_bytes, process_open_fds, ...: of the server alone
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600)

connections_rejected = Counter(
    "bemidb_connections_rejected",
    "Connections refused before a session began, by the condition that PostgreSQL's documentation names",
    ["reason"],
    registry=REGISTRY,
)
connections = Counter("bemidb_connections", "Sessions that began", registry=REGISTRY)
auth_failures = Counter("bemidb_auth_failures", "Wrong passwords and unknown users", registry=REGISTRY)
cancel_requests = Counter("bemidb_cancel_requests", "Cancel requests", ["outcome"], registry=REGISTRY)
queries = Counter(
    "bemidb_query",
    "Statements ended; sqlstate_class is 00 for success",
    ["status", "sqlstate_class"],
    registry=REGISTRY,
)
query_seconds = Histogram(
    "bemidb_query_duration_seconds", "Time of statements", ["way"], buckets=SECONDS, registry=REGISTRY
)
first_row_seconds = Histogram(
    "bemidb_first_row_seconds", "Time to the first rows of lake statements", buckets=SECONDS, registry=REGISTRY
)
queries_active = Gauge("bemidb_queries_active", "Statements that run now", registry=REGISTRY)
queries_waiting = Gauge("bemidb_queries_waiting", "Statements that wait for a place in the engine", registry=REGISTRY)
queue_seconds = Histogram(
    "bemidb_queue_wait_seconds", "Time that statements waited for a place", buckets=SECONDS, registry=REGISTRY
)
read_bytes = Counter(
    "bemidb_read_bytes", "Bytes of data files that statements over the lake were planned to read", registry=REGISTRY
)
s3_requests = Counter(
    "bemidb_s3_requests",
    "Requests of the engines to object storage; code is none where no answer came",
    ["op", "code"],
    registry=REGISTRY,
)
s3_bytes = Counter("bemidb_s3_bytes", "Bytes of object storage's answers to the engines", registry=REGISTRY)
rows_sent = Counter("bemidb_rows_sent", "Rows of lake statements sent", registry=REGISTRY)
bridge_rows = Counter(
    "bemidb_bridge_rows", "Rows brought to PostgreSQL for statements that the engine cannot answer", registry=REGISTRY
)
bridge_bytes = Counter("bemidb_bridge_bytes", "Their bytes, as COPY data", registry=REGISTRY)
worker_restarts = Counter(
    "bemidb_worker_restarts", "Engine processes that ended unasked", ["reason"], registry=REGISTRY
)
rule_failures = Counter(
    "bemidb_rule_failures",
    "Statements that the emitter or DuckDB's binder failed on, which is a bug here; the bridge answered them",
    registry=REGISTRY,
)
twin_restarts = Counter("bemidb_twin_restarts", "How often the private PostgreSQL had to come back", registry=REGISTRY)
