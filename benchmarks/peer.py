"""What a general tool takes for the same orders: dlt, as it comes and tuned. Imports nothing of ours.

dlt is no dependency of the product, not even of its development: it may live in an environment of its own, whose Python
is named on the command line of the benchmark (``requirements.txt`` in this folder says how to make it).
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from typing import Any


def dlt_load(base_url: str, token: str, location: str, begin: str, end: str, url: str, how: str) -> dict[str, float]:
    """Orders of the location from the POS into a schema of the database; ``how`` is ``default`` or ``tuned``."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DLT_DATA_DIR"] = folder
        os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
        os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"
        if how == "tuned":
            # Two cores: extraction buffers whole pages, two processes normalise, files are CSV and go in by COPY.
            os.environ["DATA_WRITER__BUFFER_MAX_ITEMS"] = "50000"
            os.environ["DATA_WRITER__FILE_MAX_ITEMS"] = "50000"
            os.environ["NORMALIZE__WORKERS"] = "2"
            os.environ["NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION"] = "true"
            os.environ["LOAD__WORKERS"] = "4"
        import dlt  # type: ignore[import-not-found, unused-ignore]
        from dlt.sources.helpers import requests  # type: ignore[import-not-found, unused-ignore]

        seen = 0

        def pages() -> Iterator[list[dict[str, Any]]]:
            nonlocal seen
            cursor = None
            while True:
                asked = search(location, begin, end, cursor)
                answer = requests.post(
                    f"{base_url}/v2/orders/search", json=asked, headers={"Authorization": f"Bearer {token}"}
                )
                answer.raise_for_status()
                page = answer.json()
                found = page.get("orders", [])
                seen += len(found)
                yield found
                cursor = page.get("cursor")
                if not cursor:
                    return

        resource = dlt.resource(pages, name="orders", primary_key="id", file_format="csv" if how == "tuned" else None)
        started = time.monotonic()
        pipeline = dlt.pipeline(
            f"peer_{how}",
            pipelines_dir=folder,
            destination=dlt.destinations.postgres(_complete(url)),
            dataset_name=f"peer_{how}",
        )
        pipeline.run(resource)
        return {"seconds": time.monotonic() - started, "orders": float(seen)}


def _complete(url: str) -> str:
    """The URL of a socket with a host and a password too: dlt wants both, the socket counts."""
    return url.replace("postgres@/", "postgres:unused@localhost/")


def search(location: str, begin: str, end: str, cursor: str | None) -> dict[str, Any]:
    """One page of the search that a reader with a single cursor asks."""
    return {
        "location_ids": [location],
        "limit": 500,
        "query": {
            "filter": {"date_time_filter": {"created_at": {"start_at": begin, "end_at": end}}},
            "sort": {"sort_field": "CREATED_AT", "sort_order": "ASC"},
        },
        **({"cursor": cursor} if cursor else {}),
    }
