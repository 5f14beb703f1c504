"""What OpenLineage 2-0-2 asks of a run event and of the facets that we write, as a JSON schema of our own words.

Fields and versions are those of https://openlineage.io/spec/2-0-2/OpenLineage.json and of the facets' pages beside it
(Apache-2.0). It is stricter than they are: a field that the specification does not know is refused.
"""

from __future__ import annotations

from typing import Any

__all__ = ["EVENT"]

_SPEC = "https://openlineage.io/spec/"
_TEXT, _URI = {"type": "string", "minLength": 1}, {"type": "string", "format": "uri"}
_TIME, _COUNT = {"type": "string", "format": "date-time"}, {"type": "integer", "minimum": 0}


def _object(needed: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return {
        "type": "object", "properties": needed | optional, "required": list(needed), "additionalProperties": False,
    }  # fmt: skip


def _facet(where: str, needed: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return _object({"_producer": _URI, "_schemaURL": {"const": _SPEC + where}} | needed, **optional)


def _facets(**known: Any) -> dict[str, Any]:
    return _object({}, **known)


_FIELD = _object({"name": _TEXT}, type=_TEXT, description={"type": "string"})
_DATASET_FACETS = _facets(
    schema=_facet(
        "facets/1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet", {"fields": {"type": "array", "items": _FIELD}}
    ),
    version=_facet(
        "facets/1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet", {"datasetVersion": _TEXT}
    ),
)
_OUTPUT_FACETS = _facets(
    outputStatistics=_facet(
        "facets/1-0-2/OutputStatisticsOutputDatasetFacet.json#/$defs/OutputStatisticsOutputDatasetFacet",
        {},
        rowCount=_COUNT,
        size=_COUNT,
        fileCount=_COUNT,
    )
)
_RUN_FACETS = _facets(
    nominalTime=_facet(
        "facets/1-0-1/NominalTimeRunFacet.json#/$defs/NominalTimeRunFacet",
        {"nominalStartTime": _TIME},
        nominalEndTime=_TIME,
    ),
    errorMessage=_facet(
        "facets/1-0-1/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet",
        {"message": {"type": "string"}, "programmingLanguage": _TEXT},
        stackTrace={"type": "string"},
    ),
    aislehub=_facet(  # a facet of one's own keeps the general form
        "2-0-2/OpenLineage.json#/$defs/RunFacet",
        {"signature": _TEXT, "seconds": {"type": "number"}, "state": _TEXT},
    ),
)
_JOB_FACETS = _facets(
    jobType=_facet(
        "facets/2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet",
        {"processingType": {"enum": ["BATCH", "STREAMING", "SERVICE"]}, "integration": _TEXT},
        jobType=_TEXT,
    ),
    documentation=_facet(
        "facets/1-1-0/DocumentationJobFacet.json#/$defs/DocumentationJobFacet", {"description": _TEXT}
    ),
)
_DATASET = {"namespace": _TEXT, "name": _TEXT}
_INPUT = _object(_DATASET, facets=_DATASET_FACETS)
_OUTPUT = _object(_DATASET, facets=_DATASET_FACETS, outputFacets=_OUTPUT_FACETS)

EVENT = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | _object(
    {
        "eventTime": _TIME,
        "producer": _URI,
        "schemaURL": {"const": _SPEC + "2-0-2/OpenLineage.json#/$defs/RunEvent"},
        "run": _object({"runId": {"type": "string", "format": "uuid"}}, facets=_RUN_FACETS),
        "job": _object({"namespace": _TEXT, "name": _TEXT}, facets=_JOB_FACETS),
    },
    eventType={"enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]},
    inputs={"type": "array", "items": _INPUT},
    outputs={"type": "array", "items": _OUTPUT},
)
