"""The state for Prometheus, served on an address of this machine."""

from typing import Any

from asd_cli.core.errors import ResourceError, UsageError
from asd_cli.pipeline.monitoring.channels import split_host
from asd_cli.pipeline.monitoring.rule import Condition
from asd_cli.pipeline.monitoring.state_of import MonitorStatus

_PORT = 9464
_GAUGES = {
    "asd_p_value": "p-value of the last clip",
    "asd_score": "Anomaly score of the last clip",
    "asd_alarm_sum": "Sum of the alarm rule as a fraction of its limit",
    "asd_drift": "Slow changes as a fraction of what is asked about",
    "asd_last_audio_seconds": "When the last sound was taken, in seconds since 1970",
    "asd_lag_seconds": "From the end of the last clip to when it was taken",
    "asd_dropped_seconds": "Sound of a stream that was not scored in time",
    "asd_outbox_events": "Events that are not delivered yet",
    "asd_disk_free_bytes": "Free space where results are kept",
}


class Metrics:
    """Gauges of one machine.

    Parameters
    ----------
    address : str
        ``HOST:PORT``; port 0 for any.

    Raises
    ------
    UsageError
        When the package is missing, or the address is none.
    ResourceError
        When the address cannot be listened on.
    """

    def __init__(self, address: str) -> None:
        try:
            import prometheus_client as prometheus
        except ImportError:
            raise UsageError(
                "metrics need a package that is not installed",
                hint="pip install 'asd-cli[metrics]'",
            ) from None
        host, port = split_host(address, _PORT)
        registry = prometheus.CollectorRegistry()
        labels = ["machine"]
        self._gauges: dict[str, Any] = {
            name: prometheus.Gauge(name, text, labels, registry=registry)
            for name, text in _GAUGES.items()
        }
        self._state = prometheus.Gauge(
            "asd_alarm_state", "1 for the state of the machine", [*labels, "state"],
            registry=registry,
        )  # fmt: skip
        self._clips = prometheus.Gauge(
            "asd_clips_total", "Clips so far", [*labels, "state"], registry=registry
        )
        try:
            self._server, self._thread = prometheus.start_http_server(port, host, registry)
        except OSError as error:
            raise ResourceError(
                f"metrics cannot be served on {address}: {error.strerror}",
                hint="choose another port: --metrics 127.0.0.1:9465",
            ) from error

    @property
    def port(self) -> int:
        """Port that is listened on."""
        return int(self._server.server_port)

    def update(self, status: MonitorStatus) -> None:
        """Take the state; what is not known is NaN."""
        state = status.state
        values = {
            "asd_p_value": status.p_value, "asd_score": status.score,
            "asd_alarm_sum": state.total / status.alarm_at if status.alarm_at else None,
            "asd_drift": status.drift, "asd_last_audio_seconds": status.heard_at,
            "asd_lag_seconds": status.lag_seconds,
            "asd_dropped_seconds": status.dropped_seconds,
            "asd_outbox_events": status.waiting, "asd_disk_free_bytes": status.disk_free,
        }  # fmt: skip
        for name, value in values.items():
            gauge = self._gauges[name].labels(status.machine)
            gauge.set(float("nan") if value is None else value)
        for condition in Condition:
            self._state.labels(status.machine, str(condition)).set(state.announced is condition)
            number = status.clips.get(str(condition), 0)
            self._clips.labels(status.machine, str(condition)).set(number)

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
