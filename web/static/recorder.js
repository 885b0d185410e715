/* Recordings for a form: spoken into the microphone here, or chosen as a file, and sent ahead of the form with a bar. Without this file the form sends the chosen file itself. */
"use strict";

const KINDS = ["audio/webm;codecs=opus", "audio/mp4;codecs=mp4a.40.2", "audio/mp4", "audio/ogg;codecs=opus", "audio/webm"];
const BITS_A_SECOND = 64000;
const QUIET_DB = -30;
const LOUD_DB = -2;
const FLOOR_DB = -60;
const TICK_MS = 50;
const MOST_PEAKS = 1600;

const kindHere = () => KINDS.find((kind) => MediaRecorder.isTypeSupported(kind));

/* Peaks of a recording of any length: when there are too many, each pair becomes one. */
class Peaks {
  constructor() {
    this.values = [];
    this.span = 2;
    this.filled = 0;
    this.highest = 0;
  }

  feed(peak) {
    this.highest = Math.max(this.highest, peak);
    this.filled += 1;
    if (this.filled < this.span) return;
    this.values.push(Math.round(Math.min(1, this.highest) * 255));
    this.filled = 0;
    this.highest = 0;
    if (this.values.length < MOST_PEAKS) return;
    this.values = this.values.filter((_, at) => at % 2 === 0).map((value, at) => Math.max(value, this.values[2 * at + 1] || 0));
    this.span *= 2;
  }
}

/* What the microphone hears now: its level, and a word for it. */
class Meter {
  constructor(stream, box) {
    this.box = box;
    this.context = new (window.AudioContext || window.webkitAudioContext)();
    this.analyser = this.context.createAnalyser();
    this.analyser.fftSize = 4096;
    this.samples = new Float32Array(this.analyser.fftSize);
    this.context.createMediaStreamSource(stream).connect(this.analyser);
    this.recent = [];
  }

  look() {
    this.analyser.getFloatTimeDomainData(this.samples);
    let peak = 0;
    for (const sample of this.samples) peak = Math.max(peak, Math.abs(sample));
    const level = Math.max(FLOOR_DB, 20 * Math.log10(peak + 1e-9));
    this.recent.push(level);
    if (this.recent.length > 1500 / TICK_MS) this.recent.shift();
    const held = Math.max(...this.recent);
    const word = held >= LOUD_DB ? "loud" : held < QUIET_DB ? "quiet" : "good";
    const bar = this.box.querySelector("[data-meter]");
    bar.style.setProperty("--level", `${Math.min(100, 100 - (level / FLOOR_DB) * 100)}%`);
    bar.dataset.word = word;
    for (const each of this.box.querySelectorAll("[data-level]")) each.hidden = each.dataset.level !== word;
    return peak;
  }

  close() {
    this.context.close().catch(() => {});
  }
}

class Recording {
  constructor(box) {
    this.box = box;
    this.form = box.closest("form");
    this.file = box.querySelector("input[type=file]");
    this.state = "idle";
    this.blob = null;
    this.asked = null;
    this.part("idle");
    for (const button of box.querySelectorAll("[data-do]")) {
      button.addEventListener("click", () => this[button.dataset.do]());
    }
    this.file.addEventListener("change", () => {
      const chosen = this.file.files[0];
      if (chosen) this.send(chosen, chosen.name);
    });
    box.querySelector("[data-recorder]").hidden = false;
    if (!window.isSecureContext || !navigator.mediaDevices) this.refuse("insecure", true);
    else if (!window.MediaRecorder || !kindHere()) this.refuse("unsupported", true);
  }

  /* Whether something would be lost if the page were left now. */
  get unsent() {
    return ["recording", "paused", "recorded", "sending"].includes(this.state);
  }

  part(name) {
    this.state = name;
    const shown = name === "paused" ? "recording" : name;
    for (const each of this.box.querySelectorAll("[data-part]")) each.hidden = each.dataset.part !== shown;
    for (const each of this.box.querySelectorAll("[data-do=pause]")) each.hidden = name === "paused";
    for (const each of this.box.querySelectorAll("[data-do=resume]")) each.hidden = name !== "paused";
    this.box.querySelector(".recorder").classList.toggle("paused", name === "paused");
    this.file.disabled = ["recording", "paused", "sending"].includes(name);
  }

  refuse(why, forGood) {
    for (const each of this.box.querySelectorAll("[data-why]")) each.hidden = each.dataset.why !== why;
    if (forGood) this.box.querySelector("[data-do=begin]").hidden = true;
  }

  async begin() {
    this.refuse("", false);
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({
        audio: { channelCount: 1, echoCancellation: false, noiseSuppression: true, autoGainControl: true },
      });
    } catch (error) {
      const reasons = { NotAllowedError: "denied", SecurityError: "denied", NotFoundError: "absent", OverconstrainedError: "absent" };
      this.refuse(reasons[error.name] || "taken", false);
      return;
    }
    const kind = kindHere();
    this.pieces = [];
    this.bytes = 0;
    this.peaks = new Peaks();
    this.elapsed = 0;
    this.recorder = new MediaRecorder(this.stream, { mimeType: kind, audioBitsPerSecond: BITS_A_SECOND });
    this.meter = new Meter(this.stream, this.box);
    this.recorder.addEventListener("dataavailable", (event) => {
      if (event.data.size) this.pieces.push(event.data);
      this.bytes += event.data.size;
      if (this.bytes > Number(this.form.dataset.maxBytes) - 200000) this.finish();
    });
    this.recorder.addEventListener("stop", () => this.recorded());
    this.recorder.addEventListener("error", () => this.finish());
    this.stream.getAudioTracks()[0].addEventListener("ended", () => {
      this.refuse("lost", false);
      this.finish();
    });
    this.dropped = false;
    this.recorder.start(1000);
    this.part("recording");
    this.since = performance.now();
    this.timer = setInterval(() => this.tick(), TICK_MS);
    this.box.querySelector("[data-do=finish]").focus();
  }

  tick() {
    const peak = this.meter.look();
    if (this.state !== "recording") return;
    const now = performance.now();
    this.elapsed += (now - this.since) / 1000;
    this.since = now;
    this.peaks.feed(peak);
    this.box.querySelector("[data-time]").textContent = Loa.clock(this.elapsed);
    const live = this.box.querySelector("[data-live]");
    const shown = Math.max(40, Math.floor(live.clientWidth / 3));
    const latest = this.peaks.values.slice(-shown);
    Loa.draw(live, [...new Array(shown - latest.length).fill(0), ...latest], 0);
    if (this.elapsed >= Number(this.box.dataset.limitSeconds)) this.finish();
  }

  pause() {
    this.recorder.pause();
    this.part("paused");
    this.box.querySelector("[data-do=resume]").focus();
  }

  resume() {
    this.recorder.resume();
    this.since = performance.now();
    this.part("recording");
  }

  finish() {
    if (this.recorder && this.recorder.state !== "inactive") this.recorder.stop();
  }

  drop() {
    this.dropped = true;
    this.finish();
  }

  silence() {
    clearInterval(this.timer);
    if (this.meter) this.meter.close();
    if (this.stream) for (const track of this.stream.getTracks()) track.stop();
    this.meter = null;
  }

  recorded() {
    this.silence();
    if (this.dropped || !this.bytes) {
      this.forget();
      return;
    }
    this.blob = new Blob(this.pieces, { type: this.recorder.mimeType.split(";")[0] });
    this.pieces = [];
    const old = this.box.querySelector("[data-heard-here]");
    const figure = this.box.querySelector("template[data-listen]").content.firstElementChild.cloneNode(true);
    figure.dataset.heardHere = "";
    this.address = URL.createObjectURL(this.blob);
    figure.querySelector("audio").src = this.address;
    old.replaceWith(figure);
    this.part("recorded");
    Loa.player(figure, { peaks: this.peaks.values, seconds: this.elapsed });
    this.box.querySelector("[data-do=use]").focus();
    if (this.afterwards) this.use();
  }

  forget() {
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = null;
    this.blob = null;
    this.part("idle");
  }

  again() {
    this.forget();
    this.begin();
  }

  use() {
    const ending = this.blob.type.endsWith("mp4") ? "m4a" : this.blob.type.split("/")[1];
    const now = new Date();
    const two = (number) => String(number).padStart(2, "0");
    const when = `${two(now.getDate())}.${two(now.getMonth() + 1)} ${two(now.getHours())}h${two(now.getMinutes())}`;
    this.send(this.blob, `${this.box.dataset.name} ${when}.${ending}`);
  }

  /* Send ahead of the form. What comes back is the id that the form then carries. */
  send(content, name) {
    const before = this.blob ? "recorded" : "idle";
    if (content.size > Number(this.form.dataset.maxBytes)) {
      this.say(this.form.dataset.tooLarge);
      return;
    }
    this.say("");
    const body = new FormData();
    body.append("csrf_token", this.form.querySelector("input[name=csrf_token]").value);
    body.append("unit", this.form.querySelector("[name=unit]").value);
    body.append("language", this.form.querySelector(`[name="${this.box.dataset.prefix}language"]`).value);
    body.append("preset", this.form.querySelector(`[name="${this.box.dataset.prefix}preset"]`).value);
    body.append("file", content, name);
    const asked = (this.asked = new XMLHttpRequest());
    asked.open("POST", this.box.dataset.upload);
    asked.responseType = "json";
    asked.setRequestHeader("Accept", "application/json");
    const bar = this.box.querySelector("[data-part=sending] .progress-bar");
    const show = (percent) => {
      bar.style.width = `${percent}%`;
      bar.textContent = `${percent} %`;
      bar.parentElement.setAttribute("aria-valuenow", percent);
    };
    show(0);
    this.part("sending");
    asked.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) show(Math.floor((event.loaded * 100) / event.total));
    });
    asked.addEventListener("load", () => {
      const answer = asked.response;
      if (asked.status === 201 && answer && answer.clip) {
        this.keep(answer.clip, answer.title);
        return;
      }
      const told = answer && answer.error && answer.error.message;
      const words = this.box.dataset;
      this.failed(before, told || (asked.status === 413 ? this.form.dataset.tooLarge : asked.status === 200 ? words.signedOut : words.notSent));
    });
    asked.addEventListener("error", () => this.failed(before, this.box.dataset.notSent));
    asked.addEventListener("abort", () => this.failed(before, ""));
    asked.send(body);
  }

  stop() {
    if (this.asked) this.asked.abort();
  }

  failed(before, why) {
    this.asked = null;
    this.afterwards = null;
    this.part(before);
    if (before === "idle") this.file.value = "";
    this.say(why);
  }

  say(words) {
    const line = this.box.querySelector("[data-told]");
    line.textContent = words;
    line.hidden = !words;
  }

  async keep(clip, title) {
    this.asked = null;
    this.forget();
    this.file.value = "";
    const kept = this.box.querySelector("template[data-kept-form]").content.firstElementChild.cloneNode(true);
    kept.querySelector("[data-id]").value = clip;
    kept.querySelector("[data-name]").textContent = title;
    const old = this.box.querySelector("[data-kept]");
    if (old) old.replaceWith(kept);
    else this.box.querySelector("template[data-kept-form]").after(kept);
    if (this.afterwards) {
      this.form.requestSubmit(this.afterwards.submitter);
      return;
    }
    try {
      const answer = await fetch(this.box.dataset.card.replace("CLIP", clip), { redirect: "error" });
      if (!answer.ok) return;
      const holder = document.createElement("template");
      holder.innerHTML = await answer.text();
      kept.append(...holder.content.childNodes);
      Loa.sounds(kept);
    } catch {
      // The recording is kept all the same; it is heard on the bulletin's page.
    }
  }
}

const recordings = [...document.querySelectorAll("[data-recording]")].map((box) => new Recording(box));
Loa.recordings = recordings;

for (const form of new Set(recordings.map((each) => each.form))) {
  const mine = recordings.filter((each) => each.form === form);
  let leaving = false;
  // The form waits for what is still on its way, then goes by itself.
  form.addEventListener("submit", (event) => {
    const waiting = mine.filter((each) => each.unsent);
    if (!waiting.length) {
      leaving = true;
      return;
    }
    event.preventDefault();
    for (const each of waiting) {
      each.afterwards = { submitter: event.submitter };
      if (each.state === "recorded") each.use();
      else if (each.state !== "sending") each.finish();
    }
  });
  window.addEventListener("beforeunload", (event) => {
    if (!leaving && mine.some((each) => each.unsent)) event.preventDefault();
  });
}

// Where no voice speaks the language, a person has to: the text field makes room for the recording.
for (const choice of document.querySelectorAll("select[data-voiced]")) {
  const voiced = new Set(choice.dataset.voiced.split(" "));
  const texts = document.querySelectorAll(`[data-text-of="${choice.name}"]`);
  const follow = () => {
    for (const text of texts) {
      const field = text.querySelector("textarea");
      text.hidden = !voiced.has(choice.value.split("-")[0]) && !(field && field.value);
    }
    for (const note of document.querySelectorAll(`[data-voiceless-of="${choice.name}"]`)) {
      note.hidden = voiced.has(choice.value.split("-")[0]);
    }
  };
  choice.addEventListener("change", follow);
  follow();
}

// Only the voices that speak the chosen language.
for (const choice of document.querySelectorAll("select[data-voices-of]")) {
  const language = document.getElementsByName(choice.dataset.voicesOf)[0];
  const all = [...choice.options];
  const follow = () => {
    const main = language.value.split("-")[0];
    const wanted = choice.value;
    choice.replaceChildren(...all.filter((each) => !each.dataset.language || each.dataset.language.split("-")[0] === main));
    choice.value = [...choice.options].some((each) => each.value === wanted) ? wanted : "";
  };
  language.addEventListener("change", follow);
  follow();
}
