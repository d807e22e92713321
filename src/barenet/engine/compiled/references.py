"""References to tables: a function that gets one gets a single address, and not all fields.

    network = reference_to(network)     # of a named tuple
    place(network.values, 16)

Numba passes each field of a named tuple, and each of the seven numbers of an array in it, as an argument. With all
arguments of a training step, compiling took twice as long, and a step 50 microseconds more. In a reference,
one-dimensional arrays are replaced by the addresses of their first elements, as kernels need them; if bounds are
checked, they stay arrays.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.imputils import impl_ret_borrowed, lower_getattr_generic
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import intrinsic, models, register_model

from barenet.engine.compiled.kernels.compiling import CHECKS_BOUNDS, start_of

__all__ = ["reference_to"]


class Reference(types.Type):
    """The type of a reference to a table with these fields."""

    def __init__(self, name: str, fields: dict[str, Any]) -> None:
        self.fields = fields
        super().__init__(name=f"reference to {name} {tuple(fields.items())}")


@register_model(Reference)
class ReferenceModel(models.PrimitiveModel):
    """Represented as the address of a struct with these fields."""

    def __init__(self, manager: Any, frontend: Any) -> None:
        kinds = [manager.lookup(kind).get_value_type() for kind in frontend.fields.values()]
        super().__init__(manager, frontend, ir.LiteralStructType(kinds).as_pointer())


@infer_getattr
class Fields(AttributeTemplate):
    """Tells Numba the types of fields."""

    key = Reference

    def generic_resolve(self, typ: Any, attr: str) -> Any:  # type: ignore[override]
        """Return the type of a field, None if no field has this name."""
        return typ.fields.get(attr)


@lower_getattr_generic(Reference)  # type: ignore[untyped-decorator]
def get_field(context: Any, builder: Any, table: Any, address: Any, name: str) -> Any:
    """Return the value of a field."""
    value = builder.load(cgutils.gep_inbounds(builder, address, 0, list(table.fields).index(name)))
    return impl_ret_borrowed(context, builder, table.fields[name], value)


def is_replaced(kind: Any) -> bool:
    """Return whether an array of this type is replaced by its address."""
    return isinstance(kind, types.Array) and kind.ndim == 1 and not CHECKS_BOUNDS


@intrinsic
def reference_to(_typing: Any, table: Any) -> Any:
    """Return a reference to a named tuple; it is valid while the calling function runs."""
    kinds = [types.CPointer(kind.dtype) if is_replaced(kind) else kind for kind in table.types]
    reference = Reference(table.instance_class.__name__, dict(zip(table.fields, kinds, strict=True)))

    def generate(context: Any, builder: Any, _signature: Any, given: Any) -> Any:
        place = cgutils.alloca_once(builder, context.get_value_type(reference).pointee)
        for number, (kind, value) in enumerate(zip(table.types, cgutils.unpack_tuple(builder, given[0]), strict=True)):
            field = start_of(context, builder, kind, value) if is_replaced(kind) else value
            builder.store(field, cgutils.gep_inbounds(builder, place, 0, number))
        return place

    return reference(table), generate
