"""How each language's trees look and which idioms read the environment; a file a language."""
