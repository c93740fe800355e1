"""How good the films are: numbers and contact sheets from a folder of portraits and a folder of speech."""
