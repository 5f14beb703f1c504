"""An LSTM with a dense layer as an ONNX file.

An ONNX file is a protocol buffer of a few message types (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). For
one fixed graph they are written here, so that training needs torch and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from aislehub.demand.panel import FloatArray

__all__ = ["lstm_graph"]

Value = int | str | bytes
IR_VERSION, OPSET = 8, 17
FLOAT, INT64 = 1, 7
INT, INTS = 2, 7


def lstm_graph(weights: Mapping[str, FloatArray], *, window: int, notes: Mapping[str, str]) -> bytes:
    """The content of an ONNX file: `windows (n, window, features) → next (n, 1)`, both float32.

    Args:
        weights: as torch names and lays them out: `weight_ih (4 · units, features)`, `weight_hh (4 · units, units)` and
            `bias (4 · units,)` with the gates input, forget, cell, output; `dense (1, units)`, `dense_bias (1,)`.
        window: periods in a window.
        notes: kept in the file's metadata.
    """
    units, features = weights["weight_hh"].shape[1], weights["weight_ih"].shape[1]
    bias = _gates(weights["bias"])
    tensors = {
        "kernel": _gates(weights["weight_ih"])[None],
        "recurrent": _gates(weights["weight_hh"])[None],
        "bias": np.concatenate([bias, np.zeros_like(bias)])[None],
        "dense": weights["dense"].T,
        "dense_bias": weights["dense_bias"],
        "first": np.array([0], dtype=np.int64),
    }
    nodes = [
        _node("Transpose", ["windows"], ["steps"], _message((1, "perm"), (8, 1), (8, 0), (8, 2), (20, INTS))),
        _node(
            "LSTM",
            ["steps", "kernel", "recurrent", "bias"],
            ["", "last"],
            _message((1, "hidden_size"), (3, units), (20, INT)),
        ),
        _node("Squeeze", ["last", "first"], ["hidden"]),
        _node("Gemm", ["hidden", "dense", "dense_bias"], ["next"]),
    ]
    graph = _message(
        *((1, node) for node in nodes),
        (2, "lstm"),
        *((5, _tensor(name, values)) for name, values in tensors.items()),
        (11, _port("windows", ["n", window, features])),
        (12, _port("next", ["n", 1])),
    )
    return _message(
        (1, IR_VERSION),
        (2, "aislehub"),
        (7, graph),
        (8, _message((1, ""), (2, OPSET))),
        *((14, _message((1, key), (2, note))) for key, note in notes.items()),
    )


def _gates(values: FloatArray) -> FloatArray:
    """From torch's order of gates (input, forget, cell, output) to ONNX's (input, output, forget, cell)."""
    gate_in, forget, cell, out = np.split(values, 4)
    return np.concatenate([gate_in, out, forget, cell])


def _node(kind: str, inputs: Sequence[str], outputs: Sequence[str], *attributes: bytes) -> bytes:
    return _message(
        *((1, name) for name in inputs), *((2, name) for name in outputs), (4, kind), *((5, one) for one in attributes)
    )


def _tensor(name: str, values: FloatArray) -> bytes:
    whole = values.dtype == np.int64
    raw = np.ascontiguousarray(values, dtype="<i8" if whole else "<f4").tobytes()
    return _message(*((1, size) for size in values.shape), (2, INT64 if whole else FLOAT), (8, name), (9, raw))


def _port(name: str, shape: Sequence[int | str]) -> bytes:
    """A named input or output of float32; a size given as text is free."""
    sizes = [_message((1, size) if isinstance(size, int) else (2, size)) for size in shape]
    tensor = _message((1, FLOAT), (2, _message(*((1, size) for size in sizes))))
    return _message((1, name), (2, _message((1, tensor))))


def _message(*fields: tuple[int, Value]) -> bytes:
    """A protocol-buffer message: numbers as varints, everything else with its length."""
    parts = bytearray()
    for number, value in fields:
        if isinstance(value, int):
            parts += _varint(number << 3) + _varint(value)
        else:
            content = value.encode() if isinstance(value, str) else value
            parts += _varint(number << 3 | 2) + _varint(len(content)) + content
    return bytes(parts)


def _varint(value: int) -> bytes:
    """Seven bits a byte, lowest first; the high bit says that more follow."""
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
