"""Figures for Prometheus of what Slack shows, and of how far it is behind."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge

from engine.slack.views import SlackStatus


class SlackFigures:
    """Gauges in the registry of a server; what they say is of the whole installation."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Begin at zero."""
        self._threads = Gauge("genie_slack_threads", "Threads that are out of date, or have trouble", ["state"], registry=registry)
        self._messages = Gauge("genie_slack_messages", "Messages that are there, or were given up", ["state"], registry=registry)
        self._behind = Gauge("genie_slack_behind_seconds", "For how long the first thread is out of date", registry=registry)
        self._unanswered = Gauge("genie_slack_unanswered", "How often in a row Slack did not answer", registry=registry)

    def show(self, status: SlackStatus) -> None:
        """Set them."""
        self._threads.labels("waiting").set(status.waiting)
        self._threads.labels("troubled").set(len(status.troubled))
        self._messages.labels("posted").set(status.posted)
        self._messages.labels("given_up").set(status.given_up)
        self._behind.set(status.oldest_s or 0)
        self._unanswered.set(status.failures)
