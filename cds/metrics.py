"""What is counted and measured while the server runs: one table of metrics, read by `GET /metrics`.

Whoever does something counts it here; this module must not know who does. Times are in seconds, sizes in bytes, as
Prometheus has it. Several workers share one set of files (PROMETHEUS_MULTIPROC_DIR), so every gauge says how the
values of the workers are put together.
"""

from prometheus_client import Counter, Gauge, Histogram

LATENCY_BUCKETS_S = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

REQUESTS = Counter("cds_requests_total", "Requests answered.", ("method", "endpoint", "status"))
REQUEST_S = Histogram(
    "cds_request_seconds", "From a request to its answer, streams left out.", buckets=LATENCY_BUCKETS_S
)

APPEND_S = Histogram(
    "cds_append_seconds", "From a batch being handed to the store to its commit.", buckets=LATENCY_BUCKETS_S
)
APPENDED_EVENTS = Counter("cds_appended_events_total", "Events appended by this server.")
COMMANDS_WAITING = Gauge("cds_commands_waiting", "Commands that wait for their turn.", multiprocess_mode="livesum")
PUBLISH_S = Histogram(
    "cds_publish_seconds",
    "From events being applied to their lines being handed to every live client.",
    ("role",),
    buckets=LATENCY_BUCKETS_S,
)

CONTEST_POSITION = Gauge(
    "cds_contest_position", "The position up to which a contest is applied.", ("contest",), multiprocess_mode="livemin"
)
CONTEST_LAG_EVENTS = Gauge(
    "cds_contest_lag_events",
    "Events that are in the log and not applied yet.",
    ("contest",),
    multiprocess_mode="livemax",
)

FEED_CLIENTS = Gauge(
    "cds_feed_clients", "Clients of event feeds that are connected.", ("role", "framing"), multiprocess_mode="livesum"
)
FEED_CLIENTS_LAGGING = Gauge(
    "cds_feed_clients_lagging", "Of these, those that read more slowly than lines come.", multiprocess_mode="livesum"
)
FEED_CLIENTS_CUT_OFF = Counter("cds_feed_clients_cut_off_total", "Feed clients that were cut off.", ("reason",))
FEED_BYTES = Counter("cds_feed_bytes_total", "Bytes of lines handed to feed clients.")
SCOREBOARD_STREAMS = Gauge(
    "cds_scoreboard_streams", "Clients of scoreboard streams that are connected.", multiprocess_mode="livesum"
)

WEBHOOKS = Gauge("cds_webhooks", "Webhooks by what they are doing.", ("state",), multiprocess_mode="livesum")
WEBHOOK_CALLS = Counter("cds_webhook_calls_total", "Callbacks made.", ("outcome",))
WEBHOOK_LAG_EVENTS = Gauge(
    "cds_webhook_lag_events", "Events that a webhook has not been told of.", ("webhook",), multiprocess_mode="livemax"
)

DATABASE_REACHABLE = Gauge(
    "cds_database_reachable", "Whether the database answered when it was last asked.", multiprocess_mode="livemin"
)
LISTEN_LOST = Counter("cds_hint_connections_lost_total", "Times that the connection for hints was lost.")
