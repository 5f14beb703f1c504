"""Where each table of a day came from, as OpenLineage events that catalogues (Marquez, DataHub) read.

Specification 2-0-2, https://openlineage.io/spec/2-0-2/OpenLineage.json: two run events for each step of the day, its
start and its end, with the datasets read and written, their versions and what made them.
"""

from __future__ import annotations

import json
import uuid
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from aislehub import __version__
from aislehub.core.errors import HubError
from aislehub.core.hub import Hub
from aislehub.core.state import runs
from aislehub.core.step import Step

__all__ = ["PRODUCER", "lineage_of"]

PRODUCER = f"urn:aislehub:{__version__}"
_SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
_FACET = "https://openlineage.io/spec/facets/{}.json#/$defs/{}"
_RUN = uuid.UUID("6f0b5f1c-2a9e-5c0e-9d3e-8a1f5f2d7c11")  # namespace of the ids that runs get


def lineage_of(hub: Hub, day: date, namespace: str = "aislehub") -> list[dict[str, Any]]:
    """The events of one business day, in the order in which they happened.

    Raises:
        HubError: `privacy.no_runs` when the day was never run.
    """
    with hub.state.connect() as connection:
        rows = [dict(row._mapping) for row in connection.execute(select(runs).where(runs.c.day == day))]
    if not rows:
        raise HubError("privacy.no_runs", day=day)
    steps = {step.name: step for step in hub.registry.steps}
    events = [event for row in rows for event in _events(hub, row, steps.get(row["step"]), namespace)]
    return sorted(events, key=lambda event: event["eventTime"])


def _events(hub: Hub, row: dict[str, Any], step: Step | None, namespace: str) -> list[dict[str, Any]]:
    ended = row["at"]
    began = ended - timedelta(seconds=row["seconds"])
    versions = json.loads(row["versions"])
    common: dict[str, Any] = {
        "producer": PRODUCER, "schemaURL": _SPEC,
        "run": {"runId": str(uuid.uuid5(_RUN, f"{row['run']}/{row['day']}/{row['step']}")),
                "facets": {"nominalTime": _facet("1-0-1/NominalTimeRunFacet", nominalStartTime=_utc(row["day"]))}},
        "job": {"namespace": namespace, "name": row["step"], "facets": _job_facets(step)},
        "inputs": [_dataset(hub, name, version, namespace) for name, version in versions.items()],
    }  # fmt: skip
    failed = row["state"] != "ran"
    output = [] if step is None else [_dataset(hub, step.writes.name, None, namespace)]
    if output and not failed:
        output[0]["outputFacets"] = {
            "outputStatistics": _facet("1-0-2/OutputStatisticsOutputDatasetFacet", rowCount=row["rows"])
        }
        output[0]["facets"]["version"] = _facet("1-0-1/DatasetVersionDatasetFacet", datasetVersion=row["output"])
    run = common["run"]
    more = {
        "aislehub": _facet("1-0-2/BaseFacet", signature=row["signature"], seconds=row["seconds"], state=row["state"])
    }
    more["aislehub"]["_schemaURL"] = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunFacet"
    if failed:
        told = row["why"] or row["state"]
        more["errorMessage"] = _facet("1-0-1/ErrorMessageRunFacet", message=told, programmingLanguage="PYTHON")
    start = common | {"eventType": "START", "eventTime": began.isoformat(), "outputs": []}
    end = common | {
        "eventType": "FAIL" if failed else "COMPLETE", "eventTime": ended.isoformat(), "outputs": output,
        "run": {**run, "facets": run["facets"] | more},
    }  # fmt: skip
    return [start, end]


def _job_facets(step: Step | None) -> dict[str, Any]:
    facets = {
        "jobType": _facet("2-0-4/JobTypeJobFacet", processingType="BATCH", integration="AISLEHUB", jobType="STEP")
    }
    if step is not None and step.function.__doc__:
        said = step.function.__doc__.strip().splitlines()[0]
        facets["documentation"] = _facet("1-1-0/DocumentationJobFacet", description=said)
    return facets


def _dataset(hub: Hub, name: str, version: int | None, namespace: str) -> dict[str, Any]:
    facets: dict[str, Any] = {}
    contract = hub.registry.contracts.get(name)
    if contract is not None:
        fields = [{"name": c.name, "type": c.type, "description": c.help} for c in contract.columns]
        facets["schema"] = _facet("1-2-0/SchemaDatasetFacet", fields=fields)
    if version is not None:
        facets["version"] = _facet("1-0-1/DatasetVersionDatasetFacet", datasetVersion=str(version))
    return {"namespace": namespace, "name": name, "facets": facets}


def _facet(schema: str, **values: Any) -> dict[str, Any]:
    return {"_producer": PRODUCER, "_schemaURL": _FACET.format(schema, schema.partition("/")[2]), **values}


def _utc(day: date) -> str:
    return f"{day.isoformat()}T00:00:00+00:00"
