"""Dify's face of Sonic Talking Video.

This process only moves bytes and waits: decoding, inference and encoding happen in the runtime's processes. gevent
runs every session and the heartbeat on one thread here, so a native call that takes long would stop them all.
"""

import logging

from dify_plugin.config.logger_format import plugin_logger_handler

# The daemon reads log lines from the protocol on stdout; anything else written there would break it.
_logger = logging.getLogger(__name__)
_logger.setLevel(logging.INFO)
_logger.propagate = False
if plugin_logger_handler not in _logger.handlers:
    _logger.addHandler(plugin_logger_handler)
