"""One conversation with Google's speech service, in a process of its own so that it can be cut off at any point.

`gtts_process.py BASE LANGUAGE SECONDS`: phrases come as frames on standard input, their MP3 goes as frames to standard
output. The `gtts` library builds the requests and knows the languages. It is not asked to send them: it switches the
check of certificates off, and its time limit covers each single read only.
"""

import base64
import binascii
import os
import re
import sys
import time
import urllib.request
from pathlib import Path

MOST_ANSWER_BYTES = 8 * 1024 * 1024
_OK = 200
_AUDIO = re.compile(rb'jQ1olc","\[\\"(.*?)\\"\]')
_PATH = "/_/TranslateWebserverUi/data/batchexecute"


class Refused(Exception):
    """The service did not answer with sound."""


def sound_in(answer: bytes) -> bytes:
    """The MP3 inside an answer of the service. Raises Refused when there is none, or only half."""
    found = _AUDIO.search(answer)
    if not found:
        raise Refused("no sound in the answer")
    try:
        return base64.b64decode(found.group(1), validate=True)
    except binascii.Error:
        raise Refused("the sound in the answer is damaged") from None


def fetch(base: str, body: str, seconds: float) -> bytes:
    """POST one request; the whole answer, bounded in size and (between reads) in time. Raises Refused."""
    import certifi
    import urllib3
    from gtts import gTTS

    url = base.rstrip("/") + _PATH
    proxies = urllib.request.getproxies()
    host = urllib3.util.parse_url(url).host or ""
    proxy = None if urllib.request.proxy_bypass(host) else proxies.get(url.split(":", 1)[0])
    authorities = os.environ.get("SSL_CERT_FILE") or certifi.where()
    pool = urllib3.ProxyManager(proxy, ca_certs=authorities) if proxy else urllib3.PoolManager(ca_certs=authorities)
    until = time.monotonic() + seconds
    try:
        answer = pool.request(
            "POST", url, body=body, headers=gTTS.GOOGLE_TTS_HEADERS, preload_content=False, retries=False,
            redirect=False, timeout=urllib3.Timeout(total=seconds),
        )  # fmt: skip
        if answer.status != _OK:
            raise Refused(f"the service answered with status {answer.status}")
        got = bytearray()
        while piece := answer.read1(65_536):
            got += piece
            if len(got) > MOST_ANSWER_BYTES or time.monotonic() > until:
                raise Refused("the answer is too long or too slow")
        return bytes(got)
    except urllib3.exceptions.HTTPError as error:
        raise Refused(f"no connection to the service ({type(error).__name__})") from error
    finally:
        pool.clear()


def main(base: str, language: str, seconds: str) -> int:
    from gtts import gTTS

    from audio.engines.frames import read_frame, write_frame

    try:
        while (phrase := read_frame(sys.stdin.buffer)) is not None:
            text, sound = phrase.decode("utf-8"), b""
            if any(sign.isalnum() for sign in text):
                for body in gTTS(text, lang=language, lang_check=False).get_bodies():
                    sound += sound_in(fetch(base, body, float(seconds)))
            write_frame(sys.stdout.buffer, sound)
    except (Refused, AssertionError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    sys.exit(main(*sys.argv[1:]))
