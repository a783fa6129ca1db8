"""The only door to Prometheus: every metric, and the endpoint that serves them."""

from poe.metrics.catalog import Metrics, new_metrics
from poe.metrics.doors import GAS_OUTCOMES
from poe.metrics.market import WINNER_SERIES
from poe.metrics.server import Health, serve_metrics

__all__ = ["GAS_OUTCOMES", "WINNER_SERIES", "Health", "Metrics", "new_metrics", "serve_metrics"]
