"""The browser of these tests: `chromium.py`, which the tests in JupyterLab use too."""

from chromium import browser, visit  # noqa: F401 - fixtures
