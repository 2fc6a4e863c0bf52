# SPDX-License-Identifier: Apache-2.0
"""Entry of the Python guest: python3 -I -S -B guest.py, the host on descriptor 3.

Runs as __main__ only to find its parts; a function never sees this module's
folder on sys.path, nor this module as __main__.
"""
import sys


def boot():
    """Import the parts from the folder beside this file and hand over to them."""
    folder = __file__.rpartition("/")[0] or "."
    sys.path.insert(0, folder)
    from dayfly_guest import instance

    sys.path.remove(folder)
    instance.main()


boot()
