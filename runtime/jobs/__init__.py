"""Durable jobs: what was accepted is rendered, stored and kept until it is old, whatever happens in between."""
