# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[train,synthesis]"]
# ///
"""Packs the files that a training needs besides the code into one small folder, for a machine without network.

    python scripts/reference/pack_training_files.py --output_dir packed/ --limit_mb 60 --lexicon words.txt \\
        --backgrounds photos/ --real iiit5k/ svt/ --pseudo_labeled street/ --extra_crops icdar2015_rectified/ \\
        --wheels rapidfuzz

    python -m pip install --no-index --no-deps packed/wheels/*.whl     # on that machine, if there are wheels
    cd packed && python ../scripts/run_ctc_str.py ../scripts/reference/recipes/resnet45-gpu.json --max_minutes 9

Recipes name their files as they lie in this folder: `real/iiit5k`, `lexicons/words.txt`, `fonts`, `backgrounds`.

Fonts are reduced to the characters of the charset (fontTools.subset), and photos and real words to the size that a
recognizer with images of 48 pixels can use. The script prints the font families: check that their licenses allow your
use.
"""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTLibError
from PIL import Image
from tqdm import tqdm

from hf_str.data import read_word_folder
from hf_str.data.image_paths import IMAGE_SUFFIXES
from hf_str.models.crnn.image_loading_crnn import load_word_image
from hf_str.models.crnn.tokenization_crnn import resolve_charset
from hf_str.synthesis import Font, find_fonts
from hf_str.synthesis.lexicons import word_frequencies
from hf_str.utils.options import OptionParser


#: Names that a font file keeps: copyright, family, style, license and its address, and the typographic family, style.
FONT_NAMES = [0, 1, 2, 13, 14, 16, 17]
#: What words drawn one character at a time do without; a variable font becomes its default instance.
NOT_NEEDED = ["GDEF", "GPOS", "GSUB", "DSIG", "STAT", "fvar", "gvar", "avar", "HVAR", "MVAR", "cvar", "meta"]
#: Kinds of real words, for which the run scripts have options: dataset, pseudo_labeled_dataset, extra_crops_dataset.
WORDS = ["real", "pseudo_labeled", "extra_crops"]
WHEELS_FOR = ["manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014"]


def main():
    args = parse_args()
    if args.output_dir.exists() and any(args.output_dir.iterdir()):
        raise SystemExit(f"{args.output_dir} has files in it: give an empty folder, or remove it.")
    folder = args.output_dir
    characters = resolve_charset(args.charset)
    fonts = choose_fonts(find_fonts(characters, folders=args.fonts, progress=True), args.num_fonts)
    packed = [
        ("wheels", pack_wheels(args, folder / "wheels")),
        ("lexicons", [pack_lexicon(lexicon, folder / "lexicons") for lexicon in args.lexicon]),
        *((name, pack_words(getattr(args, name), folder / name, args.word_height)) for name in WORDS),
        ("backgrounds", pack_photos(args.backgrounds, folder / "backgrounds", args.num_photos, args.photo_side)),
        ("fonts", pack_fonts(fonts, characters, folder / "fonts")),
    ]
    print("families:", ", ".join(sorted({font.family for font in fonts})))
    total = 0.0
    for name, files in packed:
        megabytes = sum(path.stat().st_size for path in files) / 2**20
        total += megabytes
        print(f"{name:12} {len(files):6,} files {megabytes:7.1f} MiB")
    print(f"{'all':12} {sum(len(files) for _, files in packed):6,} files {total:7.1f} MiB of {args.limit_mb:g}")
    if total > args.limit_mb:
        raise SystemExit("That is too much: lower --num_fonts, --num_photos, --photo_side or --word_height.")


def choose_fonts(fonts: list[Font], count: int) -> list[Font]:
    """Up to `count` fonts, spread over the families: the first of each, then the second of each, and so on."""
    families: dict[str, list[Font]] = {}
    for font in fonts:
        families.setdefault(font.family, []).append(font)
    ranked = [(rank, font) for family in families.values() for rank, font in enumerate(family)]
    return [font for _, font in sorted(ranked, key=lambda entry: entry[0])[:count]]


def pack_fonts(fonts: list[Font], characters: Iterable[str], folder: Path) -> list[Path]:
    """Each font as a file of its own that has the characters and nothing else; says which cannot be cut down."""
    options = subset.Options(
        name_IDs=FONT_NAMES, layout_features=[], hinting=False, notdef_outline=True, font_number=0
    )
    options.drop_tables += NOT_NEEDED
    folder.mkdir(parents=True)
    files = []
    for number, font in enumerate(tqdm(fonts, desc="fonts", unit="font")):
        path = folder / f"{number:04d}{'.otf' if font.path.lower().endswith('.otf') else '.ttf'}"
        options.font_number = font.index
        try:
            opened = subset.load_font(font.path, options)
            subsetter = subset.Subsetter(options)
            subsetter.populate(text="".join(characters))
            subsetter.subset(opened)
            subset.save_font(opened, str(path), options)
        except (TTLibError, subset.Subsetter.SubsettingError, LookupError, AssertionError, AttributeError) as error:
            tqdm.write(f"left out {font.path}: {error!r}")
            path.unlink(missing_ok=True)
        else:
            files.append(path)
    return files


def pack_photos(source: Path | None, folder: Path, count: int, side: int) -> list[Path]:
    """Photographs, spread evenly over the sorted names, of `side` pixels along the shorter side, as JPEG."""
    photos = sorted(path for path in source.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES) if source else []
    photos = [photos[place * len(photos) // count] for place in range(count)] if len(photos) > count else photos
    return [
        save_jpeg(load_word_image(photo), side, min, folder / f"{number:04d}.jpg", quality=80)
        for number, photo in enumerate(tqdm(photos, desc="photographs", unit="photo", disable=not photos))
    ]


def pack_words(sources: list[Path], folder: Path, height: int) -> list[Path]:
    """Word folders with images of at most `height` pixels, gray, as JPEG.

    Every file keeps its name, whatever its suffix says: by their names words are held out for validation. Images
    outside their folder, as `pseudo_label.py` names them, are numbered.
    """
    files = []
    for source in sources:
        target, lines = folder / source.name, []
        target.mkdir(parents=True, exist_ok=True)
        for number, box in enumerate(tqdm(read_word_folder(source), desc=source.name, unit="word")):
            name = box.path.relative_to(source)
            if ".." in name.parts:
                name = Path("images", f"{number:05d}.jpg")
            image = load_word_image(box.path).convert("L")
            files.append(save_jpeg(image, height, lambda size: size[1], target / name, 88))
            lines.append(f"{name.as_posix()}\t{box.text}\n")
        labels = target / "labels.tsv"
        labels.write_text("".join(lines), encoding="utf-8")
        files.append(labels)
    return files


def save_jpeg(image: Image.Image, most: int, measure: Callable, path: Path, quality: int) -> Path:
    """Saves an image, shrunk so that `measure((width, height))` is at most `most` pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scale = min(1.0, most / measure(image.size))
    if scale < 1:
        size = [max(1, round(scale * length)) for length in image.size]
        image = image.resize(size, Image.Resampling.LANCZOS)
    image.save(path, "JPEG", quality=quality, optimize=True)
    return path


def pack_wheels(args: argparse.Namespace, folder: Path) -> list[Path]:
    """Downloads packages, without what they depend on, as pip's wheels for Linux."""
    if not args.wheels:
        return []
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--implementation", "cp"]
    command += ["--python-version", args.wheel_python, "--dest", str(folder), "--quiet"]
    command += [part for tag in WHEELS_FOR for part in ("--platform", f"{tag}_{args.wheel_machine}")]
    subprocess.run([*command, *args.wheels], check=True)
    return list(folder.iterdir())


def pack_lexicon(lexicon: Path, folder: Path) -> Path:
    """A word list as it is; the words of a language with how often each occurs among a thousand million."""
    frequencies = word_frequencies(lexicon)
    if frequencies is None:
        return copied(lexicon, folder / lexicon.name)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{lexicon.name.replace(':', '-')}.txt"
    path.write_text("".join(f"{word}\t{1e9 * share:.0f}\n" for word, share in frequencies.items()), encoding="utf-8")
    return path


def copied(source: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copyfile(source, target))


def parse_args() -> argparse.Namespace:
    parser = OptionParser(__doc__, {"num_faces": "num_fonts"})
    add = parser.add_argument
    add("--output_dir", type=Path, required=True, help="folder of the files; must be new or empty")
    add("--limit_mb", type=float, default=60.0, help="largest size of the folder, in MiB")
    add("--charset", default="94", help="name of a charset, a .txt file, or the characters")
    add("--fonts", type=Path, nargs="*", help="folders of fonts (default: those of this system)")
    add("--num_fonts", type=int, default=900, help="largest number of fonts")
    add("--lexicon", type=Path, nargs="*", default=[], help="text files of words, or wordfreq:LANGUAGE")
    add("--backgrounds", type=Path, help="folder of photos to render on")
    add("--num_photos", type=int, default=600, help="number of photos to pack")
    add("--photo_side", type=int, default=200, help="shorter side of the photos, in pixels")
    add("--real", type=Path, nargs="*", default=[], help="folders of real words, each with a labels.tsv")
    add("--pseudo_labeled", type=Path, nargs="*", default=[], help="folders with pseudo-labels (pseudo_label.py)")
    add("--extra_crops", type=Path, nargs="*", default=[], help="folders with other crops of the real words")
    add("--word_height", type=int, default=64, help="height of real words, in pixels")
    add("--wheels", nargs="*", default=[], help="packages that are missing on that machine, by their names for pip")
    add("--wheel_python", default="3.12", help="Python version of that machine")
    add("--wheel_machine", default="x86_64", help="processor of that machine")
    return parser.parse_args()


if __name__ == "__main__":
    main()
