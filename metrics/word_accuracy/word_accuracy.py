# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Word accuracy of scene text recognition, with CER, LER and 1-NED, as a module of `evaluate`."""

from typing import Any

import datasets
import evaluate

from hf_str.evaluation import PROTOCOLS, confidence_intervals, metric_terms


_DESCRIPTION = """\
Share of words that a text recognizer reads without an error, under the protocols of scene text recognition: 36
characters (letters and digits without case), 62 (with case), 94 (with punctuation and spaces), letters and digits of
every script without case, or all characters. The results also contain the character error rate, the label error rate
of Graves et al. 2006 and the normalized edit similarity of ICDAR 2019, each with a bootstrap confidence interval, and
the share of the characters of the references that the protocol compares.
"""

_KWARGS_DESCRIPTION = """
Args:
    predictions (`list` of `str`): predicted texts.
    references (`list` of `str`): true texts.
    protocol (`str`, defaults to `"36"`): "36", "62", "94", "unicode", or "exact".
    resamples (`int`, defaults to 1000): number of bootstrap resamples; 0 for no intervals.
    seed (`int`, defaults to 0): seed of the bootstrap.

Returns:
    word_accuracy (`float`): share of words without an error, in [0, 1].
    cer (`float`): edits divided by the number of characters of all references.
    label_error_rate (`float`): mean over words of the edits divided by the length of the reference.
    one_minus_ned (`float`): one minus the mean over words of the edits divided by the length of the longer text.
    words (`int`), left_out (`int`): references that count, and those without a character of the protocol.
    characters_seen (`float`): share of the characters of the references that the protocol compares, in [0, 1].
    confidence_intervals (`dict`): for each metric `[low, high]`, the 95 % percentile interval.

Examples:
    >>> word_accuracy = evaluate.load("word_accuracy")
    >>> results = word_accuracy.compute(predictions=["STARBUCKS", "Opem"], references=["Starbucks'", "Open"])
    >>> results["word_accuracy"]
    0.5
"""

_CITATION = """\
@inproceedings{baek2019wrong,
  title = {What Is Wrong With Scene Text Recognition Model Comparisons? Dataset and Model Analysis},
  author = {Baek, Jeonghun and Kim, Geewook and Lee, Junyeop and Park, Sungrae and Han, Dongyoon and Yun, Sangdoo and
            Oh, Seong Joon and Lee, Hwalsuk},
  booktitle = {Proceedings of the IEEE/CVF International Conference on Computer Vision},
  year = {2019}
}
"""


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION, _KWARGS_DESCRIPTION)
class WordAccuracy(evaluate.Metric):
    def _info(self):
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_KWARGS_DESCRIPTION,
            features=datasets.Features(
                {"predictions": datasets.Value("string"), "references": datasets.Value("string")}
            ),
        )

    def _compute(self, predictions, references, protocol="36", resamples=1000, seed=0):
        if protocol not in PROTOCOLS:
            raise ValueError(f"protocol must be one of {', '.join(PROTOCOLS)}, not {protocol!r}")
        rule = PROTOCOLS[protocol]
        terms = metric_terms(predictions, references, rule)
        figures = confidence_intervals(terms, max(resamples, 1), seed)
        results: dict[str, Any] = {name: figure.value for name, figure in figures.items()}
        words = len(terms["word_accuracy"][0])
        results |= {"words": words, "left_out": len(references) - words}
        results["characters_seen"] = rule.characters_seen(references)
        if resamples > 0:
            results["confidence_intervals"] = {name: [figure.low, figure.high] for name, figure in figures.items()}
        return results
