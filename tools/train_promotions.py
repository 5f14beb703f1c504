"""Train the deep agent for promotions: its ONNX file, its card, and its hash in the model catalogue.

    .venv/bin/python tools/train_promotions.py

Needs torch (`./hub setup deep`), onnx (the group `test`) and about two minutes of one core. It plays the twin's
environment on seeds from 100,000 on; `aislehub bench promotion` scores it on others.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import aislehub.twin.environment  # noqa: F401 - registers the environment
from aislehub.core.models import sha256
from aislehub.price.dqn import Learned, Schedule, train

__all__ = ["main"]

SOURCE = Path(__file__).parents[1] / "src" / "aislehub"
FILE = SOURCE / "price" / "promotion_dqn.onnx"
CATALOGUE = SOURCE / "core" / "models.toml"
ENVIRONMENT: dict[str, Any] = {"family": "heterogeneous", "stores": 3, "items": 40, "world_seed": 1}
SEED = 100_000


def main() -> None:
    """Train, and write file, card and hash."""
    began = time.process_time()
    schedule = Schedule()
    learned = train(lambda: gymnasium.make("aislehub/Promotions-v0", **ENVIRONMENT), schedule, seed=SEED)
    write_onnx(learned, FILE)
    digest = sha256(FILE)
    card = {
        "model": "double DQN, two hidden layers",
        "environment": {"id": "aislehub/Promotions-v0", **ENVIRONMENT},
        "data": "simulated: the twin's frozen family",
        **asdict(schedule),
        "seed": SEED,
        "rewards": learned.rewards,
        "cpu_s": round(time.process_time() - began),
        "torch": version("torch"),
        "made_by": "tools/train_promotions.py",
        "licence": "Apache-2.0",
        "sha256": digest,
    }
    FILE.with_suffix(".json").write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    listed = CATALOGUE.read_text(encoding="utf-8")
    CATALOGUE.write_text(
        re.sub(r'(\[promotion_dqn\][^\[]*\nsha256 = ")\w*', rf"\g<1>{digest}", listed), encoding="utf-8"
    )


def write_onnx(learned: Learned, file: Path) -> None:
    """The network as a graph of products, sums and ReLUs."""
    nodes: list[Any] = []
    tensors: list[Any] = []
    value, last = "observation", len(learned.layers) - 1
    for place, (weight, bias) in enumerate(learned.layers):
        tensors += [numpy_helper.from_array(array, f"{kind}{place}") for kind, array in (("w", weight), ("b", bias))]
        out = "values" if place == last else f"layer{place}"
        nodes.append(helper.make_node("Gemm", [value, f"w{place}", f"b{place}"], [out]))
        if place < last:
            nodes.append(helper.make_node("Relu", [out], [f"{out}r"]))
            value = f"{out}r"
    inputs, outputs = learned.layers[0][0].shape[0], learned.layers[-1][0].shape[1]
    graph = helper.make_graph(
        nodes, "promotion_dqn",
        [helper.make_tensor_value_info("observation", TensorProto.FLOAT, ["n", inputs])],
        [helper.make_tensor_value_info("values", TensorProto.FLOAT, ["n", outputs])],
        tensors,
    )  # fmt: skip
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made)
    file.write_bytes(made.SerializeToString())


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore")
    main()
