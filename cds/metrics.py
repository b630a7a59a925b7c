"""What is counted and measured while the server runs: one table of metrics, read by `GET /metrics`.

Whoever does something counts it here; this module must not know who does. Times are in seconds, sizes in bytes, as
Prometheus has it. Several workers share one set of files (PROMETHEUS_MULTIPROC_DIR), so every gauge says how the
values of the workers are put together.
"""

from bisect import bisect_left
from collections import Counter as Tally
from collections.abc import Sequence

from prometheus_client import PROCESS_COLLECTOR, REGISTRY, Counter, Gauge, Histogram, disable_created_metrics

# Besides each counter the library would tell when it was made, which nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library says nothing of its types here

LATENCY_BUCKETS_S = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class ManyAtOnce(Histogram):
    """A histogram that takes many values for the price of a few."""

    def observe_all(self, values: Sequence[float]) -> None:
        """As `observe` for each value. Values of one bucket are added to it together."""
        if values:
            self._sum.inc(sum(values))
        for bucket, number in Tally(bisect_left(self._upper_bounds, value) for value in values).items():
            self._buckets[bucket].inc(number)


REQUESTS = Counter("cds_requests_total", "Requests answered.", ("method", "endpoint", "status", "fault"))
"""`fault` is `none`, `client` or `server`. It goes with the status, but where an API demands one that blames the server
for what clients send."""

REQUEST_S = ManyAtOnce(
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
FEED_CLIENTS_REFUSED = Counter(
    "cds_feed_clients_refused_total", "Feed clients that were turned away because all places of a worker were taken."
)
FEED_BYTES = Counter("cds_feed_bytes_total", "Bytes of lines handed to feed clients.")
SCOREBOARD_STREAMS = Gauge(
    "cds_scoreboard_streams", "Clients of scoreboard streams that are connected.", multiprocess_mode="livesum"
)
SCOREBOARD_STREAMS_REFUSED = Counter(
    "cds_scoreboard_streams_refused_total",
    "Clients of scoreboard streams that were turned away because all places of a worker were taken.",
)
SCOREBOARD_STREAMS_CUT_OFF = Counter(
    "cds_scoreboard_streams_cut_off_total", "Clients of scoreboard streams that were cut off because they took nothing."
)

WEBHOOKS = Gauge("cds_webhooks", "Webhooks by what they are doing.", ("state",), multiprocess_mode="livesum")
WEBHOOK_CALLS = Counter("cds_webhook_calls_total", "Callbacks made.", ("outcome",))
WEBHOOK_LAG_EVENTS = Gauge(
    "cds_webhook_lag_events", "Events that a webhook has not been told of.", ("webhook",), multiprocess_mode="livemax"
)

RELAY_UPSTREAM_REACHABLE = Gauge(
    "cds_relay_upstream_reachable",
    "Whether the upstream of a relay answered when it was last asked.",
    multiprocess_mode="livemin",
)
RELAY_AUDIENCES = Gauge(
    "cds_relay_audiences", "Audiences whose feeds a relay has.", ("state",), multiprocess_mode="livesum"
)
RELAY_LINES = Counter("cds_relay_lines_total", "Lines that a relay has got from its upstream.")
RELAY_LINES_BYTES = Gauge(
    "cds_relay_lines_bytes", "Memory that the lines of all audiences take, about.", multiprocess_mode="livesum"
)
RELAY_CUT_OFF = Counter("cds_relay_feeds_cut_off_total", "Times that a feed of the upstream came to an end.")
RELAY_AUDIENCES_ENDED = Counter(
    "cds_relay_audiences_ended_total", "Audiences that a relay has forgotten, and why.", ("reason",)
)
RELAY_ANSWERS = Counter(
    "cds_relay_answers_total", "Answers of a relay that are no feeds, by where they came from.", ("origin",)
)
RELAY_ANSWERS_BYTES = Gauge("cds_relay_answers_bytes", "Bodies of answers that are kept.", multiprocess_mode="livesum")

PUBLISHED_LINES = Counter("cds_published_lines_total", "Lines that were published to JetStream.")
PUBLISHED_MESSAGES = Counter("cds_published_messages_total", "Messages that were published to JetStream.")
PUBLISHING_WANTED = Gauge(
    "cds_publishing_wanted", "1 where the settings name servers to publish to.", multiprocess_mode="livemax"
)
PUBLISHER_LAG_LINES = Gauge(
    "cds_publisher_lag_lines",
    "Lines of all audiences that JetStream is not known to keep.",
    multiprocess_mode="livesum",
)
PUBLISHER_LAG_S = Gauge(
    "cds_publisher_lag_seconds",
    "Since when there are such lines, or it is not known whether there are; 0 while there are none.",
    multiprocess_mode="livemax",
)
PUBLISHER_CONNECTED = Gauge(
    "cds_publisher_connected", "1 while the publisher is connected to NATS.", multiprocess_mode="livesum"
)
PUBLISHING_INTERRUPTED = Counter(
    "cds_publishing_interrupted_total", "Times that the publishing of a contest had to be taken up again."
)
STREAM_SETTINGS_REFUSED = Counter(
    "cds_stream_settings_refused_total", "Times that JetStream refused to keep a stream as the settings say."
)

EDGE_LINES = Counter("cds_edge_lines_total", "Lines that an edge has taken in.")
EDGE_TOLD_S = Histogram(
    "cds_edge_told_seconds",
    "From a message of lines being published to its being taken in by an edge.",
    buckets=LATENCY_BUCKETS_S,
)
EDGE_LAG_MESSAGES = Gauge(
    "cds_edge_lag_messages", "Messages that an edge has yet to take in.", ("contest",), multiprocess_mode="livemax"
)
EDGE_LAG_S = Gauge(
    "cds_edge_lag_seconds",
    "Since when the view that is furthest behind has not been level; 0 while all are.",
    multiprocess_mode="livemax",
)
EDGE_CUT_OFF = Counter("cds_edge_consumers_cut_off_total", "Times that a consumer of an edge was lost.")
EDGE_FILLED = Counter("cds_edge_filled_total", "Times that an edge had lines from the core.")
EDGE_SET_ASIDE = Gauge(
    "cds_edge_contests_set_aside",
    "Published contests that an edge cannot read, or of which the core has nothing to tell.",
    multiprocess_mode="livemax",
)
EDGE_NATS_CONNECTED = Gauge(
    "cds_edge_nats_connected", "1 while an edge is connected to NATS.", multiprocess_mode="livemin"
)
EDGE_VIEWERS_ASKED = Counter("cds_edge_viewers_asked_total", "Times that the core was asked who somebody is.")
EDGE_FILES_UNWRITTEN = Counter(
    "cds_edge_files_unwritten_total", "Files that an edge could not write to its disk, and passed on."
)
EDGE_ANSWERS = Counter(
    "cds_edge_answers_total", "Answers of an edge to requests of the API, by where they came from.", ("origin",)
)

SOURCE_CONNECTED = Gauge(
    "cds_source_connected", "1 while an upstream is being heard.", ("source",), multiprocess_mode="livemax"
)
SOURCE_LAST_HEARD_S = Gauge(
    "cds_source_last_heard_seconds",
    "When an upstream was last heard, if only an empty line, in seconds since the Unix epoch.",
    ("source",),
    multiprocess_mode="livemax",
)
SOURCE_LINES = Counter("cds_source_lines_total", "Lines that an upstream has said.", ("source",))
SOURCE_WARNINGS = Counter("cds_source_warnings_total", "Oddities in what an upstream has said.", ("source",))
SOURCE_OUTAGES = Counter("cds_source_outages_total", "Times that an upstream could not be heard.", ("source",))
SOURCE_FILES = Gauge(
    "cds_source_files", "Files of an upstream that were fetched.", ("source",), multiprocess_mode="livemax"
)
SOURCE_LAG_S = Histogram(
    "cds_source_lag_seconds",
    "From the arrival of lines of an upstream to their being in the contest.",
    buckets=LATENCY_BUCKETS_S,
)

SYNC_RUNS = Counter(
    "cds_sync_runs_total", "Runs of the platform sync, by what became of them.", ("platform", "outcome")
)
SYNC_CONTESTS = Counter(
    "cds_sync_contests_total",
    "Contests in runs of the platform sync: new, there already, failed.",
    ("platform", "count"),
)
PLATFORM_REQUESTS = Counter(
    "cds_platform_requests_total",
    "Requests to platforms: answered, or why not.",
    ("host", "outcome"),
)
SYNC_S = Histogram(
    "cds_sync_seconds",
    "How long a run of the platform sync takes.",
    ("platform",),
    buckets=(0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0),
)

STUDENT_SYNCS = Counter(
    "cds_student_syncs_total", "Syncs of students with Codeforces, by what became of them.", ("outcome",)
)

CONTESTS = Gauge("cds_contests", "Contests in memory.", multiprocess_mode="livemin")
EVENT_LOOP_LAG_S = Histogram(
    "cds_event_loop_lag_seconds",
    "How much later than due a timer went off: as long does everybody wait.",
    buckets=LATENCY_BUCKETS_S,
)

DATABASE_REACHABLE = Gauge(
    "cds_database_reachable", "Whether the database answered when it was last asked.", multiprocess_mode="livemin"
)
LISTEN_LOST = Counter("cds_hint_connections_lost_total", "Times that the connection for hints was lost.")
WORKER_RESTARTS = Counter("cds_worker_restarts_total", "Times that a worker was started again after it had ended.")
DUTIES_LOST = Counter("cds_duties_lost_total", "Times that a duty was laid down because its hold was lost.", ("duty",))

CERTIFICATE_ENDS_S = Gauge(
    "cds_certificate_ends_seconds",
    "Until when the certificate is valid, in seconds since the Unix epoch.",
    multiprocess_mode="livemin",
)

# The library measures its own process, which is not there with several workers; these have the names that dashboards
# expect, and are set by every worker.
REGISTRY.unregister(PROCESS_COLLECTOR)
PROCESS_RESIDENT_BYTES = Gauge(
    "process_resident_memory_bytes", "Resident memory of a process, in bytes.", multiprocess_mode="liveall"
)
PROCESS_CPU_S = Counter("process_cpu_seconds_total", "User and system time of the processor that was spent.")
PROCESS_OPEN_FILES = Gauge("process_open_fds", "Files that a process has open.", multiprocess_mode="liveall")
PROCESS_OPEN_FILES_MAX = Gauge("process_max_fds", "Files that a process may have open.", multiprocess_mode="liveall")
PROCESS_STARTED_S = Gauge(
    "process_start_time_seconds",
    "When a process started, in seconds since the Unix epoch.",
    multiprocess_mode="liveall",
)
BUILD = Gauge("cds_build", "1, with the version of this program.", ("version",), multiprocess_mode="livemax")
