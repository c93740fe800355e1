"""The five stages of the film, one module each."""
