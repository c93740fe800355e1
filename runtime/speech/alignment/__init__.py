"""When the words of a script are said, found in what the audio network hears, and whether they are said at all."""
