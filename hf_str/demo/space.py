# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes the demo page as a folder that the Hub runs as a Space."""

import importlib.metadata
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from huggingface_hub import SpaceCard, SpaceCardData

import hf_str

from ..utils.renaming import renamed_arguments


__all__ = ["write_space"]

_APP = '''\
"""Recognizes words in the browser. Written by `hf-str demo --write_space`."""

from pathlib import Path

from hf_str.demo import load_recognizers, serve


HERE = Path(__file__).parent
#: Besides the checkpoint that comes with hf_str.
MODELS = [{models}]

if __name__ == "__main__":
    serve(load_recognizers(MODELS))
'''

_CARD = """\
# Read a word

Recognizes images of one word each, with a CRNN and CTC (Shi, Bai, Yao 2015), and shows the probability of each
character and how it came to the text.

Besides this page there is the code that reads, in `hf_str/`; `python app.py` starts the same on any machine that has
what `requirements.txt` names.
"""

#: The CPU builds of torch: what a free Space has, and gigabytes less.
_TORCH_INDEX = "--extra-index-url https://download.pytorch.org/whl/cpu"


@renamed_arguments(readers="recognizers")
def write_space(folder: str | os.PathLike, recognizers: Mapping[str, hf_str.ImageToTextPipeline]) -> list[str]:
    """Writes a Space: this page with this version of hf_str, so that the Space shows what was seen here.

    Args:
        folder: created; it must not exist, or be empty.
        recognizers: pipelines by the names that visitors see; see [`load_recognizers`]. Those of folders are copied,
            those of the Hub are downloaded by the Space.

    Returns:
        The files, as paths in `folder`.

    Raises:
        FileExistsError: there is something in the folder.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty: name a folder that is not there yet, or remove what is in it")
    folder.mkdir(parents=True, exist_ok=True)
    package = Path(__file__).parents[1]
    shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    models, repositories = [], []
    for name, recognizer in recognizers.items():
        source = recognizer.model.name_or_path
        if source == hf_str.DEFAULT_CHECKPOINT:
            continue
        if source is None or Path(source).is_dir():
            recognizer.save_pretrained(folder / "models" / name)
            models.append(f"HERE / {f'models/{name}'!r}")
        else:
            repositories.append(source)
            models.append(repr(source))
    (folder / "app.py").write_text(_APP.format(models=", ".join(models)), encoding="utf-8")
    (folder / "requirements.txt").write_text("\n".join([_TORCH_INDEX, *_requirements()]) + "\n", encoding="utf-8")
    _card(repositories).save(folder / "README.md")
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _card(repositories: list[str]) -> SpaceCard:
    data = SpaceCardData(
        title="Read a word",
        emoji="🔤",
        colorFrom="indigo",
        colorTo="gray",
        sdk="gradio",
        sdk_version=importlib.metadata.version("gradio"),
        app_file="app.py",
        license="apache-2.0",
        pinned=False,
        short_description="The text of a word image, character by character",
        tags=["ocr", "scene-text-recognition", "ctc"],
    )
    if repositories:
        data.models = repositories
    return SpaceCard(f"---\n{data.to_yaml()}\n---\n\n{_CARD}")


def _requirements() -> list[str]:
    """The requirements of hf_str; the Hub brings Gradio, by the card's `sdk_version`."""
    needed = importlib.metadata.requires("hf_str") or []
    return sorted(one for one in needed if not re.search(r"\bextra\b", one))
