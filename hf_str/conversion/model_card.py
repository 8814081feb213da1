# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The model card of a converted checkpoint: where it comes from, what it recognizes, how to use it."""

from collections.abc import Sequence

from ..models.crnn.modeling_crnn import CRNNForCTC
from ..version import __version__
from .family import CheckpointFamily


__all__ = ["model_card", "notice"]

_CARD = """\
---
{license}library_name: transformers
pipeline_tag: image-to-text
tags:
- ocr
- scene-text-recognition
- crnn
- ctc
- hf_str
---

# {title}

Converted from `{file}` of {source} with hf_str; {rights}. It recognizes a cropped word.

```python
import hf_str
from transformers import pipeline

pipeline("scene-text-recognition", model="path/to/this/folder")("word.png")
```

- Parameters: {parameters:,}.
- Images: {channels}, {height} pixels high, prepared in the way "{preprocessing}" of that project.
- Characters ({count}): {characters}
- The blank is class 0{moved}; apart from that the logits are those of the original.
{assumption}{fresh}{remarks}"""
_NOTICE = """\
{title}
Copyright (c) {authors}. {source}
Licensed under the Apache License, Version 2.0: https://www.apache.org/licenses/LICENSE-2.0

The weights in this folder were converted from {file}
with hf_str {version}: their names and layout were changed, normalization is folded into the convolutions where the
file had it so, and the head was cut to the characters of the tokenizer where those are not the whole dictionary.
"""


def model_card(
    family: CheckpointFamily,
    preprocessing: str,
    file: str,
    model: CRNNForCTC,
    symbols: Sequence[str],
    fresh: Sequence[str] = (),
    assumption: str = "",
) -> str:
    """Markdown with the metadata of the Hub.

    Args:
        family: where the checkpoint comes from.
        preprocessing: name of the family's way to prepare images.
        file: name of what was converted.
        model: the converted model.
        symbols: the text of each class but the blank.
        fresh: those symbols that the network has to learn.
        assumption: what the weights do not say.
    """
    shown = "".join(symbols[:200])
    return _CARD.format(
        title=family.title,
        file=file,
        source=family.source,
        parameters=model.num_parameters(),
        channels="gray" if model.config.num_channels == 1 else "RGB",
        height=model.config.image_height,
        preprocessing=preprocessing,
        count=len(symbols),
        characters=f"`` {shown} ``" + (" and more, in `tokenizer.json`" if len(symbols) > 200 else ""),
        license=f"license: {family.license}\n" if family.license else "",
        rights=f"the weights are by the {family.authors}, under {family.license} (see NOTICE)"
        if family.authors
        else "the weights are that project's and under its license",
        fresh=f"- Not in its dictionary, and to be learned before they are recognized: {' '.join(fresh)}\n"
        if fresh
        else "",
        assumption=f"- {assumption}\n" if assumption else "",
        moved=", and was the last" if family.blank == "last" else "",
        remarks=f"- {family.remarks}\n" if family.remarks else "",
    )


def notice(family: CheckpointFamily, file: str) -> str:
    """The NOTICE that section 4 of the Apache License asks for: whose work it is, and what was changed."""
    return _NOTICE.format(
        title=family.title, authors=family.authors, source=family.source, file=file, version=__version__
    )
