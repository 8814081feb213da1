# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The Space's page: compute the metric in the browser.

`evaluate.utils.launch_gradio_widget` needs Gradio 3, which conflicts with transformers 5, so this page replaces it.
"""

from pathlib import Path

import evaluate
import gradio


word_accuracy = evaluate.load(str(Path(__file__).with_name("word_accuracy.py")))


def compute(predictions: str, references: str, protocol: str) -> dict:
    """The metrics of words, one per line."""
    read, expected = predictions.splitlines(), references.splitlines()
    if len(read) != len(expected) or not read:
        raise gradio.Error(f"There are {len(read)} predictions for {len(expected)} references: give one for each")
    return word_accuracy.compute(predictions=read, references=expected, protocol=protocol) or {}


demo = gradio.Interface(
    compute,
    [
        gradio.Textbox("STARBUCKS\nOpem", lines=6, label="predictions, one per line"),
        gradio.Textbox("Starbucks'\nOpen", lines=6, label="references, one per line"),
        gradio.Radio(["36", "62", "94", "unicode", "exact"], value="36", label="protocol"),
    ],
    gradio.JSON(label="metrics"),
    title="Word accuracy of scene text recognition",
    description=word_accuracy.description,
)

if __name__ == "__main__":
    demo.launch()
