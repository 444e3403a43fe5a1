"""What goes wrong in an evaluation."""


class EvaluationError(ValueError):
    """The arrays cannot be compared as asked; the message says why and what would help."""


class ImageTooSmallError(EvaluationError):
    """The image, or the covered part of it, is too small for this metric; the others still have numbers."""
