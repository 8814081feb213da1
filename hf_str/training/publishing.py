"""The end of a run: the output folder gets the model, and the Hub the output folder."""

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, ModelCard, ModelCardData

from .checkpointing import BestCheckpoint


__all__ = ["finish", "push_folder", "write_model_card"]

#: What of an output folder is not the model.
_NOT_THE_MODEL = ["checkpoint-*", "best/*", "best.*", "errors/*", "run.json", "_*", "*.part"]


def finish(
    output_dir: str | os.PathLike,
    best: BestCheckpoint | None,
    save_last: Callable[[Path], Any],
    settings: Mapping[str, Any],
) -> str:
    """Puts the finished model into the output folder: the best one where there was an evaluation, else the last one.

    Args:
        output_dir: of the run.
        best: the best model by evaluation, or `None` where there was none.
        save_last: saves the last model to a folder.
        settings: of the run, for the model card.

    Returns:
        A sentence that says which model it is.
    """
    output_dir = Path(output_dir)
    evaluation = best.evaluation if best else None
    if evaluation is None:
        save_last(output_dir)
        chosen = "the model of the last step"
    else:
        shutil.copytree(best.folder, output_dir, dirs_exist_ok=True)
        chosen = f"the model of step {evaluation['step']}, {best.metric} {evaluation['metrics'][best.metric]:.4f}"
    write_model_card(output_dir, settings, evaluation)
    return f"{output_dir} holds {chosen}"


def write_model_card(folder: str | os.PathLike, settings: Mapping[str, Any], evaluation: Mapping | None):
    """Writes README.md: what the model was trained on and with, and the figures of its evaluation."""
    data = ModelCardData(
        library_name="transformers",
        pipeline_tag="image-to-text",
        tags=["scene-text-recognition", "ocr", "crnn", "hf_str"],
    )
    lines = ["# Word recogniser", "", "Reads cropped word images. Made with `hf_str`:", ""]
    lines += ["```python", "import hf_str", "from transformers import pipeline", ""]
    lines += ['reader = pipeline("image-to-text", model="<this repository>")', "```", "", "## Training", ""]
    shown = ("model_name_or_path", "dataset", "charset", "max_steps", "per_device_train_batch_size", "learning_rate")
    lines += [f"- {name}: `{settings[name]}`" for name in (*shown, "schedule", "ema_decay") if name in settings]
    if evaluation is not None:
        sets = ", ".join(Path(source).name for source in settings.get("validation_dataset", []))
        lines += ["", f"## Evaluation after {evaluation['step']} steps", "", f"On {sets}.", "", "| | |", "|-|-|"]
        lines += [f"| {name} | {value:.4f} |" for name, value in evaluation["metrics"].items()]
    ModelCard(f"---\n{data.to_yaml()}\n---\n\n" + "\n".join(lines) + "\n").save(Path(folder) / "README.md")


def push_folder(
    folder: str | os.PathLike, repo_id: str | None = None, token: str | None = None, private: bool | None = None
) -> str:
    """Uploads the finished model to the Hub.

    Args:
        folder: the output folder of a run.
        repo_id: where to; by default a repository of the folder's name.
        token: if not the one that is logged in.
        private: whether a new repository is private.

    Returns:
        The address of the repository.
    """
    api = HfApi(token=token)
    url = api.create_repo(repo_id or Path(folder).resolve().name, private=private, exist_ok=True)
    api.upload_folder(
        repo_id=url.repo_id, folder_path=folder, ignore_patterns=_NOT_THE_MODEL, commit_message="End of training"
    )
    return str(url)
