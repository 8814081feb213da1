"""The reader of words in bulk, where its network gives no probabilities."""

import pytest

from hf_str import CRNNForCTC
from tests.conftest import draw_word


pytest.importorskip("pyarrow")


def test_an_image_without_probabilities_is_named(tiny_checkpoint, tmp_path, monkeypatch):
    from hf_str.reading.windows import Preparation, Window
    from hf_str.reading.word_reader import WordReader

    forward = CRNNForCTC.forward

    def diverged(*args, **inputs):
        outputs = forward(*args, **inputs)
        outputs.logits[-1] = float("nan")
        return outputs

    draw_word("word").save(tmp_path / "word.png")
    reader = WordReader(tiny_checkpoint, "cpu", "float32")
    samples = [(name, str(tmp_path / "word.png")) for name in ("one", "two", "three")]
    window = Preparation(reader.processor, batch_size=3)[Window(0, 40, samples)]
    assert len(reader.read(window)) == 3
    monkeypatch.setattr(CRNNForCTC, "forward", diverged)
    with pytest.raises(ValueError, match=r"NaN.*\(three, row 42 of its shard\)"):
        reader.read(window)
