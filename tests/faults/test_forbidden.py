"""Nothing in the package runs code from a file, or a command through a shell."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import barenet

SOURCES = sorted(Path(barenet.__file__).parent.rglob("*.py"))
CALLS = {
    *(
        "eval",
        "exec",
        "compile",
        "__import__",
        "os.system",
        "os.popen",
        "os.execv",
        "os.execvp",
        "os.spawnv",
        "pty.spawn",
    ),
    *("pickle.load", "pickle.loads", "pickle.Unpickler", "cPickle.load", "dill.load", "dill.loads", "joblib.load"),
    *("cloudpickle.load", "cloudpickle.loads", "marshal.load", "marshal.loads", "shelve.open", "pandas.read_pickle"),
    *("yaml.load", "yaml.unsafe_load", "yaml.full_load", "torch.load", "runpy.run_path", "runpy.run_module"),
    *("code.interact", "subprocess.getoutput", "subprocess.getstatusoutput", "asyncio.create_subprocess_shell"),
    *("importlib.util.spec_from_file_location", "importlib.machinery.SourceFileLoader", "logging.config.fileConfig"),
}
MODULES = {"marshal", "shelve", "dill", "cloudpickle", "joblib", "runpy"}
KEYWORDS = {"shell": True, "allow_pickle": True}

# What is allowed, and why.
REASONS = {
    (
        "cli/python_file.py",
        "importlib.util.spec_from_file_location",
    ): "gradcheck imports a file that a person names to be run",
    ("gradcheck/functions/notebook.py", "exec"): "gradcheck runs the cells of a notebook that a person names to be run",
    ("gradcheck/functions/notebook.py", "compile"): "the same, with the number of the cell in messages",
    (
        "kit/homework.py",
        "importlib.util.spec_from_file_location",
    ): "the check of a kit imports a student's files, in a process with limits",
}


SUSPICIOUS = re.compile(
    "|".join(sorted({rf"\b{name.rpartition('.')[2]}\b" for name in (*CALLS, *MODULES, *KEYWORDS, "pickle.Unpickler")}))
)


def names_of(tree: ast.Module) -> dict[str, str]:
    """Return the whole names of what a module imports, by their names in the module."""
    known = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                known[one.asname or one.name.partition(".")[0]] = one.name if one.asname else one.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for one in node.names:
                known[one.asname or one.name] = f"{node.module}.{one.name}"
    return known


def whole_name(node: ast.expr, known: dict[str, str]) -> str:
    """Return `module.function` for an expression that is a name, "" for others."""
    if isinstance(node, ast.Name):
        return known.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        before = whole_name(node.value, known)
        return f"{before}.{node.attr}" if before else ""
    return ""


def forbidden_in(source: str) -> Iterator[str]:
    """Yield the names of forbidden functions that a module uses."""
    tree = ast.parse(source)
    known = names_of(tree)
    for name in {*known.values()}:
        if name.partition(".")[0] in MODULES:
            yield name
    for node in ast.walk(tree):
        # A name without a call counts too: the function could be passed on. `re.compile` has another whole name.
        if isinstance(node, ast.Name | ast.Attribute) and (name := whole_name(node, known)) in CALLS:
            yield name
        if isinstance(node, ast.keyword) and node.arg in KEYWORDS:
            value = node.value
            if not isinstance(value, ast.Constant) or value.value is KEYWORDS[node.arg]:
                yield f"{node.arg}={ast.unparse(value)}"


def test_no_module_runs_code_from_a_file_except_the_allowed_ones():
    found = set()
    for path in SOURCES:
        source = path.read_text("utf-8")
        if SUSPICIOUS.search(source):  # to parse all modules takes long
            name = path.relative_to(Path(barenet.__file__).parent).as_posix()
            found |= {(name, what) for what in forbidden_in(source)}
    assert found == set(REASONS)
    assert len(SOURCES) > 200


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import pickle\npickle.load(file)", "pickle.load"),
        ("import pickle as p\np.loads(data)", "pickle.loads"),
        ("from pickle import load as read\nread(file)", "pickle.load"),
        ("eval(text)", "eval"),
        ("run = exec", "exec"),
        ("import subprocess\nsubprocess.run(words, shell=True)", "shell=True"),
        ("import subprocess\nsubprocess.run(words, shell=asked)", "shell=asked"),
        ("import numpy as np\nnp.load(path, allow_pickle=True)", "allow_pickle=True"),
        ("import os\nos.system(words)", "os.system"),
        ("import marshal", "marshal"),
        ("from yaml import load\nload(text)", "yaml.load"),
    ],
)
def test_each_forbidden_function_is_found(source, found):
    assert SUSPICIOUS.search(source)
    assert found in set(forbidden_in(source))


def test_harmless_code_is_not_found():
    source = (
        "import re, pickle, subprocess\nre.compile(x)\npickle.dumps(x)\nsubprocess.run(words, shell=False)\nmodel.eval"
    )
    assert list(forbidden_in(source)) == []
