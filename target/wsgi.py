"""The WSGI entry point: ``gunicorn -c target/gunicorn.conf.py target.wsgi:app``."""

from __future__ import annotations

import os

from target.app import create_app
from target.settings import read_settings

app = create_app(read_settings(os.environ))
