"""Dify's face of Sonic Talking Video.

This process only moves bytes and waits: decoding, inference and encoding happen in the runtime's processes. gevent
runs every session and the heartbeat on one thread here, so a native call that takes long would stop them all.
"""
