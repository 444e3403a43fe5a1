"""Array types of this package."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

ComplexArray: TypeAlias = NDArray[np.complex128]
AnyComplex: TypeAlias = NDArray[np.complexfloating[Any, Any]]
RealArray: TypeAlias = NDArray[np.float64]
AnyReal: TypeAlias = NDArray[np.floating[Any]]
Mask: TypeAlias = NDArray[np.bool_]
Pair: TypeAlias = tuple[float, float]
"""Something per axis, in the order (y, x)."""
