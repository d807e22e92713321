"""Arithmetic on vectors of 16 float32 numbers, for functions that Numba compiles.

    fma(v, w, u)    # v w + u, rounded once
    total(v)        # the sum of its numbers

LLVM compiles a vector for the processor: one register of AVX-512, two of AVX2, four of NEON. Each operation is rounded
as IEEE 754 says, and none is reordered, so the bits are the same on each of them. The 16 numbers are added in a fixed
tree.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

__all__ = [
    "LANES",
    "add",
    "at_least",
    "divide",
    "first_of",
    "fma",
    "is_among_first",
    "is_below",
    "largest",
    "multiply",
    "splat",
    "sqrt",
    "subtract",
    "total",
    "where",
]

LANES = 16

FLOAT, INT = ir.FloatType(), ir.IntType(32)
VECTOR, INTS, BOOLS = (ir.VectorType(kind, LANES) for kind in (FLOAT, INT, ir.IntType(1)))


class VectorType(types.Type):
    """The type of 16 float32 numbers."""


class MaskType(types.Type):
    """The type of 16 booleans."""


vector, mask = VectorType(name="float32x16"), MaskType(name="boolx16")


@register_model(VectorType)
class VectorModel(models.PrimitiveModel):
    """Represented as a vector of LLVM."""

    def __init__(self, manager: Any, frontend: Any) -> None:
        super().__init__(manager, frontend, VECTOR)


@register_model(MaskType)
class MaskModel(models.PrimitiveModel):
    """Represented as a vector of bits of LLVM."""

    def __init__(self, manager: Any, frontend: Any) -> None:
        super().__init__(manager, frontend, BOOLS)


# ------------------------------------------------------------------------------------------ the code that LLVM builds


def constant(value: float, kind: Any = VECTOR) -> Any:
    """Return 16 times the same constant."""
    return ir.Constant(kind, [value] * LANES)


def spread(builder: Any, number: Any) -> Any:
    """Return a vector of 16 times the same number."""
    first = builder.insert_element(ir.Constant(VECTOR, ir.Undefined), number, ir.Constant(INT, 0))
    return builder.shuffle_vector(first, ir.Constant(VECTOR, ir.Undefined), constant(0, INTS))


def call_llvm(builder: Any, name: str, arguments: list[Any]) -> Any:
    """Return the result of an intrinsic function of LLVM for some vectors."""
    kind = ir.FunctionType(VECTOR, [VECTOR] * len(arguments))
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v{LANES}f32"), arguments)


def fused(builder: Any, x: Any, y: Any, z: Any) -> Any:
    """Return x y + z, rounded once."""
    return call_llvm(builder, "fma", [x, y, z])


def larger(builder: Any, x: Any, y: Any) -> Any:
    """Return the larger numbers of two vectors; those of y if both are equal or one is NaN, on every processor."""
    return builder.select(builder.fcmp_ordered(">", x, y), x, y)


def smaller(builder: Any, x: Any, y: Any) -> Any:
    """Return the smaller numbers of two vectors; those of y if both are equal or one is NaN, on every processor."""
    return builder.select(builder.fcmp_ordered("<", x, y), x, y)


def halves(builder: Any, value: Any, combine: Callable[[Any, Any], Any]) -> Any:
    """Return the one number that remains when the halves of a vector are combined again and again."""
    width = LANES
    while width > 1:
        width //= 2
        nothing = ir.Constant(value.type, ir.Undefined)
        low, high = (
            builder.shuffle_vector(
                value, nothing, ir.Constant(ir.VectorType(INT, width), list(range(first, first + width)))
            )
            for first in (0, width)
        )
        value = combine(low, high)
    return builder.extract_element(value, ir.Constant(INT, 0))


# ---------------------------------------------------------------------------------------------- element by element


def elementwise(result: Any, arguments: list[Any], build: Callable[..., Any]) -> Any:
    """Return an intrinsic of one to three arguments, whose code `build(builder, ...)` makes."""

    def make(*_kinds: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, given: Any) -> Any:
            return build(builder, *given)

        return result(*arguments), generate

    # Numba reads names and number of the arguments from the function.
    if len(arguments) == 1:
        return intrinsic(lambda _typing, x: make(x))
    if len(arguments) == 2:
        return intrinsic(lambda _typing, x, y: make(x, y))
    return intrinsic(lambda _typing, x, y, z: make(x, y, z))


splat = elementwise(vector, [types.float32], spread)
add = elementwise(vector, [vector] * 2, lambda b, x, y: b.fadd(x, y))
subtract = elementwise(vector, [vector] * 2, lambda b, x, y: b.fsub(x, y))
multiply = elementwise(vector, [vector] * 2, lambda b, x, y: b.fmul(x, y))
divide = elementwise(vector, [vector] * 2, lambda b, x, y: b.fdiv(x, y))
fma = elementwise(vector, [vector] * 3, fused)
sqrt = elementwise(vector, [vector], lambda b, x: call_llvm(b, "sqrt", [x]))
at_least = elementwise(vector, [vector] * 2, larger)
is_below = elementwise(mask, [vector] * 2, lambda b, x, y: b.fcmp_ordered("<", x, y))
where = elementwise(vector, [mask, vector, vector], lambda b, chosen, x, y: b.select(chosen, x, y))
first_of = elementwise(types.float32, [vector], lambda b, x: b.extract_element(x, ir.Constant(INT, 0)))
total = elementwise(types.float32, [vector], lambda b, x: halves(b, x, b.fadd))
largest = elementwise(
    types.float32,
    [vector],
    lambda b, x: halves(b, x, lambda low, high: larger(b, low, high)),
)


def power_of_two(builder: Any, exponent: Any) -> Any:
    """Return 2^n of whole numbers n from -126 to 127, by writing n into the exponent's bits."""
    whole = builder.fptosi(exponent, INTS)
    bits = builder.shl(builder.add(whole, constant(127, INTS)), constant(23, INTS))
    return builder.bitcast(bits, VECTOR)


def exponent_of(builder: Any, value: Any) -> Any:
    """Return n of positive normal numbers m 2^n, with m from sqrt(1/2) to sqrt(2), as floats."""
    bits = builder.bitcast(value, INTS)
    # Bits of sqrt(1/2): when they are subtracted, the exponent changes at this mantissa.
    moved = builder.sub(bits, constant(0x3F3504F3, INTS))
    return builder.sitofp(builder.ashr(moved, constant(23, INTS)), VECTOR)


def mantissa_of(builder: Any, value: Any) -> Any:
    """Return m of positive normal numbers m 2^n, see `exponent_of`."""
    bits = builder.bitcast(value, INTS)
    moved = builder.sub(bits, constant(0x3F3504F3, INTS))
    power = builder.and_(moved, constant(-0x800000, INTS))
    return builder.bitcast(builder.sub(bits, power), VECTOR)


def first_lanes(builder: Any, number: Any) -> Any:
    """Return a mask of the first n lanes; n has 64 bits."""
    nothing = ir.Constant(INTS, ir.Undefined)
    first = builder.insert_element(nothing, builder.trunc(number, INT), ir.Constant(INT, 0))
    limit = builder.shuffle_vector(first, nothing, constant(0, INTS))
    return builder.icmp_signed("<", ir.Constant(INTS, list(range(LANES))), limit)


is_among_first = elementwise(mask, [types.intp], first_lanes)
