"""The accuracy of the growth judge, measured on labelled synthetic series: ``make accuracy``."""

import os

# Two processes on two cores: a linear algebra library that starts threads of its own would only get in their way. It
# reads this when it is first imported.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
