"""Signal processing of speech that the audio encoder and its training share."""
