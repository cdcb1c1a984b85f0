"""Mistakes that somebody could make one day, each with the test that has to notice it.

A mutant is a change of the product's source. `./run bench mutants` makes each of them in a copy of
the project and runs the tests it names there: they have to fail. docs/mutants.md lists them.
"""
