"""How Numba compiles the functions of this package: helpers into the functions that call them, kernels separately.

Numba copies a compiled function into each function that calls it, and optimises the copies again: for a training step
that would take a minute. So the functions that compute for long are kernels: each is compiled once, and others call it
by its address.

    @kernel(types.void, types.intp, FLOATS)
    def double(n, x): ...

    @helper
    def double_twice(kernels, x):
        double(kernels, 16, x)          # the first argument: `addresses()`
        double(kernels, 16, x)

    @compiled
    def step(kernels, x):               # Python calls it
        double_twice(kernels, x)

Compiling takes long because of Numba's work on each statement and each argument, more than LLVM's. So kernels and
helpers have no code that makes their arguments from Python objects, and arrays are passed as addresses.

Compiled functions are kept on disk, in the user's cache, or in NUMBA_CACHE_DIR. Numba checks whether the file of a
function has changed, but not the files of the functions that it calls. So the folder's name is a hash of all files of
the engine: changed code is compiled again. Its files are pickles, which run code when they are read: if another user
could write there, nothing is kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import llvmlite
import numba
import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from barenet.nn.layers.batch_norm import GHOST
from barenet.nn.layers.normalization import EPSILON
from barenet.user_cache import cache_folder

__all__ = ["BYTES", "CHECKS_BOUNDS", "FLOATS", "INTS", "SIZE", "SIZES", "WORDS", "addresses", "compiled", "helper",
           "kernel", "start_of"]  # fmt: skip

CHECKS_BOUNDS = bool(os.environ.get("BARENET_CHECK_BOUNDS"))  # see `memory`

SIZE = types.intp
# A kernel gets an array as the address of its first element: Numba's arrays are seven numbers each, which take long to
# compile. If bounds are checked, the size is needed as well.
FLOATS, WORDS, BYTES, SIZES, INTS = (
    types.Array(kind, 1, "C") if CHECKS_BOUNDS else types.CPointer(kind)
    for kind in (types.float32, types.uint32, types.uint8, types.int64, types.int32)
)

KERNELS: list[Kernel] = []
KEPT_SECONDS = 90 * 24 * 3600.0  # compiled functions of other versions of barenet are kept so long


def kernel_folder() -> Path | None:
    """Return the folder for compiled functions, made if needed; None if nothing can be kept safely."""
    engine = Path(__file__).parents[1]
    known = (numba.__version__, llvmlite.__version__, CHECKS_BOUNDS, EPSILON, GHOST)  # with constants of other packages
    sources = hashlib.sha256(" ".join(map(str, known)).encode())
    for path in sorted(engine.rglob("*.py")):
        sources.update(path.name.encode() + path.read_bytes())
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    folder = (Path(chosen) if chosen else cache_folder() / "kernels") / sources.hexdigest()[:16]
    try:
        if not folder.exists() and not chosen:
            remove_old(folder.parent)
        folder.mkdir(parents=True, exist_ok=True)
        about = folder.stat()
    except OSError:
        return None
    is_ours = os.name != "posix" or (about.st_uid == os.geteuid() and not about.st_mode & (stat.S_IWGRP | stat.S_IWOTH))
    return folder if is_ours and os.access(folder, os.W_OK) else None


def remove_old(folder: Path) -> None:
    """Remove old compiled functions of other versions of barenet; a version still in use compiles again."""
    for other in folder.glob("*"):
        with contextlib.suppress(OSError):  # another process may have removed it
            if time.time() - other.stat().st_mtime > KEPT_SECONDS:
                shutil.rmtree(other)


FOLDER = kernel_folder()
# None of these options changes the arithmetic.
OPTIONS: dict[str, Any] = {"boundscheck": False, "error_model": "numpy"}
NOT_FROM_PYTHON: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def compiled(function: Callable[..., Any], **options: Any) -> Any:
    """Let Numba compile a function that Python calls, and keep it; it runs without the interpreter's lock."""
    options |= OPTIONS | {"nogil": True}
    if FOLDER is None:
        return njit(**options)(function)
    with mock.patch.object(numba.config, "CACHE_DIR", str(FOLDER)):  # read only here, so other code keeps its setting
        return njit(cache=True, **options)(function)


def helper(function: Callable[..., Any]) -> Any:
    """Let Numba compile a function that only compiled functions call; Python must not."""
    return njit(**NOT_FROM_PYTHON, **OPTIONS)(function)


class Kernel:
    """A function that is compiled by itself, for arguments of these types."""

    def __init__(self, function: Callable[..., Any], result: Any, arguments: tuple[Any, ...]) -> None:
        self.dispatcher, self.arguments = compiled(function, **NOT_FROM_PYTHON), arguments
        self.signature = result(*arguments)

    def address(self) -> int:
        """Return the address of the compiled function in this process; compile it first if needed."""
        self.dispatcher.compile(self.arguments)
        overload = self.dispatcher.overloads[self.arguments]
        return int(overload.library.get_pointer_to_function(overload.fndesc.llvm_func_name))


def kernel(result: Any, *arguments: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator that makes a kernel from a function; callers pass `addresses()` as the first argument."""

    def decorate(function: Callable[..., Any]) -> Any:
        KERNELS.append(Kernel(function, result, arguments))
        return caller(len(KERNELS) - 1, KERNELS[-1].signature)

    return decorate


def start_of(context: Any, builder: Any, kind: Any, array: Any) -> Any:
    """Return the address of the first element of an array argument."""
    return array if isinstance(kind, types.CPointer) else context.make_array(kind)(context, builder, array).data


def caller(number: int, signature: Any) -> Any:
    """Return an intrinsic that calls kernel number `number` by its address in a table."""

    @intrinsic
    def call(_typing: Any, table: Any, *given: Any) -> Any:
        """Call a kernel."""

        def generate(context: Any, builder: Any, called: Any, values: Any) -> Any:
            first = start_of(context, builder, called.args[0], values[0])
            entry = builder.gep(first, [ir.Constant(ir.IntType(64), number)])
            kinds = called.args[1].types
            arguments = [
                start_of(context, builder, kind, value)
                if isinstance(wanted, types.CPointer)
                else context.cast(builder, value, kind, wanted)
                for value, kind, wanted in zip(
                    cgutils.unpack_tuple(builder, values[1]), kinds, signature.args, strict=True
                )
            ]
            convention = context.call_conv
            kind = convention.get_function_type(signature.return_type, signature.args)
            function = builder.inttoptr(builder.load(entry), kind.as_pointer())
            status, result = convention.call_function(
                builder, function, signature.return_type, signature.args, arguments
            )
            with cgutils.if_unlikely(builder, status.is_error):
                convention.return_status_propagate(builder, status)
            return result

        return signature.return_type(table, types.StarArgTuple(given[0] if len(given) == 1 else given)), generate

    return call


def addresses() -> NDArray[np.int64]:
    """Return the addresses of all kernels; compile those that are not compiled yet."""
    return np.array([kernel.address() for kernel in KERNELS], np.int64)
