"""Scenarios side by side as one value of a compiled kernel, with plain arithmetic.

numba has no vector type, and leaves loops over a few neighbours to a compiler that must prove them free of
overlap first: so written, the sweeps took 1.7 times as long. A value here is an LLVM vector of `LANES`
doubles; the machine's own width is LLVM's business. Kernels load, calculate as with one number, and store.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, models, register_model

# One of the widest registers, and one cache line. Measured on 10,464 rows, a sweep of a row and scenario:
# 8 lanes 1.9 ns (3.0 where they lie across two cache lines), 16 lanes 2.4 ns, 32 lanes 3 to 10 ns.
LANES = 8

_DOUBLES = ir.VectorType(ir.DoubleType(), LANES)
_FLAGS = ("contract", "nsz")  # a * b + c in one instruction; NaN and infinity keep their meaning


class _LanesType(types.Type):
    def __init__(self) -> None:
        super().__init__(name=f"Lanes({LANES})")


_LANES = _LanesType()


@register_model(_LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, fe_type: Any) -> None:  # numba's own types
        super().__init__(manager, fe_type, _DOUBLES)


@intrinsic
def load(_context, array, index):  # type: ignore[no-untyped-def]
    """Lanes from array[index], array[index + 1], ... of a flat array."""

    def code(context, builder, sig, args):  # type: ignore[no-untyped-def]
        return builder.load(_place(context, builder, sig.args[0], *args), align=8)

    return _LANES(array, types.uint64), code


@intrinsic
def store(_context, array, index, value):  # type: ignore[no-untyped-def]
    """Put lanes into array[index], array[index + 1], ... of a flat array."""

    def code(context, builder, sig, args):  # type: ignore[no-untyped-def]
        builder.store(args[2], _place(context, builder, sig.args[0], args[0], args[1]), align=8)
        return context.get_dummy_value()

    return types.void(array, types.uint64, _LANES), code


@intrinsic
def same(_context, value):  # type: ignore[no-untyped-def]
    """One number in all lanes."""

    def code(context, builder, sig, args):  # type: ignore[no-untyped-def]
        return _spread(builder, args[0])

    return _LANES(types.float64), code


@intrinsic
def root(_context, value):  # type: ignore[no-untyped-def]
    """Square root of each lane."""

    def code(context, builder, sig, args):  # type: ignore[no-untyped-def]
        return builder.call(_intrinsic(builder, "sqrt", _DOUBLES, _DOUBLES), args)

    return _LANES(_LANES), code


@intrinsic
def where_less(_context, left, right, yes, no):  # type: ignore[no-untyped-def]
    """Per lane `yes` where left < right, else `no`; a lane with NaN takes `no`."""

    def code(context, builder, sig, args):  # type: ignore[no-untyped-def]
        return builder.select(builder.fcmp_ordered("<", args[0], args[1]), args[2], args[3])

    return _LANES(_LANES, _LANES, _LANES, _LANES), code


def _across(join: Callable) -> Any:
    """One number from all lanes: halves are joined until one lane is left.

    LLVM's own reductions take ten times as long where they mind NaN.
    """

    @intrinsic
    def across(_context, value):  # type: ignore[no-untyped-def]
        def code(context, builder, sig, args):  # type: ignore[no-untyped-def]
            lanes = args[0]
            while lanes.type.count > 1:
                half = lanes.type.count // 2
                lanes = join(builder, *(_part(builder, lanes, first, half) for first in (0, half)))
            return builder.extract_element(lanes, ir.IntType(32)(0))

        return types.float64(_LANES), code

    return across


def _part(builder, lanes, first, count):  # type: ignore[no-untyped-def]
    chosen = ir.Constant(ir.VectorType(ir.IntType(32), count), list(range(first, first + count)))
    return builder.shuffle_vector(lanes, ir.Constant(lanes.type, ir.Undefined), chosen)


def _intrinsic(builder, name, result, *arguments):  # type: ignore[no-untyped-def]
    """One of LLVM's own functions for vectors of this length."""
    kind = ir.FunctionType(result, arguments)
    return cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v{LANES}f64")


def _better(order: str) -> Callable:
    """The lesser or greater of two; of a number and NaN the number: a scenario that failed hides no other."""

    def join(builder, a, b):  # type: ignore[no-untyped-def]
        missing = builder.fcmp_unordered("!=", b, b)
        return builder.select(builder.or_(builder.fcmp_ordered(order, a, b), missing), a, b)

    return join


least = _across(_better("<"))
greatest = _across(_better(">"))
total = _across(lambda builder, a, b: builder.fadd(a, b))


def _place(context, builder, kind, array, index):  # type: ignore[no-untyped-def]
    start = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(start, [index]), _DOUBLES.as_pointer())


def _spread(builder, number):  # type: ignore[no-untyped-def]
    nothing, zero = ir.Constant(_DOUBLES, ir.Undefined), ir.IntType(32)(0)
    one = builder.insert_element(nothing, number, zero)
    return builder.shuffle_vector(
        one, nothing, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    )


def _arithmetic(python: Callable, llvm: str) -> None:
    """Teach numba one operation of lanes with lanes, and of lanes with a number."""

    @infer_global(python)
    class _Typing(AbstractTemplate):
        def generic(self, args, kws):  # type: ignore[no-untyped-def]
            numbers = (types.Float, types.Integer)
            if len(args) == 2 and _LANES in args and all(a == _LANES or isinstance(a, numbers) for a in args):
                return signature(_LANES, *(a if a == _LANES else types.float64 for a in args))
            return None

    for kinds in ((_LANES, _LANES), (_LANES, types.float64), (types.float64, _LANES)):

        @lower_builtin(python, *kinds)
        def _code(context, builder, sig, args):  # type: ignore[no-untyped-def]
            both = [v if k == _LANES else _spread(builder, v) for v, k in zip(args, sig.args, strict=True)]
            return getattr(builder, llvm)(*both, flags=_FLAGS)


_arithmetic(operator.add, "fadd")
_arithmetic(operator.sub, "fsub")
_arithmetic(operator.mul, "fmul")
_arithmetic(operator.truediv, "fdiv")
