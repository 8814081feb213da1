# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The processor: images and labels in, readings with scores and places out."""

import math
from types import SimpleNamespace

import pytest
import torch
from transformers import AutoProcessor

from hf_str import (
    CRNNForCTC,
    CRNNImageProcessorPil,
    CRNNProcessor,
    CRNNTokenizer,
    Lexicon,
    LexiconDecoder,
    PrefixBeamSearch,
)
from hf_str.models.crnn.ctc_decoding_crnn import CTCHypothesis
from tests.conftest import draw_word


@pytest.fixture(scope="module")
def processor() -> CRNNProcessor:
    return CRNNProcessor(CRNNImageProcessorPil(), CRNNTokenizer("94"))


@pytest.fixture(scope="module")
def model(tiny_checkpoint) -> CRNNForCTC:
    return CRNNForCTC.from_pretrained(tiny_checkpoint).eval()


def outputs_of(*paths: list[int], vocab: int = 95) -> SimpleNamespace:
    """What a model that reads `paths` would return."""
    return SimpleNamespace(logits=9.0 * torch.nn.functional.one_hot(torch.tensor(paths), vocab).float())


# ---------------------------------------------------------------------------------------------------------------------
# In


def test_images_and_text(processor, word_images):
    inputs = processor(images=word_images[:3], text=["hello", "EXIT", "24"], padding=True, return_tensors="pt")
    assert sorted(inputs) == ["labels", "pixel_values"]
    assert inputs.pixel_values.shape == (3, 1, 32, 128)
    assert inputs.labels.tolist() == [[18, 15, 22, 22, 25], [41, 60, 45, 56, 0], [3, 5, 0, 0, 0]]
    assert inputs.labels.dtype == torch.long


def test_what_comes_out_trains_the_model(processor, model, word_images):
    inputs = processor(images=word_images[:2], text=["hello", "24"], padding=True, return_tensors="pt")
    assert model(**inputs).loss.isfinite()


def test_images_alone(processor, word_files, word_images):
    inputs = processor(word_files[:2], return_tensors="pt")
    assert list(inputs) == ["pixel_values"]
    torch.testing.assert_close(inputs.pixel_values, processor(word_images[:2], return_tensors="pt").pixel_values)


def test_text_alone(processor):
    assert processor(text=["hello", "24"]).input_ids == [[18, 15, 22, 22, 25], [3, 5]]


def test_nothing_is_refused(processor):
    with pytest.raises(ValueError, match="give images, or text, or both"):
        processor()


def test_an_unknown_character_is_named(processor, word_images):
    with pytest.raises(ValueError, match=r"'é' \(U\+00E9\)"):
        processor(images=word_images[0], text="café")


def test_options_reach_the_image_processor(processor, word_images):
    inputs = processor(images=word_images[:2], keep_aspect_ratio=True, max_width=64, return_tensors="pt")
    assert inputs.pixel_values.shape == (2, 1, 32, 64)
    assert inputs.pixel_mask.shape == (2, 32, 64)


# ---------------------------------------------------------------------------------------------------------------------
# Out


def test_a_reading_has_text_score_and_characters(processor):
    a, b = processor.tokenizer("ab").input_ids
    readings = processor.post_process_text_recognition(outputs_of([0, a, a, 0, b], [0] * 5))
    assert [reading["text"] for reading in readings] == ["ab", ""]
    assert [character["text"] for character in readings[0]["characters"]] == ["a", "b"]
    probability = torch.tensor([9.0] + [0.0] * 94).softmax(0)[0].item()
    for character in readings[0]["characters"]:
        assert character["probability"] == pytest.approx(probability, rel=1e-5)
    assert readings[0]["score"] == pytest.approx(probability**2, rel=1e-5)
    assert readings[1]["characters"] == []
    assert readings[1]["score"] == pytest.approx(probability**5, rel=1e-5)


def test_places_are_fractions_of_the_width(processor):
    (reading,) = processor.post_process_text_recognition(outputs_of([5, 5, 0, 6]))
    assert [character["span"] for character in reading["characters"]] == [(0, 0.5), (0.75, 1)]


@pytest.mark.parametrize("sizes", [[(20, 100), (64, 40)], torch.tensor([[20, 100], [64, 40]])], ids=["list", "tensor"])
def test_places_are_pixels_where_the_sizes_are_given(processor, sizes):
    readings = processor.post_process_text_recognition(outputs_of([5, 5, 0, 6], [0, 7, 0, 0]), target_sizes=sizes)
    spans = [[character["span"] for character in reading["characters"]] for reading in readings]
    assert spans == [[(0, 50), (75, 100)], [(10, 20)]]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_wrong_number_of_sizes_is_refused(processor, count):
    with pytest.raises(ValueError, match=f"{count} target_sizes for 2 images: give one for each"):
        processor.post_process_text_recognition(outputs_of([1, 2], [3, 4]), target_sizes=[(32, 100)] * count)


def test_no_images_give_no_readings(processor):
    outputs = SimpleNamespace(logits=torch.zeros(0, 31, 95))
    assert processor.post_process_text_recognition(outputs, target_sizes=[]) == []


def read(model, processor, images) -> list[dict]:
    inputs = processor(images=images, keep_aspect_ratio=True, max_width=400, return_tensors="pt")
    with torch.no_grad():
        outputs = model(**inputs)
    sizes = [(image.height, image.width) for image in images]
    return processor.post_process_text_recognition(outputs, inputs.pixel_mask, sizes)


def test_an_image_reads_the_same_in_any_company(processor, model, word_images):
    """Images of 32 to 400 pixels in one batch, padded: text, scores and places are those of each image alone."""
    images = [draw_word("a", 12), *word_images, draw_word("a" * 30)]
    together = read(model, processor, images)
    assert any(reading["text"] for reading in together)
    for image, reading in zip(images, together, strict=True):
        (alone,) = read(model, processor, [image])
        assert reading["text"] == alone["text"]
        assert reading["score"] == pytest.approx(alone["score"], abs=1e-5)
        for character, expected in zip(reading["characters"], alone["characters"], strict=True):
            assert character["span"] == pytest.approx(expected["span"])
            assert character["probability"] == pytest.approx(expected["probability"], abs=1e-4)
            assert 0 <= character["span"][0] < character["span"][1] <= image.width


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_padding_is_told_apart_in_half_precision(processor, model, dtype):
    half = CRNNForCTC(model.config).to(dtype).eval()
    half.load_state_dict(model.state_dict())
    mask = torch.ones(2, 32, 128, dtype=torch.long)
    mask[0, :, 40:] = 0
    with torch.no_grad():
        outputs = half(torch.zeros(2, 1, 32, 128, dtype=dtype), pixel_mask=mask)
    outputs.logits[0, :9, 0] = -9  # read something up to the last of the nine frames of 40 pixels
    assert outputs.num_frames.tolist() == [9, 31]
    for logits in (outputs.logits, outputs.logits.float()):
        for own in ({"num_frames": outputs.num_frames}, {}):  # without them, the mask says how many
            readings = processor.post_process_text_recognition(SimpleNamespace(logits=logits, **own), mask)
            assert readings[0]["characters"][-1]["span"][1] == 1


def two_words() -> tuple[SimpleNamespace, torch.Tensor]:
    """Outputs of which only the first three of the first image's eight frames are its own, and the mask for that."""
    outputs = outputs_of([5, 0, 6, 7, 7, 8, 0, 9], [5, 0, 6, 0, 7, 8, 0, 9])
    mask = torch.ones(2, 32, 80, dtype=torch.long)
    mask[0, :, 32:] = 0
    return SimpleNamespace(logits=outputs.logits, num_frames=torch.tensor([3, 8])), mask


@pytest.mark.parametrize("decoder", ["best_path", "beam_search", "prefix_search", "lexicon"])
def test_frames_after_an_images_own_are_not_read(processor, decoder):
    """Whatever their logits say: who is told `num_frames` looks at nothing else."""
    outputs, _ = two_words()
    tokens = processor.tokenizer.convert_ids_to_tokens(range(10))
    if decoder == "lexicon":
        words = [tokens[5] + tokens[6], "".join(tokens[i] for i in (5, 6, 7, 8, 9)), "never"]
        decoder = LexiconDecoder(Lexicon(words, processor.tokenizer))
    readings = processor.post_process_text_recognition(outputs, decoder=decoder)
    (alone,) = processor.post_process_text_recognition(SimpleNamespace(logits=outputs.logits[:1, :3]), decoder=decoder)
    assert readings[0]["text"] == alone["text"] == tokens[5] + tokens[6]
    assert readings[0]["score"] == pytest.approx(alone["score"])
    assert readings[0]["log_prob"] == pytest.approx(alone["log_prob"])
    assert [one["span"] for one in readings[0]["characters"]] == [one["span"] for one in alone["characters"]]
    assert readings[1]["text"] == "".join(tokens[i] for i in (5, 6, 7, 8, 9))


def test_a_mask_is_used(processor):
    """Where outputs have no `num_frames`, the mask decides; where they have, it has to agree."""
    outputs, mask = two_words()
    expected = processor.post_process_text_recognition(outputs)
    logits = SimpleNamespace(logits=outputs.logits)
    assert processor.post_process_text_recognition(outputs, mask) == expected
    for each in (mask, mask.bool(), mask.float(), mask.numpy()):
        assert processor.post_process_text_recognition(logits, each) == expected
    whole = processor.post_process_text_recognition(logits, torch.ones_like(mask))
    assert whole == processor.post_process_text_recognition(logits) != expected


@pytest.mark.parametrize(
    "change, error, message",
    [
        pytest.param(torch.zeros_like, ValueError, "hide no image altogether", id="zeros"),
        pytest.param(
            torch.ones_like, ValueError, "the images are .80, 80. of 80 pixels wide, but the model read", id="ones"
        ),
        pytest.param(lambda mask: mask.roll(1, 0), ValueError, "give the mask that went into the model", id="others"),
        pytest.param(lambda mask: "mask", TypeError, "must be a tensor or an array, not str", id="string"),
        pytest.param(lambda mask: mask.flip(-1), ValueError, "padding on the right", id="left"),
        pytest.param(lambda mask: 2 * mask, ValueError, "must be 1 where a pixel is of the image and 0", id="twos"),
        pytest.param(
            lambda mask: mask[:1], ValueError, r"must have shape \(2, height, width\), not \(1, 32, 80\)", id="one"
        ),
        pytest.param(
            lambda mask: mask[:, 0], ValueError, r"must have shape \(2, height, width\), not \(2, 80\)", id="flat"
        ),
    ],
)
def test_a_mask_that_cannot_be_is_refused(processor, change, error, message):
    outputs, mask = two_words()
    with pytest.raises(error, match=message):
        processor.post_process_text_recognition(outputs, change(mask))


def test_a_mask_that_the_model_did_not_get_is_refused(processor):
    outputs, mask = two_words()
    outputs.num_frames = torch.tensor([8, 8])
    with pytest.raises(ValueError, match=r"are \[32, 80\] of 80 pixels wide, but the model read \[8, 8\] of 8 frames"):
        processor.post_process_text_recognition(outputs, mask)


@pytest.mark.parametrize("num_frames", [[3], [3, 9], [-1, 8]], ids=["too few", "too many frames", "negative"])
def test_numbers_of_frames_that_cannot_be_are_refused(processor, num_frames):
    outputs, _ = two_words()
    outputs.num_frames = torch.tensor(num_frames)
    with pytest.raises(ValueError, match="num_frames must be the frames of each of 2 images, from 0 to 8"):
        processor.post_process_text_recognition(outputs)


# ---------------------------------------------------------------------------------------------------------------------
# Saving


def test_saved_and_loaded_it_keeps_every_option(tmp_path, word_images):
    image_options = {
        "do_grayscale": False,
        "keep_aspect_ratio": True,
        "min_width": 48,
        "max_width": 200,
        "pad_to_multiple_of": 16,
        "padding_mode": "replicate",
        "padding_value": 0.5,
        "image_mean": [0.4, 0.5, 0.6],
        "image_std": [0.2, 0.3, 0.4],
    }
    image_processor = CRNNImageProcessorPil(size={"height": 48, "width": 160}, **image_options)
    tokenizer = CRNNTokenizer("abc", lowercase=True, unknown_characters="remove")
    processor = CRNNProcessor(image_processor, tokenizer)
    processor.save_pretrained(tmp_path)
    loaded = AutoProcessor.from_pretrained(tmp_path, backend="pil")
    assert type(loaded) is CRNNProcessor
    assert loaded.to_dict() == processor.to_dict()
    for name, value in image_options.items():
        assert list(_listed(getattr(loaded.image_processor, name))) == list(_listed(value)), name
    assert dict(loaded.image_processor.size) == {"height": 48, "width": 160}
    assert loaded.tokenizer.characters == ("a", "b", "c")
    inputs, expected = (
        each(images=word_images, text=["Abc!"] * len(word_images), return_tensors="pt") for each in (loaded, processor)
    )
    assert inputs.keys() == expected.keys() == {"pixel_values", "pixel_mask", "labels"}
    for name in inputs:
        torch.testing.assert_close(inputs[name], expected[name])


def _listed(value):
    return value if isinstance(value, (list, tuple)) else [value]


# ---------------------------------------------------------------------------------------------------------------------
# Decoders


@pytest.mark.parametrize("decoder", ["best_path", "beam_search", "prefix_search"])
def test_a_decoder_by_its_name(processor, decoder):
    a, b = processor.tokenizer("ab").input_ids
    (reading,) = processor.post_process_text_recognition(outputs_of([0, a, a, 0, b]), decoder=decoder)
    assert list(reading) == ["text", "score", "log_prob", "characters"]
    assert reading["text"] == "ab"
    assert [character["span"] for character in reading["characters"]] == [(0.2, pytest.approx(0.6)), (0.8, 1)]
    assert reading["log_prob"] <= 0


def test_a_lexicon_decoder(processor):
    decoder = LexiconDecoder(Lexicon(["cab", "ABLE"], processor.tokenizer))
    a, b = processor.tokenizer("ab").input_ids
    (reading,) = processor.post_process_text_recognition(outputs_of([0, a, 0, b, 0, 0, 0]), decoder=decoder)
    assert reading["text"] in ("cab", "ABLE")
    assert [character["text"] for character in reading["characters"]] == list(reading["text"])


def test_several_candidates(processor, model, word_images):
    outputs = model(**processor(images=word_images, return_tensors="pt"))
    readings = processor.post_process_text_recognition(outputs, decoder=PrefixBeamSearch(5), n_best=3)
    for reading in readings:
        candidates = reading.pop("candidates")
        assert candidates[0] == reading
        assert len({candidate["text"] for candidate in candidates}) == len(candidates) == 3
        log_probs = [candidate["log_prob"] for candidate in candidates]
        assert log_probs == sorted(log_probs, reverse=True)
    (one, *_) = processor.post_process_text_recognition(outputs, decoder=PrefixBeamSearch(5))
    assert "candidates" not in one


def test_a_decoder_of_ones_own(processor):
    def nothing(logits, num_frames=None, n_best=1):
        return [[CTCHypothesis([], [], [], 0.5, -1.0)] for _ in logits]

    readings = processor.post_process_text_recognition(outputs_of([1, 2], [3, 4]), decoder=nothing)
    assert readings == [{"text": "", "score": 0.5, "log_prob": -1.0, "characters": []}] * 2


def test_word_scores(processor, model, word_images):
    outputs = model(**processor(images=word_images, return_tensors="pt"))
    for definition, combine in {
        "product": math.prod,
        "geometric_mean": lambda values: math.prod(values) ** (1 / len(values)),
        "minimum": min,
    }.items():
        for reading in processor.post_process_text_recognition(outputs, word_score=definition):
            probabilities = [character["probability"] for character in reading["characters"]]
            assert reading["score"] == pytest.approx(combine(probabilities))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"decoder": "viterbi"}, "decoder must be one of"),
        ({"n_best": 0}, "n_best must be at least 1, not 0"),
        ({"word_score": "mean"}, "word_score must be one of"),
    ],
)
def test_decoding_that_cannot_be(processor, options, message):
    with pytest.raises(ValueError, match=message):
        processor.post_process_text_recognition(outputs_of([1, 2]), **options)


def test_padding_is_not_searched(processor, model, word_images):
    """An image reads the same in any company with a beam, too."""
    images = [draw_word("a", 12), *word_images[:3], draw_word("a" * 30)]

    def read_by_beam(images):
        inputs = processor(images=images, keep_aspect_ratio=True, max_width=400, return_tensors="pt")
        with torch.no_grad():
            outputs = model(**inputs)
        sizes = [(image.height, image.width) for image in images]
        return processor.post_process_text_recognition(outputs, inputs.pixel_mask, sizes, decoder="beam_search")

    for image, reading in zip(images, read_by_beam(images), strict=True):
        (alone,) = read_by_beam([image])
        assert reading["text"] == alone["text"]
        assert reading["log_prob"] == pytest.approx(alone["log_prob"], abs=1e-3)
        for character, expected in zip(reading["characters"], alone["characters"], strict=True):
            assert character["span"] == pytest.approx(expected["span"])


def test_without_a_decoder_the_language_model_of_the_checkpoint_reads(checkpoint_with_language_model, word_images):
    processor = CRNNProcessor.from_pretrained(checkpoint_with_language_model)
    model = CRNNForCTC.from_pretrained(checkpoint_with_language_model)
    outputs = model(**processor(word_images, return_tensors="pt"))
    language_model = processor.tokenizer.language_model
    expected = processor.post_process_text_recognition(
        outputs, decoder=PrefixBeamSearch(language_model=language_model)
    )
    plain = processor.post_process_text_recognition(outputs, decoder="best_path")
    found = processor.post_process_text_recognition(outputs)
    assert found == expected
    assert [one["text"] for one in found] != [one["text"] for one in plain]
    processor.tokenizer.language_model = None
    assert processor.post_process_text_recognition(outputs) == plain
