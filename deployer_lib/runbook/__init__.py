"""Run the notebooks of an environment with papermill, and seal what they leave.

Nothing is imported here: the parent of the kernels lives in this package and needs neither papermill nor nbformat.
"""
