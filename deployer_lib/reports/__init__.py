"""Reports of a run, each a pure function of its record: ``build.build`` makes them all.

``log_parser`` and ``actions_parser`` read the two files back.
"""
