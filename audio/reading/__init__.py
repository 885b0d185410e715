"""Reading aloud: written Vietnamese into the words a voice says, and those into pieces a voice takes."""

from audio.reading.front_end import spoken
from audio.reading.sentences import Sentence, sentences

__all__ = ["Sentence", "sentences", "spoken"]
