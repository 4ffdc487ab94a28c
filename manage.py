#!/usr/bin/env python
"""Django's command-line entry point."""

import os
import sys

INTERRUPTED = 130  # what shells report of a program that Ctrl-C ended

try:
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
except KeyboardInterrupt:  # importing takes long enough to think better of it
    sys.exit(INTERRUPTED)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"ImproperlyConfigured: {error}")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
