"""A network from the user's file forecasts like any model; what does not fit is refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aislehub.core.errors import HubError
from aislehub.core.models import sha256
from aislehub.demand.forecast import Forecaster
from aislehub.demand.models import make_model
from aislehub.demand.panel import Panel

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402


def catalogued(
    home: Path, *, shape: tuple[object, ...] = ("n", 14), kind: int = TensorProto.FLOAT, quantiles: bool = False,
    name: str = "wise", output: str = "mean",
) -> None:  # fmt: skip
    """A network that repeats the last 7 periods of its context, 14 long, in the catalogue under a name.

    With quantiles it returns three: 0, 1 and 2 times the mean.
    """
    nodes = [helper.make_node("Slice", ["context", "start", "end", "axis"], ["week"])]
    numbers = {"start": [-7], "end": [2**31], "axis": [1]}
    constants = [numpy_helper.from_array(np.array(value, np.int64), key) for key, value in numbers.items()]
    result = [shape[0], 7]
    if quantiles:
        constants.append(numpy_helper.from_array(np.array([[[0.0, 1.0, 2.0]]], np.float32), "times"))
        constants.append(numpy_helper.from_array(np.array([2], np.int64), "last"))
        nodes += [
            helper.make_node("Unsqueeze", ["week", "last"], ["column"]),
            helper.make_node("Mul", ["column", "times"], [output]),
        ]
        result.append(3)
    else:
        nodes.append(helper.make_node("Identity", ["week"], [output]))
    graph = helper.make_graph(
        nodes,
        "wise",
        [helper.make_tensor_value_info("context", kind, shape)],
        [helper.make_tensor_value_info(output, kind, result)],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    enter(home, name, model.SerializeToString())


def enter(home: Path, name: str, content: bytes, digest: str = "") -> Path:
    """A file in the user's model catalogue."""
    file = home / f"{name}.onnx"
    file.write_bytes(content)
    (home / "hub.toml").write_text(f'[models.{name}]\nfile = "{file}"\nsha256 = "{digest or sha256(file)}"\n')
    return file


def weeks(series: int = 3, days: int = 30, horizon: int = 7) -> Panel:
    """Whole numbers that rise over each week, at three levels."""
    table = pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(series), days),
            "ds": np.tile(pd.date_range("2024-01-01", periods=days), series),
            "y": np.concatenate([(number + 1.0) * (np.arange(days) % 7) for number in range(series)]),
        }
    )
    return Panel.from_table(table, horizon)


def forecast(panel: Panel) -> np.ndarray:
    """Means by the network in the catalogue."""
    model = make_model("onnx:wise")
    model.fit(panel, horizon=panel.horizon, seed=0)
    return model.predict(panel)


@pytest.mark.parametrize("quantiles", [False, True])
@pytest.mark.parametrize("shape", [("n", 14), ("n", "context"), (2, 14), (500, 14)])
def test_sizes_are_read_from_the_file(home: Path, shape: tuple[object, ...], quantiles: bool) -> None:
    """Any or a fixed number of series, a fixed or any context, means or quantiles: the same forecast."""
    catalogued(home, shape=shape, quantiles=quantiles, output="anything")
    panel = weeks()
    np.testing.assert_allclose(forecast(panel), panel.y[:, -7:], rtol=1e-6)


def test_a_longer_horizon_feeds_back(home: Path) -> None:
    """A network that looks 7 periods ahead forecasts 20 by its own forecasts."""
    catalogued(home)
    panel = weeks(horizon=20)
    np.testing.assert_allclose(forecast(panel), np.tile(panel.y[:, -7:], 3)[:, :20], rtol=1e-6)


def test_short_and_empty_series_are_filled(home: Path) -> None:
    """A history shorter than the context, a series of zeros and one of a single day get finite forecasts."""
    catalogued(home)
    rows = pd.DataFrame({"unique_id": ["a"] * 5 + ["b"] * 5 + ["c"], "y": [4.0] * 5 + [0.0] * 5 + [3.0]})
    days = pd.date_range("2024-01-01", periods=5)
    rows["ds"] = [*days, *days, days[-1]]
    np.testing.assert_allclose(forecast(Panel.from_table(rows, 2)), [[4, 4], [0, 0], [3, 3]], rtol=1e-6)


def test_a_kept_forecaster_opens_the_network_again(home: Path, tmp_path: Path) -> None:
    """Saved and loaded, a forecaster of a catalogued network gives the same table."""
    catalogued(home)
    panel = weeks()
    forecaster = Forecaster.learn(panel, model="onnx:wise")
    forecaster.save(tmp_path / "kept")
    pd.testing.assert_frame_equal(Forecaster.load(tmp_path / "kept").predict(panel), forecaster.predict(panel))


def refusal() -> tuple[str, str]:
    """Code and sentence of the refusal to forecast."""
    with pytest.raises(HubError) as caught:
        forecast(weeks())
    return caught.value.code, str(caught.value)


def test_what_does_not_fit_is_refused(home: Path) -> None:
    """A missing entry or file, another hash, no network, other inputs or outputs: each by its own sentence."""
    assert refusal()[0] == "models.unknown"
    enter(home, "wise", b"no network", digest="0" * 64)
    assert refusal()[0] == "models.hash"
    enter(home, "wise", b"no network").unlink()
    assert refusal()[0] == "models.missing"
    enter(home, "wise", b"no network")
    assert refusal()[0] == "demand.onnx_unusable"
    catalogued(home, kind=TensorProto.DOUBLE)
    code, said = refusal()
    assert code == "demand.onnx_input" and "context tensor(double) ['n', 14]" in said
    catalogued(home, shape=("n", 14, 1))
    assert refusal()[0] == "demand.onnx_input"


def test_an_output_of_another_shape_is_refused(home: Path) -> None:
    """A network that returns one row for all series is named with its output and shape."""
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["context"], ["all"], axes=[0], keepdims=1)],
        "wrong",
        [helper.make_tensor_value_info("context", TensorProto.FLOAT, ["n", 14])],
        [helper.make_tensor_value_info("all", TensorProto.FLOAT, [1, 14])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    enter(home, "wise", model.SerializeToString())
    code, said = refusal()
    assert code == "demand.onnx_output" and "'all' of shape (1, 14) for 3 series" in said
