"""Measures how well scripts are aligned to speech; nothing is trained here."""
