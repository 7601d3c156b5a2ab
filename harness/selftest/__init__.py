"""The fault lab: known faults on the reference target, each of which the harness must find and name rightly."""
