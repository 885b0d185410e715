"""espeak-ng in a process of its own: phrases as frames on standard input, sound as frames on standard output.

Run by path with a bare interpreter, `espeak_process.py LIBRARY DATA VOICE WORDS_A_MINUTE`, so it imports the standard
library alone. The first answer frame is the rate in Hz, then one frame of 16-bit samples for each phrase.
With VOICE `?` it answers one frame that lists the voices, a line each: language, tab, name, tab, file.
"""

import ctypes
import struct
import sys

_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS of speak_lib.h
_UTF8 = 1  # espeakCHARS_UTF8
_RATE_PARAMETER = 1  # espeakRATE, words a minute
_DONT_EXIT = 0x8000  # espeakINITIALIZE_DONT_EXIT
_HEAD = 4


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def _answer(body: bytes) -> None:
    sys.stdout.buffer.write(struct.pack(">I", len(body)) + body)
    sys.stdout.buffer.flush()


def _next_phrase() -> bytes | None:
    head = sys.stdin.buffer.read(_HEAD)
    return sys.stdin.buffer.read(struct.unpack(">I", head)[0]) if len(head) == _HEAD else None


def _list_voices(library: ctypes.CDLL) -> None:
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
    voices, lines, index = library.espeak_ListVoices(None), [], 0
    while voices[index]:
        voice = voices[index].contents
        # `languages` is a byte of priority, then the language's name, ended by a zero byte.
        language = ctypes.string_at(voice.languages + 1).decode("utf-8", "replace")
        name, file = ((text or b"").decode("utf-8", "replace") for text in (voice.name, voice.identifier))
        lines.append(f"{language}\t{name}\t{file}")
        index += 1
    _answer("\n".join(lines).encode())


def main(library_path: str, data_path: str, voice: str, words_a_minute: str) -> int:
    library = ctypes.CDLL(library_path)
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, data_path.encode(), _DONT_EXIT)
    if rate <= 0:
        sys.stderr.write("espeak-ng could not be initialised\n")
        return 1
    if voice == "?":
        _list_voices(library)
        return 0
    pieces: list[bytes] = []

    def take(samples: "ctypes._Pointer[ctypes.c_short]", count: int, _events: int) -> int:
        if samples and count > 0:
            pieces.append(ctypes.string_at(samples, count * 2))
        return 0

    callback = _Callback(take)  # kept in a name: the library holds no reference of its own
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(voice.encode()):
        sys.stderr.write(f"espeak-ng has no voice {voice}\n")
        return 1
    library.espeak_SetParameter(_RATE_PARAMETER, int(words_a_minute), 0)
    library.espeak_Synth.argtypes = [
        ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint,
        ctypes.c_void_p, ctypes.c_void_p,
    ]  # fmt: skip
    _answer(str(rate).encode())
    while (phrase := _next_phrase()) is not None:
        pieces.clear()
        text = phrase.replace(b"\0", b" ")
        if library.espeak_Synth(text, len(text) + 1, 0, 1, 0, _UTF8, None, None):
            sys.stderr.write("espeak-ng could not speak a phrase\n")
            return 1
        _answer(b"".join(pieces))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
