"""How threads that share a network's steps wait for each other, without Python.

Each thread adds one to a counter and waits until all have done so. First it reads the counter again and again, since
the others usually need only some microseconds. Then it lets other threads run: with more threads than cores, they would
otherwise wait for each other for a long time.
"""

from __future__ import annotations

import os
import platform
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from barenet.engine.compiled.kernels.compiling import helper, start_of

__all__ = ["MEET_NO_MORE", "meet"]

WORD = ir.IntType(64)
MEET_NO_MORE = 2**60  # in a counter: a thread has failed, nobody waits any more, and the results are not used
MOST_LOOKS = 2_000  # before a thread lets others run; this takes about ten microseconds
LET_OTHERS_RUN = "SwitchToThread" if os.name == "nt" else "sched_yield"
IS_X86 = platform.machine().lower() in ("x86_64", "amd64", "i686")


@intrinsic
def add_one(_typing: Any, counter: Any) -> Any:
    """Add one to the first number of an array in one atomic operation, and return its old value."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        place = start_of(context, builder, signature.args[0], given[0])
        return builder.atomic_rmw("add", place, ir.Constant(WORD, 1), "seq_cst")

    return types.int64(counter), generate


@intrinsic
def look_at(_typing: Any, counter: Any) -> Any:
    """Return the first number of an array; all that was written before it got its value can be read after this."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        place = start_of(context, builder, signature.args[0], given[0])
        return builder.load_atomic(place, "acquire", 8)

    return types.int64(counter), generate


@intrinsic
def pause(_typing: Any) -> Any:
    """Tell the processor that a loop waits."""

    def generate(context: Any, builder: Any, _signature: Any, _given: Any) -> Any:
        if IS_X86:
            kind = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse2.pause"), [])
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def let_others_run(_typing: Any) -> Any:
    """Let the system run other threads on this core."""

    def generate(context: Any, builder: Any, _signature: Any, _given: Any) -> Any:
        kind = ir.FunctionType(ir.IntType(32), [])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, LET_OTHERS_RUN), [])
        return context.get_dummy_value()

    return types.void(), generate


@helper
def meet(counter, n_threads):
    """Wait until all threads have called this; counter: (1,) int64, 0 at first, MEET_NO_MORE after an error."""
    if n_threads == 1:
        return
    before: int = add_one(counter)
    if before >= MEET_NO_MORE:
        return
    goal = (before // n_threads + 1) * n_threads
    looks = 0
    while look_at(counter) < goal:
        looks += 1
        if looks < MOST_LOOKS:
            pause()
        else:
            let_others_run()
