# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Which images go through the network together, and how much memory that takes."""

from types import SimpleNamespace

import pytest
import torch
from PIL import Image
from torch.utils._python_dispatch import TorchDispatchMode

from hf_str import CRNNConfig, CRNNForCTC, CRNNImageProcessorPil, CRNNProcessor, CRNNTokenizer, ImageToTextPipeline
from hf_str.evaluation.recognizers import CRNNRecognizer
from hf_str.inference.bulk_recognizer import BulkRecognizer
from hf_str.inference.windows import Prepared
from hf_str.models.crnn import image_batching_crnn
from hf_str.models.crnn.ctc_decoding_crnn import CTCHypothesis, NonFiniteLogitsError
from hf_str.models.crnn.image_batching_crnn import (
    Batch,
    bound_logits,
    keep_most_confident,
    make_batches,
    recognize_batches,
    window_size,
)


WORDS = [Image.effect_noise((width, 32), 80) for width in (40, 200, 45, 100, 190, 64, 32)]


def check(batches, image_processor):
    """Each image is in one batch, as it is, and as the image processor makes it alone."""
    assert not any(rotation for batch in batches for rotation in batch.rotations)
    assert sorted(index for batch in batches for index in batch.indices) == list(range(len(WORDS)))
    for batch in batches:
        assert batch.sizes == [(WORDS[index].height, WORDS[index].width) for index in batch.indices]
        for row, index in enumerate(batch.indices):
            alone = image_processor(WORDS[index], return_tensors="pt").pixel_values[0]
            assert torch.equal(batch.inputs["pixel_values"][row, ..., : alone.shape[-1]], alone)


def test_images_of_one_size_come_in_their_order():
    image_processor = CRNNImageProcessorPil()
    batches = make_batches(WORDS, image_processor, 3)
    assert [batch.indices for batch in batches] == [[0, 1, 2], [3, 4, 5], [6]]
    assert window_size(image_processor, 3) == 3
    check(batches, image_processor)


def test_wide_and_narrow_images_go_apart():
    image_processor = CRNNImageProcessorPil(keep_aspect_ratio=True, max_width=256)
    batches = make_batches(WORDS, image_processor, 4)
    assert [batch.indices for batch in batches] == [[6, 0, 2, 5], [3, 4, 1]]
    assert batches[0].inputs["pixel_mask"].sum(-1)[:, 0].tolist() == [32, 40, 45, 64]
    assert window_size(image_processor, 4) > 4
    check(batches, image_processor)


def test_images_of_few_widths_are_never_padded():
    image_processor = CRNNImageProcessorPil(keep_aspect_ratio=True, max_width=256, resize_to_multiple_of=32)
    batches = make_batches(WORDS, image_processor, 5)
    assert [batch.indices for batch in batches] == [[6, 0, 2], [5], [3], [4, 1]]
    assert [batch.inputs["pixel_values"].shape[-1] for batch in batches] == [32, 64, 96, 192]
    assert all(list(batch.inputs) == ["pixel_values"] for batch in batches)
    check(batches, image_processor)


def test_a_mask_that_hides_nothing_is_left_out():
    image_processor = CRNNImageProcessorPil(keep_aspect_ratio=True, max_width=256)
    (batch,) = make_batches([WORDS[1]], image_processor, 1)
    assert list(batch.inputs) == ["pixel_values"]


def test_images_that_are_padded_below_keep_their_mask():
    options = {"keep_aspect_ratio": True, "wide_words": "shrink", "max_width": 64, "resize_to_multiple_of": 32}
    batches = make_batches(WORDS, CRNNImageProcessorPil(**options), 7)
    assert [list(batch.inputs) for batch in batches] == [["pixel_values", "pixel_mask"]]


@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_tall_crops_go_in_three_times(batch_size):
    """As they are and turned either way; what is as high as wide, or a little higher, only as it is."""
    options = {"keep_aspect_ratio": True, "max_width": 256, "resize_to_multiple_of": 32, "vertical_aspect_ratio": 1.5}
    image_processor = CRNNImageProcessorPil(**options)
    images = [WORDS[3], WORDS[3].rotate(270, expand=True), Image.effect_noise((24, 32), 80)]
    batches = make_batches(images, image_processor, batch_size)
    assert all(len(batch.indices) <= batch_size for batch in batches)
    views = {
        (index, rotation): (size, pixels)
        for batch in batches
        for index, rotation, size, pixels in zip(*batch[:3], batch.inputs["pixel_values"], strict=True)
    }
    assert sorted(views) == [(0, 0), (1, 0), (1, 90), (1, 270), (2, 0)]
    assert views[1, 0][0] == (100, 32) and views[1, 90][0] == views[1, 270][0] == (32, 100)
    assert torch.equal(views[1, 90][1], views[0, 0][1])  # turned back
    assert torch.equal(views[1, 270][1], views[0, 0][1].flip(1, 2))
    image_processor.vertical_aspect_ratio = None
    assert sum(len(batch.indices) for batch in make_batches(images, image_processor, batch_size)) == 3


def test_the_most_confident_prediction_is_kept():
    def prediction(text, *probabilities):
        return {"text": text, "characters": [{"probability": probability} for probability in probabilities]}

    first = Batch([0, 1, 2, 3], [0, 0, 0, 0], [(40, 20)] * 4, {})
    turned = Batch([0, 0, 1, 1, 2, 2, 3], [90, 270, 90, 270, 90, 270, 90], [(20, 40)] * 7, {})
    tall = [prediction("ab", 0.9, 0.4), prediction("I", 0.5), prediction(""), prediction("no", 0.9, 0.9)]
    others = [
        prediction("long", 0.7, 0.7, 0.7, 0.7),
        prediction("xy", 0.6, 0.6),
    ]  # 0.7 is more than 0.6, the root of 0.36
    others += [prediction("-", 0.99), prediction("")]  # one character is a letter on its side
    others += [prediction("so", 0.1, 0.1), prediction("lo", 0.2, 0.1), prediction("on", 0.8, 0.8)]
    found = keep_most_confident([(first, tall), (turned, others)])
    assert {index: (one["text"], one.get("rotation")) for index, one in found.items()} == {
        0: ("long", 90),
        1: ("I", None),
        2: ("lo", 270),
        3: ("no", None),
    }


@pytest.mark.parametrize("batch_size", [2, 7])
def test_who_looks_at_padding_gets_what_an_image_has_alone(batch_size):
    """Padded to 128 pixels at least, without a mask: wider images go apart, each width by itself."""
    options = {"keep_aspect_ratio": True, "max_width": 256, "padding": "max_length", "return_pixel_mask": False}
    image_processor = CRNNImageProcessorPil(**options)
    batches = make_batches(WORDS, image_processor, batch_size)
    assert sorted({batch.inputs["pixel_values"].shape[-1] for batch in batches}) == [128, 190, 200]
    assert all(list(batch.inputs) == ["pixel_values"] for batch in batches)
    check(batches, image_processor)
    for batch in batches:
        for row, index in enumerate(batch.indices):
            alone = image_processor(WORDS[index], return_tensors="pt").pixel_values[0]
            assert torch.equal(batch.inputs["pixel_values"][row], alone)
    image_processor.pad_to_multiple_of = 150
    batches = make_batches(WORDS, image_processor, 7)
    assert [batch.inputs["pixel_values"].shape[-1] for batch in batches] == [150, 300]


# ---------------------------------------------------------------------------------------------------------------------
# Recognition


def one_character(probability: float, *ids: int) -> CTCHypothesis:
    return CTCHypothesis(list(ids), [(0, 1)] * len(ids), [probability] * len(ids), probability, 0.0)


class Stub:
    """A network whose logits are zeros, and a decoder that says which images it was given at once."""

    device, config = torch.device("cpu"), None

    def __init__(self, name: int = 1):
        self.name, self.calls = name, []

    def __call__(self, pixel_values, pixel_mask=None):
        logits = torch.zeros(len(pixel_values), 5, 5)
        logits[:, 0, 0] = pixel_values.flatten(1).mean(1)  # by which the decoder knows its image
        return SimpleNamespace(logits=logits, num_frames=torch.full((len(pixel_values),), 5))

    def decode(self, logits, num_frames=None, n_best=1):
        self.calls.append(len(logits))
        rows = logits[:, 0, 0]
        if bad := [row for row, value in enumerate(rows.tolist()) if value > 0.9]:
            raise NonFiniteLogitsError(bad[:1])  # the first that it meets, as a decoder of many images does
        return [[one_character(0.5 - value / 4, self.name)] for value in rows.tolist()]


@pytest.fixture
def few_characters() -> CRNNProcessor:
    image_processor = CRNNImageProcessorPil(image_mean=0.0, image_std=1.0, vertical_aspect_ratio=1.5)
    return CRNNProcessor(image_processor, CRNNTokenizer(list("abcd")))


def gray(*values: float, size: tuple[int, int] = (100, 32)) -> list[Image.Image]:
    return [Image.new("L", size, round(255 * value)) for value in values]


def test_each_image_has_its_own_decoder(few_characters):
    """Those that share one are decoded together."""
    first, second = Stub(1), Stub(2)
    batches = make_batches(gray(0.0, 0.2, 0.4, 0.6), few_characters.image_processor, 3)
    decoders = [first.decode, second.decode]
    own = [decoders[index] for index in (0, 1, 0, 1)]
    found = recognize_batches(batches, first, few_characters, decoder=own)
    assert [found[index]["text"] for index in range(4)] == ["a", "b", "a", "b"]
    assert [found[index]["score"] for index in range(4)] == pytest.approx([0.5, 0.45, 0.4, 0.35], abs=1e-2)
    assert (first.calls, second.calls) in [([2], [1, 1]), ([2], [2])]


def test_images_without_probabilities_are_named(few_characters):
    stub = Stub()
    batches = make_batches(gray(0.0, 1.0, 0.2, 1.0), few_characters.image_processor, 4)
    with pytest.raises(NonFiniteLogitsError, match=r"\(image 1\)") as raised:
        recognize_batches(batches, stub, few_characters, decoder=stub.decode)
    assert raised.value.images == [1]
    invalid = {7: "broken"}
    found = recognize_batches(
        batches, stub, few_characters, decoder=stub.decode, image_name="file {}".format, invalid=invalid
    )
    assert {index: one["score"] for index, one in found.items()} == pytest.approx({0: 0.5, 2: 0.45}, abs=1e-2)
    assert list(invalid) == [7, 1, 3] and "(file 3)" in invalid[3]


def test_a_batch_without_any_probabilities(few_characters):
    stub, invalid = Stub(), {}
    batches = make_batches(gray(1.0, 1.0), few_characters.image_processor, 2)
    assert recognize_batches(batches, stub, few_characters, decoder=stub.decode, invalid=invalid) == {}
    assert list(invalid) == [0, 1]


def test_one_view_without_probabilities_spoils_its_image(few_characters):
    """As it is the tall crop is decoded, turned it is not: nobody can tell which way up is best."""
    image = Image.new("L", (32, 100))
    image.paste(255, (0, 0, 32, 50))
    stub, invalid = Stub(), {}
    batches = make_batches([image, *gray(0.0)], few_characters.image_processor, 4)
    batches[0].inputs["pixel_values"][batches[0].rotations.index(270)] = 1.0
    found = recognize_batches(batches, stub, few_characters, decoder=stub.decode, invalid=invalid)
    assert (list(found), list(invalid)) == ([1], [0])


def test_an_error_that_names_no_image_is_passed_on(few_characters):
    def failing(logits, num_frames=None, n_best=1):
        raise NonFiniteLogitsError([])

    batches = make_batches(gray(0.0), few_characters.image_processor, 1)
    with pytest.raises(NonFiniteLogitsError):
        recognize_batches(batches, Stub(), few_characters, decoder=failing, invalid={})


# ---------------------------------------------------------------------------------------------------------------------
# Bounded memory


class Largest(TorchDispatchMode):
    """Notes the bytes of the largest tensor that is made."""

    bytes = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        results = function(*args, **(kwargs or {}))
        for result in results if isinstance(results, (list, tuple)) else [results]:
            if isinstance(result, torch.Tensor):
                self.bytes = max(self.bytes, result.numel() * result.element_size())
        return results


@pytest.fixture(scope="module")
def wide_recognizer() -> tuple:
    """A network of 18,710 classes, whose pixels, weights and features are small."""
    torch.manual_seed(0)
    tokenizer = CRNNTokenizer([chr(0x4E00 + number) for number in range(18_709)])
    image_processor = CRNNImageProcessorPil(keep_aspect_ratio=True, max_width=256)
    model = CRNNForCTC(CRNNConfig(vocab_size=len(tokenizer), conv_channels=[2] * 7, hidden_size=2)).eval()
    torch.nn.init.normal_(model.ctc_head.weight, std=3)
    return model, CRNNProcessor(image_processor=image_processor, tokenizer=tokenizer)


def assert_same_predictions(found, expected):
    assert [(one["text"], len(one["characters"])) for one in found] == [
        (one["text"], len(one["characters"])) for one in expected
    ]
    assert [one["score"] for one in found] == pytest.approx([one["score"] for one in expected], abs=1e-6)


@pytest.mark.parametrize("masked", [True, False])
def test_logits_are_bounded_and_predictions_the_same(wide_recognizer, monkeypatch, masked):
    model, processor = wide_recognizer
    images = WORDS if masked else [word.resize((200, 32)) for word in WORDS]
    with torch.inference_mode():
        whole = recognize_batches(make_batches(images, processor.image_processor, 7), model, processor)
        monkeypatch.setattr(image_batching_crnn, "LOGITS_BYTES", 2**23)  # two of 200 pixels and 49 frames
        batches = make_batches(images, processor.image_processor, 7)
        parts = list(bound_logits(batches, model, 18_710))
        with Largest() as largest:
            found = recognize_batches(batches, model, processor)
    assert len({one["score"] for one in whole.values()}) == 7
    assert [("pixel_mask" in part.inputs, len(part.indices)) for part in parts] == [(masked, n) for n in (2, 2, 2, 1)]
    assert largest.bytes <= 2**23
    assert_same_predictions([found[index] for index in range(7)], [whole[index] for index in range(7)])


def test_an_image_whose_logits_are_too_large_goes_alone(wide_recognizer, monkeypatch):
    model, processor = wide_recognizer
    monkeypatch.setattr(image_batching_crnn, "LOGITS_BYTES", 1)
    batches = make_batches(WORDS, processor.image_processor, 7)
    parts = list(bound_logits(batches, model, 18_710))
    assert [len(part.indices) for part in parts] == [1] * 7
    assert sorted(part.indices[0] for part in parts) == list(range(7))


def test_few_classes_are_never_split(wide_recognizer):
    (batch,) = make_batches(WORDS, CRNNImageProcessorPil(keep_aspect_ratio=True, max_width=256), 7)
    model = CRNNForCTC(CRNNConfig(vocab_size=95, conv_channels=[2] * 7, hidden_size=2))
    assert list(bound_logits([batch], model, 95)) == [batch]


def test_a_network_that_nobody_described_is_bounded_too(monkeypatch):
    """An ONNX file without its config: a frame every four pixels."""
    (batch,) = make_batches(WORDS, CRNNImageProcessorPil(keep_aspect_ratio=True, max_width=256), 7)
    monkeypatch.setattr(image_batching_crnn, "LOGITS_BYTES", 3 * 50 * 1000 * 4)
    for model in (SimpleNamespace(config=None), SimpleNamespace()):
        assert [len(part.indices) for part in bound_logits([batch], model, 1000)] == [3, 3, 1]


def test_whoever_recognizes_words_bounds_logits(wide_recognizer, monkeypatch, tmp_path):
    """The pipeline, bulk inference, evaluation: the network never gets more than two words at once."""
    pytest.importorskip("pyarrow")
    model, processor = wide_recognizer
    monkeypatch.setattr(image_batching_crnn, "LOGITS_BYTES", 2**23)
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    sizes = []
    forward = CRNNForCTC.forward

    def noting(self, pixel_values, **kwargs):
        sizes.append(len(pixel_values))
        return forward(self, pixel_values, **kwargs)

    monkeypatch.setattr(CRNNForCTC, "forward", noting)
    recognizer = ImageToTextPipeline(model=model, processor=processor)
    texts = [one["generated_text"] for (one,) in recognizer(WORDS, batch_size=7)]
    assert [text for text, _ in CRNNRecognizer(str(tmp_path)).recognize(WORDS)] == texts
    batches = make_batches(WORDS, processor.image_processor, 7)
    window = Prepared(0, 0, "", [None] * 7, {}, batches)
    assert BulkRecognizer(tmp_path, device="cpu", precision="float32").predict(window)["text"].to_pylist() == texts
    assert sizes == [2, 2, 2, 1] * 3
