# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The published files of prepared word boxes: Parquet shards, and a card made from their report."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import DatasetCard, DatasetCardData

from ..utils.optional import require
from .cards import read_card
from .contents import Files, PublishError


__all__ = ["word_box_files"]

_TEMPLATE = """\
# {name}

{words:,} cropped word images with their texts, {different:,} of them different.

```python
from datasets import load_dataset

words = load_dataset("{repo_id}", split="train")
words[0]["image"], words[0]["text"]
```

| column | content |
|---|---|
{columns}

## What is in it

| | |
|---|---|
{facts}

| source | words |
|---|---|
{sources}

## Characters

{count} different ones, the most frequent first:

```
{characters}
```

Counted by `prepare_word_boxes.py --report` of hf_str.
"""
_COLUMNS = {
    "image": "the word, cropped from its photo and rectified; the bytes of the source where it was cropped already",
    "text": "the text in the image",
    "polygon": "the corners of the word in its photo, where the source has them",
    "source": "the source of the word",
}
_SIZES = {1_000: "n<1K", 10_000: "1K<n<10K", 100_000: "10K<n<100K", 1_000_000: "100K<n<1M", 10_000_000: "1M<n<10M"}


def word_box_files(folder: Path, files: Files, repo_id: str, license: str | None) -> Files:
    """Completes the files of word boxes with a card, unless the folder has one.

    Args:
        folder: folder of the shards, with the report.json that `scripts/prepare_word_boxes.py --report` wrote.
        files: its files that are published.
        repo_id: name of the repository.
        license: license of the words, as the Hub writes it, for a card that is made here.

    Raises:
        PublishError: there are no shards, no license, no report, or the report is of other words.
    """
    shards = [path for name, path in files.items() if name.endswith(".parquet") and isinstance(path, Path)]
    if not shards:
        raise PublishError(
            f"{folder} has no Parquet files: make them with python scripts/prepare_word_boxes.py SOURCE --output_dir "
            f"{folder} --report"
        )
    if "README.md" not in files:
        files |= {"README.md": str(_card(folder, shards, repo_id, license)).encode()}
    if not read_card(files, "dataset").data.get("license"):
        raise PublishError('README.md has no "license:" in its metadata: say under which the words are published')
    return files


def _card(folder: Path, shards: list[Path], repo_id: str, license: str | None) -> DatasetCard:
    datasets, parquet = require("datasets"), require("pyarrow.parquet")
    if license is None:
        raise PublishError(
            "say under which license the words are published, which is for their sources to decide: --license "
            "cc-by-4.0, for example"
        )
    try:
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PublishError(
            f"{folder} has no report.json, from which the card is made: python scripts/prepare_word_boxes.py {folder} "
            f"--report --report_dir {folder}"
        ) from None
    counted, rows = report["train"]["words"], sum(parquet.read_metadata(shard).num_rows for shard in shards)
    if counted != rows:
        raise PublishError(
            f"report.json counts {counted:,} words, but the Parquet files hold {rows:,}: make it again, of all words, "
            f"with python scripts/prepare_word_boxes.py {folder} --report --report_dir {folder}"
        )
    features = datasets.Features.from_arrow_schema(parquet.read_schema(shards[0]))
    data = DatasetCardData(
        license=license,
        pretty_name=repo_id.rpartition("/")[2],
        task_categories=["image-to-text"],
        tags=["ocr", "scene-text-recognition"],
        size_categories=[next((name for most, name in _SIZES.items() if rows < most), "n>10M")],
        configs=[{"config_name": "default", "data_files": [{"split": "train", "path": "*.parquet"}]}],
    )
    split = {"name": "train", "num_bytes": sum(shard.stat().st_size for shard in shards), "num_examples": rows}
    info = datasets.DatasetInfo(features=features, splits=[split])
    datasets.info.DatasetInfosDict(default=info).to_dataset_card_data(data)
    return DatasetCard(f"---\n{data.to_yaml()}\n---\n\n{_text(report, repo_id, list(features))}")


def _text(report: Mapping[str, Any], repo_id: str, columns: list[str]) -> str:
    train, duplicates = report["train"], report["duplicates"]
    facts = {
        "words": train["words"],
        "different texts": train["different_texts"],
        "images that cannot be opened": train["unreadable"]["count"],
        "suspicious labels": train["suspicious"]["count"],
        "images that are in it more than once": duplicates["words"],
        "of these, labeled differently": duplicates["conflicts"],
    }
    for name, key in (("width", "width"), ("height", "height"), ("characters a word", "label_length")):
        if points := train[key]["quantiles"]:
            unit = "" if key == "label_length" else " px"
            facts[f"{name}: median, 5 to 95 %"] = f"{points['50']:g}{unit}, {points['5']:g} to {points['95']:g}{unit}"
    return _TEMPLATE.format(
        name=repo_id.rpartition("/")[2],
        repo_id=repo_id,
        words=train["words"],
        different=train["different_texts"],
        columns=_rows({f"`{name}`": _COLUMNS.get(name, "") for name in columns}),
        facts=_rows(facts),
        sources=_rows(train["sources"]),
        count=len(train["characters"]),
        characters="".join(train["characters"]),
    )


def _rows(cells: Mapping[str, Any]) -> str:
    return "\n".join(f"| {name} | {f'{v:,}' if isinstance(v, int) else v} |" for name, v in cells.items())
