# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Threads share a pipeline, whatever runs the network: they read what one thread reads."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from hf_str import CRNNForCTC, CRNNProcessor, CRNNTokenizer, ImageToTextPipeline, Lexicon


@pytest.fixture
def switching_often():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.fixture(scope="module")
def graph(checkpoint_with_language_model, tmp_path_factory):
    """The tiny checkpoint as a graph."""
    for module in ("onnxscript", "onnxruntime"):
        pytest.importorskip(module)
    from hf_str.onnx import export_onnx

    folder = tmp_path_factory.mktemp("threads") / "graph"
    export_onnx(checkpoint_with_language_model, folder)
    return str(folder)


def open_reader(runtime, checkpoint, request):
    if runtime in ("torch", "fast"):
        model = CRNNForCTC.from_pretrained(checkpoint).eval()
        model = model.optimize_for_inference("float32") if runtime == "fast" else model
    else:
        graph = request.getfixturevalue("graph")
        if runtime == "openvino":
            pytest.importorskip("openvino")
        from hf_str.onnx import ORTCRNNForCTC, OVCRNNForCTC

        model = {"onnx": ORTCRNNForCTC, "openvino": OVCRNNForCTC}[runtime].from_pretrained(graph, num_threads=1)
    return ImageToTextPipeline(model=model, processor=CRNNProcessor.from_pretrained(checkpoint), device="cpu")


@pytest.mark.parametrize("runtime", ["torch", "fast", "onnx", "openvino"])
def test_eight_threads_read_what_one_reads(
    runtime, checkpoint_with_language_model, word_images, request, switching_often
):
    reader = open_reader(runtime, checkpoint_with_language_model, request)
    decoders = ["best_path", None, "beam_search"]
    images = list(word_images)[:12]
    expected = {decoder: [reader(image, decoder=decoder) for image in images] for decoder in decoders}

    def wrong(seed: int) -> int:
        rng, count = np.random.default_rng(seed), 0
        for decoder in decoders:
            order = rng.permutation(len(images)).tolist()
            batch_size = int(rng.integers(1, 4))
            found = reader([images[place] for place in order], decoder=decoder, batch_size=batch_size)
            for place, (one,) in zip(order, found, strict=True):
                ((right),) = expected[decoder][place]
                count += one["generated_text"] != right["generated_text"]
                count += abs(one["score"] - right["score"]) > 1e-3
        return count

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(wrong, range(8))) == 0


def test_threads_share_a_tokenizer(switching_often):
    """Labels of a batch are padded, those that go alone are not, and a lexicon is made of whole words."""
    tokenizer = CRNNTokenizer("abcdefgh")
    words = ["a", "bad", "badge", "headache"]
    alone = [tokenizer(word)["input_ids"] for word in words]

    def wrong(seed: int) -> int:
        count = 0
        for _ in range(30):
            if seed % 3 == 0:
                count += tokenizer(words, padding=True)["input_ids"] != [
                    ids + [tokenizer.pad_token_id] * (8 - len(ids)) for ids in alone
                ]
            elif seed % 3 == 1:
                count += [tokenizer(word)["input_ids"] for word in words] != alone
            else:
                count += Lexicon(words, tokenizer).words != alone
        return count

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(wrong, range(8))) == 0


@pytest.mark.parametrize("options", [{"padding": True}, {"truncation": True, "max_length": 2}])
def test_a_lexicon_after_labels_were_padded(options):
    """What a call of the tokenizer leaves behind in it does not lose words."""
    tokenizer = CRNNTokenizer("abcdefgh")
    tokenizer(["a", "bad", "badge"], **options)
    lexicon = Lexicon(["a", "bad", "badge"], tokenizer)
    assert (len(lexicon), lexicon.num_unreadable) == (3, 0)
