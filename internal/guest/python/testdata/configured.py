# SPDX-License-Identifier: Apache-2.0
"""A module that sets up logging as scripts do."""
import logging

logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s")
logging.info("imported")


def lambda_handler(event, context):
    logging.info("called")
    return len(logging.getLogger().handlers)


def application(environ, start_response):
    logging.info("called")
    start_response("200 OK", [])
    return [b"%d" % len(logging.getLogger().handlers)]
