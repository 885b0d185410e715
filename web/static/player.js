/* Hearing and seeing sound: a waveform to click into, and the bar of audio that is being made. The browser's own player stands where this file does not run. */
"use strict";

const Loa = (window.Loa = window.Loa || {});

Loa.clock = (seconds) => {
  if (!Number.isFinite(seconds) || seconds < 0) return "–:––";
  const whole = Math.floor(seconds);
  const minutes = Math.floor(whole / 60) % 60;
  const hours = Math.floor(whole / 3600);
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
};

/* One request a picture, however many players show it. */
const pictures = new Map();
const picture = (address) => {
  if (!pictures.has(address)) {
    const asked = fetch(address, { redirect: "error" }).then((answer) => {
      if (!answer.ok) throw new Error(String(answer.status));
      return answer.json();
    });
    asked.catch(() => pictures.delete(address));
    pictures.set(address, asked);
  }
  return pictures.get(address);
};

/* Peaks from 0 to 255 as bars, mirrored about the middle; `played` is the share already heard. */
Loa.draw = (canvas, peaks, played) => {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (!width || !height) return;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  const style = getComputedStyle(canvas);
  const heard = style.getPropertyValue("--heard") || "#0b5d57";
  const coming = style.getPropertyValue("--coming") || "#9fb7b3";
  const step = 3;
  const bars = Math.max(1, Math.floor(width / step));
  const here = played * width;
  for (let bar = 0; bar < bars; bar += 1) {
    let peak = 0;
    if (peaks.length) {
      const from = Math.floor((bar * peaks.length) / bars);
      const to = Math.max(from + 1, Math.floor(((bar + 1) * peaks.length) / bars));
      for (let at = from; at < to; at += 1) peak = Math.max(peak, peaks[at] || 0);
    }
    // A root makes quiet speech visible beside loud.
    const tall = Math.max(2, Math.sqrt(peak / 255) * (height - 6));
    const left = bar * step;
    pen.fillStyle = left < here ? heard : coming;
    pen.fillRect(left, (height - tall) / 2, step - 1, tall);
  }
  if (played > 0) {
    pen.fillStyle = heard;
    pen.fillRect(Math.min(width - 2, here), 0, 2, height);
  }
};

const element = (name, classes) => {
  const made = document.createElement(name);
  made.className = classes;
  return made;
};

Loa.players = (within) => {
  for (const box of within.querySelectorAll("[data-player]:not([data-ready])")) Loa.player(box);
};

/* Turn a figure with an audio element into a player with a waveform. `own` are peaks and seconds that no address has. */
Loa.player = (box, own) => {
  box.dataset.ready = "";
  const audio = box.querySelector("audio");
  const face = element("div", "player-face");
  const canvas = element("canvas", "wave");
  let peaks = own ? own.peaks : [];
  let told = own ? own.seconds : Number(box.dataset.seconds) || 0;
  if (box.dataset.shape && !own) {
    picture(box.dataset.shape)
      .then((shape) => {
        peaks = shape[box.dataset.which] || [];
        if (box.dataset.which === "as_heard") told = shape.seconds || told;
        paint();
      })
      .catch(() => box.classList.add("no-picture"));
  }
  if (!box.dataset.shape && !own) box.classList.add("no-picture");
  let measuring = false;
  const here = () => (measuring ? 0 : audio.currentTime);
  const length = () => (audio && Number.isFinite(audio.duration) && audio.duration > 0 ? audio.duration : told);
  const paint = () => Loa.draw(canvas, peaks, audio && length() ? Math.min(1, here() / length()) : 0);
  new ResizeObserver(() => paint()).observe(canvas);
  if (!audio) {
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", box.dataset.title);
    face.append(canvas);
    box.querySelector("figcaption").after(face);
    return;
  }
  const button = element("button", "player-button");
  button.type = "button";
  const time = element("span", "player-time");
  const say = () => {
    const playing = !audio.paused && !audio.ended;
    button.classList.toggle("playing", playing);
    button.setAttribute("aria-label", `${playing ? box.dataset.pause : box.dataset.play}: ${box.dataset.title}`);
    time.textContent = length() ? `${Loa.clock(here())} / ${Loa.clock(Math.round(length()))}` : Loa.clock(here());
    canvas.setAttribute("aria-valuemax", String(Math.round(length() || 0)));
    canvas.setAttribute("aria-valuenow", String(Math.round(here())));
    canvas.setAttribute("aria-valuetext", time.textContent);
    paint();
  };
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "slider");
  canvas.setAttribute("aria-valuemin", "0");
  canvas.setAttribute("aria-label", `${box.dataset.place}: ${box.dataset.title}`);
  let wanted = null;
  const seek = (seconds) => {
    const place = Math.max(0, Math.min(seconds, (length() || 0) - 0.05));
    if (audio.readyState === 0 || measuring) {
      // Nothing is loaded yet: remember the place, and go there as soon as something is.
      wanted = place;
      if (audio.readyState === 0 && audio.preload === "none") {
        audio.preload = "metadata";
        audio.load();
      }
    } else {
      audio.currentTime = place;
    }
    say();
  };
  const play = () => {
    if (audio.paused || audio.ended) audio.play().catch(() => {});
    else audio.pause();
  };
  button.addEventListener("click", play);
  const follow = (event) => {
    const area = canvas.getBoundingClientRect();
    seek(((event.clientX - area.left) / area.width) * (length() || 0));
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    follow(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (canvas.hasPointerCapture(event.pointerId)) follow(event);
  });
  canvas.addEventListener("keydown", (event) => {
    const now = audio.currentTime;
    const far = (length() || 0) / 10;
    const places = {
      ArrowLeft: now - 5, ArrowDown: now - 5, ArrowRight: now + 5, ArrowUp: now + 5,
      PageDown: now - far, PageUp: now + far, Home: 0, End: length(),
    };
    if (event.key === " " || event.key === "Enter") play();
    else if (event.key in places) seek(places[event.key]);
    else return;
    event.preventDefault();
  });
  audio.addEventListener("play", () => {
    for (const other of document.querySelectorAll("audio")) if (other !== audio) other.pause();
  });
  // What a browser recorded does not say how long it is; the end has to be looked for once before one can seek in it.
  let going = false;
  audio.addEventListener("loadedmetadata", () => {
    if (audio.duration === Infinity) {
      measuring = true;
      going = !audio.paused;
      audio.currentTime = 1e7;
      return;
    }
    if (wanted !== null) audio.currentTime = wanted;
    wanted = null;
  });
  audio.addEventListener("durationchange", () => {
    if (!measuring || !Number.isFinite(audio.duration)) return;
    measuring = false;
    audio.currentTime = wanted || 0;
    wanted = null;
    if (going) audio.play().catch(() => {});
  });
  for (const name of ["play", "pause", "ended", "timeupdate", "durationchange", "seeked", "loadedmetadata"]) {
    audio.addEventListener(name, say);
  }
  let beat = 0;
  const dance = () => {
    say();
    beat = audio.paused || audio.ended ? 0 : requestAnimationFrame(dance);
  };
  audio.addEventListener("play", () => {
    if (!beat) beat = requestAnimationFrame(dance);
  });
  const broken = () => {
    if (audio.networkState !== HTMLMediaElement.NETWORK_NO_SOURCE && !audio.error) return;
    button.disabled = true;
    time.textContent = box.dataset.broken;
  };
  audio.addEventListener("error", broken);
  const last = [...audio.querySelectorAll("source")].pop();
  if (last) last.addEventListener("error", () => setTimeout(broken));
  audio.controls = false;
  face.append(button, canvas, time);
  audio.before(face);
  say();
};

/* Audio that is being made: told by the server as it happens, or asked for where that does not work. */
Loa.making = (within) => {
  for (const box of within.querySelectorAll("[data-making]:not([data-ready])")) follow(box);

  function follow(box) {
    box.dataset.ready = "";
    const bar = box.querySelector(".progress-bar");
    const frame = box.querySelector(".progress");
    bar.style.width = `${frame.getAttribute("aria-valuenow")}%`;
    const words = box.querySelector("[data-words]");
    let over = false;
    const show = (now) => {
      bar.style.width = `${now.percent}%`;
      bar.textContent = `${now.percent} %`;
      frame.setAttribute("aria-valuenow", now.percent);
      if (now.words && words.textContent !== now.words) words.textContent = now.words;
      over = !["queued", "rendering"].includes(now.state);
      if (over) renew(box.closest("[data-card]"), 0);
      return over;
    };
    let rest = 1000;
    const ask = async () => {
      if (!box.isConnected || over) return;
      try {
        const answer = await fetch(box.dataset.making, { redirect: "error" });
        if (!answer.ok) throw new Error(String(answer.status));
        if (show(await answer.json())) return;
        rest = 1000;
      } catch {
        rest = Math.min(rest * 2, 10000);
      }
      setTimeout(ask, rest);
    };
    if (!window.EventSource) {
      ask();
      return;
    }
    const source = new EventSource(box.dataset.events);
    let troubles = 0;
    source.addEventListener("message", (event) => {
      troubles = 0;
      if (!box.isConnected || show(JSON.parse(event.data))) source.close();
    });
    source.addEventListener("error", () => {
      troubles += 1;
      // Closed for good, or again and again: ask instead.
      if (source.readyState === EventSource.CLOSED || troubles > 3) {
        source.close();
        ask();
      }
    });
    window.addEventListener("pagehide", () => source.close());
  }

  async function renew(card, tries) {
    try {
      const answer = await fetch(card.dataset.card, { redirect: "error", headers: { Accept: "text/html" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const holder = document.createElement("template");
      holder.innerHTML = await answer.text();
      const fresh = holder.content.querySelector("[data-card]");
      card.replaceWith(fresh);
      Loa.sounds(fresh);
      document.dispatchEvent(new CustomEvent("loa:sound", { detail: fresh }));
    } catch {
      if (tries < 8) setTimeout(() => renew(card, tries + 1), 500 * 2 ** tries);
    }
  }
};

Loa.sounds = (within) => {
  Loa.players(within);
  Loa.making(within);
};

Loa.sounds(document);
