# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The shape of the code: short files and functions, no circular imports, a flat folder for the Hub."""

import ast
import sys
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path


ROOT = Path(__file__).resolve().parents[1]
CRNN = ROOT / "hf_str" / "models" / "crnn"
MAX_FILE, MAX_FUNCTION, MAX_MAIN = 400, 60, 80  # lines
LICENSE = "# Copyright 2026 The hf_str authors.\n# SPDX-License-Identifier: Apache-2.0\n"
#: What is installed wherever remote code of transformers runs.
BESIDE_TRANSFORMERS = {
    "huggingface_hub",
    "numpy",
    "PIL",
    "safetensors",
    "tokenizers",
    "torch",
    "torchvision",
    "transformers",
}


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def report(found: Mapping[str, int], what: str) -> str:
    rows = sorted(found.items(), key=lambda row: -row[1])
    return "\n".join([f"{len(found)} {what}:", *(f"{lines:>6}  {name}" for name, lines in rows)])


def test_files_are_short():
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in sources("hf_str")}
    too_long = {name: length for name, length in lengths.items() if length > MAX_FILE}
    assert not too_long, report(too_long, f"files of more than {MAX_FILE} lines")


def test_functions_are_short():
    too_long = {}
    for path in sources("hf_str", "scripts"):
        for name, length in functions_of(parse(path)):
            is_main = name == "main" and path.is_relative_to(ROOT / "scripts")
            if length > (MAX_MAIN if is_main else MAX_FUNCTION):
                too_long[f"{name_of(path)}: {name}"] = length
    assert not too_long, report(too_long, f"functions of more than {MAX_FUNCTION} lines ({MAX_MAIN} of a main)")


def functions_of(node: ast.AST, outer: str = "") -> Iterator[tuple[str, int]]:
    """The functions below a node by qualified name, with their lines, decorators not counted."""
    for child in ast.iter_child_nodes(node):
        name = outer
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{outer}.{child.name}" if outer else child.name
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield name, (child.end_lineno or child.lineno) - child.lineno + 1
        yield from functions_of(child, name)


def test_imports_have_no_circles():
    """Imports that run when a module is imported; a package's own `__init__` counts where it is named."""
    paths = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in sources("hf_str")}
    paths = {name.removesuffix(".__init__"): path for name, path in paths.items()}
    imports = {name: imported_modules(name, path, paths.keys()) for name, path in paths.items()}
    circles = list(circles_of(imports))
    assert not circles, "\n".join([f"{len(circles)} circles:", *map(" -> ".join, circles)])


def imported_modules(name: str, path: Path, known: Collection[str]) -> set[str]:
    """The known modules that a module imports at its top level."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found = set()
    for node in top_level(parse(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            members = {alias.name: f"{base}.{alias.name}" for alias in node.names}
            found |= {member if member in known else base for member in members.values()}
    return (found & set(known)) - {name}


def top_level(node: ast.AST) -> Iterator[ast.AST]:
    """What runs on import: not the bodies of functions, and not what is for type checkers."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from top_level(child)


def circles_of(imports: dict[str, set[str]]) -> Iterator[list[str]]:
    """Each circle, from the importing module to the imported one; it is cut open before the next is looked for."""
    while True:
        try:
            TopologicalSorter(imports).prepare()
        except CycleError as error:
            circle = error.args[1]  # each module is imported by the next one
            yield circle[::-1]
            imports = imports | {circle[1]: imports[circle[1]] - {circle[0]}}
        else:
            return


def test_circles_are_found():
    imports = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"e", "a"}, "e": {"d"}, "f": {"a"}}
    assert sorted(map(sorted, map(set, circles_of(imports)))) == [["a", "b", "c"], ["d", "e"]]


def test_every_source_file_has_the_license_header():
    lacking = [
        name_of(path) for path in sources("hf_str", "scripts", "metrics", "tests") if LICENSE not in head_of(path)
    ]
    assert not lacking, "\n".join([f"{len(lacking)} files without a license header:", *lacking])


def head_of(path: Path) -> str:
    """The comments that a file begins with."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    count = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return "".join(lines[:count])


def test_what_travels_to_the_hub_is_flat_and_imports_siblings_alone():
    """Remote code is loaded from one folder: it has no sub-packages, and nothing above it."""
    wrong = [f"{path.name} is a folder" for path in CRNN.iterdir() if path.is_dir() and path.name != "__pycache__"]
    siblings = {path.stem for path in CRNN.glob("*.py")}
    wrong += [f"{name}.py is not named *_crnn.py" for name in siblings - {"__init__"} if not name.endswith("_crnn")]
    for path in CRNN.glob("*.py"):
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.Import):
                outside, inside = {alias.name.split(".")[0] for alias in node.names}, set()
            elif isinstance(node, ast.ImportFrom) and not node.level:
                outside, inside = {str(node.module).split(".")[0]}, set()
            elif isinstance(node, ast.ImportFrom):
                outside, inside = set(), {"." * (node.level - 1) + (node.module or "without a module")}
            else:
                continue
            strange = outside - BESIDE_TRANSFORMERS - sys.stdlib_module_names | inside - siblings
            wrong += [f"{path.name}, line {node.lineno}, imports {name}" for name in sorted(strange)]
    assert not wrong, "\n".join(sorted(wrong))
