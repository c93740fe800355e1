"""The motion field's mesh and the two networks that place and move it."""
