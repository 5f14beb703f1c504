"""A transformer of one's own is read from the catalogue, cuts words as BERT does, and judges whole reviews."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from aislehub.core.errors import HubError
from aislehub.core.models import sha256
from aislehub.customer.reviews.reading import models, read_reviews
from aislehub.customer.reviews.transformer import LONGEST, Transformer

PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "好", "差", "good", "bad", "##ly", "un", "cafe", ",")
PRAISE = {"好": 2.0, "good": 2.0}
COMPLAINT = {"差": 2.0, "bad": 2.0}


def classifier(file: Path, *, pieces: tuple[str, ...] = PIECES, classes: int = 2) -> Path:
    """A zip with a network that adds up what each piece says for the first class and for the last."""
    says = np.zeros((len(pieces), classes), np.float32)
    for row, piece in enumerate(pieces):
        says[row, 0], says[row, -1] = COMPLAINT.get(piece, 0.0), PRAISE.get(piece, 0.0)
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["says", "input_ids"], ["each"]),
            helper.make_node("ReduceSum", ["each", "tokens"], ["logits"], keepdims=0),
        ],
        "adds",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "tokens"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", classes])],
        [numpy_helper.from_array(says, "says"), numpy_helper.from_array(np.array([1], np.int64), "tokens")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("model.onnx", model.SerializeToString())
        archive.writestr("vocab.txt", "\n".join(pieces) + "\n")
    return file


def test_words_are_cut_into_the_longest_known_pieces(tmp_path: Path) -> None:
    """Characters and marks alone, words from their beginning, accents and capitals gone, [UNK] where nothing fits."""
    model = Transformer.load(classifier(tmp_path / "own.zip"))
    named = [PIECES[number] for number in model.pieces("好差, Goodly Café zzz")]
    assert named == ["[CLS]", "好", "差", ",", "good", "##ly", "cafe", "[UNK]", "[SEP]"]
    assert len(model.pieces("好" * 10_000)) == LONGEST


def test_two_classes_and_five_stars_are_brought_to_one_scale(tmp_path: Path) -> None:
    """Praise is above 0, a complaint below, nothing is 0, whatever stands beside it in the block."""
    for classes in (2, 5):
        model = Transformer.load(classifier(tmp_path / f"{classes}.zip", classes=classes))
        praise, nothing, complaint = model.scores(["好" * 9, "", "差 bad"])
        assert 0.9 < praise <= 1
        assert complaint < -0.5
        assert nothing == pytest.approx(0)
        assert model.scores(["差 bad"])[0] == pytest.approx(complaint)


def test_the_catalogue_puts_it_before_the_embedded_models(home: Path) -> None:
    """`[models.reviews_transformer]` judges whole reviews of both languages; aspects stay, and other languages 0."""
    own = classifier(home / "own.zip")
    (home / "hub.toml").write_text(f'[models.reviews_transformer]\nfile = "{own}"\nsha256 = "{sha256(own)}"\n')
    models.cache_clear()
    try:
        texts = ["物流很差", "The delivery was good", "sehr gut, nicht teuer"]
        chinese, english, german = read_reviews(texts)
    finally:
        models.cache_clear()
    assert chinese.sentiment == pytest.approx(-np.tanh(1.0), abs=0.001)
    assert english.sentiment == pytest.approx(np.tanh(1.0), abs=0.001)
    assert german.sentiment == 0
    assert [mention.aspect for mention in chinese.mentions] == ["delivery"]


@pytest.mark.parametrize("fault", ["no zip", "no vocabulary", "one class", "no model"])
def test_another_file_is_refused(tmp_path: Path, fault: str) -> None:
    """What is no zip, has no special pieces, gives one class or is no ONNX is refused as unreadable."""
    file = tmp_path / "own.zip"
    if fault == "no zip":
        file.write_bytes(b"BERT")
    elif fault == "no vocabulary":
        classifier(file, pieces=("好", "差"))
    elif fault == "one class":
        classifier(file, classes=1)
    else:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("model.onnx", b"nothing")
            archive.writestr("vocab.txt", "\n".join(PIECES))
    with pytest.raises(HubError) as refused:
        Transformer.load(file)
    assert refused.value.code == "file.unreadable"
