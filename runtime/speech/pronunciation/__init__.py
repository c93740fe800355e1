"""Text to phones: what a script's words sound like, in the phones of `runtime.stages.articulation`.

`pronounce` cuts a script into words (`tokens`), says how numbers, units and signs are read, and looks every word
up in the rules of its language (one module each). Where several readings are likely, a word carries them all and
the alignment with the sound picks one. Dictionaries load when first needed.
"""

from runtime.speech.pronunciation.pronouncing import Pronounced, pronounce

__all__ = ["Pronounced", "pronounce"]
