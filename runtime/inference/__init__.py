"""ONNX Runtime behind one door: model packs, provider choice, sessions."""
