"""Which conventions explain a file's patterns: the vocabulary of mistakes, and the engine that ranks them."""
