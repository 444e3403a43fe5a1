"""A benchmark of the diagnosis: mistaken files made by a second, independent hand, and the verdict on the answers.

Nothing but `engine.py` imports `ptycho_*`: objects, probes, scans, the forward model, the mistakes and the decision
whether a truth can be told from its neighbours are written a second time here, so that an error of the engine is not
mirrored by the files that test it. Run `python -m benchmarks.diagnosis --help` from the checkout.
"""
