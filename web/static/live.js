/* Speaking live: the microphone, the countdown, and sound on its way to the server in numbered pieces. What could not be sent is sent again; the server passes over what it has. */
"use strict";

const RATE = 24000;
const MOST_KEPT_SECONDS = 5; // of what could not be sent: older than that it is live no more
const MOST_A_CALL = 5 * RATE;
const CALL_MS = 5000;
const RETRY_MS = 300;
const STATE_MS = 2000;
const COUNT_FROM = 3;
const GIVE_UP_MS = 60000;
const QUIET_DB = -36;
const LOUD_DB = -1.5;
const FLOOR_DB = -60;
const HELD_PIECES = 15;

class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

class Live {
  constructor(box) {
    this.box = box;
    this.form = box.querySelector("form");
    this.secret = this.form.querySelector("input[name=csrf_token]").value;
    this.talk = null;
    this.levels = [];
    box.hidden = false;
    if (!window.isSecureContext || !navigator.mediaDevices) {
      this.refuse("insecure", true);
      return;
    }
    if (!window.AudioWorkletNode) {
      this.refuse("unsupported", true);
      return;
    }
    for (const button of box.querySelectorAll("[data-do]")) {
      button.addEventListener("click", () => this[button.dataset.do]());
    }
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.begin();
    });
    const emergency = this.form.elements.emergency;
    if (emergency) {
      const follow = () => {
        box.querySelector("[data-if-emergency]").hidden = !emergency.checked;
      };
      emergency.addEventListener("change", follow);
      follow();
    }
    window.addEventListener("beforeunload", (event) => {
      if (this.talk) event.preventDefault();
    });
    document.addEventListener("visibilitychange", () => {
      if (this.talk && !document.hidden) this.stayAwake();
    });
  }

  refuse(why, forGood) {
    for (const each of this.box.querySelectorAll("[data-why]")) each.hidden = each.dataset.why !== why;
    if (forGood) for (const each of this.form.querySelectorAll("button")) each.disabled = true;
  }

  say(words) {
    const told = this.box.querySelector("[data-told]");
    told.textContent = words;
    told.hidden = !words;
    if (words) told.scrollIntoView({ block: "center" });
  }

  show(part) {
    for (const each of this.box.querySelectorAll("[data-part]")) each.hidden = each.dataset.part !== part;
    const talks = document.querySelector("[data-talks]");
    if (talks) talks.hidden = part !== "form";
    window.scrollTo(0, 0);
  }

  /* The microphone: asked for once, kept until the page is left or the talk is over. */
  async listen() {
    if (this.stream) return true;
    this.refuse("", false);
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({
        audio: { channelCount: 1, echoCancellation: false, noiseSuppression: true, autoGainControl: true },
      });
    } catch (error) {
      const reasons = { NotAllowedError: "denied", SecurityError: "denied", NotFoundError: "absent", OverconstrainedError: "absent" };
      this.refuse(reasons[error.name] || "taken", false);
      return false;
    }
    this.context = new AudioContext({ latencyHint: "interactive" });
    await this.context.audioWorklet.addModule(this.box.dataset.worklet);
    const node = new AudioWorkletNode(this.context, "live-microphone", {
      numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit", processorOptions: { rate: RATE },
    });
    node.port.onmessage = (event) => this.heard(event.data);
    this.context.createMediaStreamSource(this.stream).connect(node);
    this.node = node;
    if (this.context.state === "suspended") await this.context.resume();
    this.stream.getAudioTracks()[0].addEventListener("ended", () => {
      this.silence();
      if (this.talk) this.stop();
      this.refuse("taken", false);
    });
    this.box.querySelector("[data-hears]").hidden = false;
    return true;
  }

  silence() {
    if (this.stream) for (const track of this.stream.getTracks()) track.stop();
    if (this.context) this.context.close().catch(() => {});
    this.stream = null;
    this.context = null;
  }

  heard({ samples, peak }) {
    const level = Math.max(FLOOR_DB, 20 * Math.log10(peak + 1e-9));
    this.levels.push(level);
    if (this.levels.length > HELD_PIECES) this.levels.shift();
    const held = Math.max(...this.levels);
    const word = held >= LOUD_DB ? "loud" : held < QUIET_DB ? "quiet" : "good";
    for (const bar of this.box.querySelectorAll("[data-meter]")) {
      bar.style.setProperty("--level", `${Math.min(100, 100 - (level / FLOOR_DB) * 100)}%`);
      bar.dataset.word = word;
    }
    for (const each of this.box.querySelectorAll("[data-level]")) each.hidden = each.dataset.level !== word;
    if (!this.talk || !this.red) return;
    this.pending.push({ at: this.place, samples });
    this.place += samples.length;
    while (this.pending.length && this.place - this.pending[0].at > MOST_KEPT_SECONDS * RATE) this.pending.shift();
    this.send();
  }

  /* On air. */
  async begin() {
    this.say("");
    const button = this.form.querySelector("[type=submit]");
    button.disabled = true;
    try {
      if (!(await this.listen())) return;
      const talk = await this.ask(this.box.dataset.begin, { method: "POST", body: new FormData(this.form) });
      this.pending = [];
      this.place = 0;
      this.red = false;
      this.sending = false;
      this.troubled = 0;
      this.talk = talk;
      this.address = this.box.dataset.talk.replace("TALK", talk.id);
    } catch (error) {
      this.say(error.message || this.box.dataset.notReached);
      return;
    } finally {
      button.disabled = false;
    }
    this.show("air");
    this.stayAwake();
    this.hears(this.talk);
    this.looking = setInterval(() => this.look(), STATE_MS);
    this.mark("count");
    this.count(COUNT_FROM);
  }

  mark(what) {
    for (const each of this.box.querySelectorAll("[data-if]")) each.hidden = each.dataset.if !== what;
    this.box.querySelector("[data-part=air]").classList.toggle("red", what === "red");
  }

  count(left) {
    if (!this.talk) return;
    if (left) {
      this.box.querySelector("[data-count]").textContent = left;
      setTimeout(() => this.count(left - 1), 1000);
      return;
    }
    this.red = true;
    this.since = performance.now();
    this.mark("red");
    this.ticking = setInterval(() => this.tick(), 250);
    this.tick();
  }

  tick() {
    const gone = (performance.now() - this.since) / 1000;
    this.box.querySelector("[data-elapsed]").textContent = Loa.clock(gone);
    this.box.querySelector("[data-left]").textContent = Loa.clock(Math.max(0, this.talk.limit_s - gone));
  }

  async stayAwake() {
    try {
      if (navigator.wakeLock) this.awake = await navigator.wakeLock.request("screen");
    } catch {
      // The screen may go dark then: the talk goes on as long as the browser lets it.
    }
  }

  /* One call at a time, with all that has come meanwhile: a slow network makes them fewer and longer, never out of order. */
  async send() {
    if (this.sending || !this.pending.length || !this.talk) return;
    this.sending = true;
    const talk = this.talk;
    const first = this.pending[0].at;
    let size = 0;
    const pieces = [];
    for (const piece of this.pending) {
      if (size + piece.samples.length > MOST_A_CALL) break;
      pieces.push(piece.samples);
      size += piece.samples.length;
    }
    try {
      const answer = await this.ask(`${this.address}/sound?at=${first}`, {
        method: "POST", body: new Blob(pieces), headers: { "Content-Type": "application/octet-stream" },
      });
      this.pending = this.pending.filter((piece) => piece.at >= first + size);
      this.network(true);
      this.box.querySelector("[data-hearing]").textContent = answer.hearing;
      if (answer.state === "over" && this.talk === talk) this.over(answer);
    } catch (error) {
      if (error instanceof Refused && error.status < 500 && error.status !== 429 && this.talk === talk) {
        this.over({ reason: "", seconds: this.place / RATE });
        this.say(error.message);
        return;
      }
      this.network(false);
      await new Promise((done) => setTimeout(done, RETRY_MS));
    } finally {
      this.sending = false;
    }
    if (this.talk === talk) this.send();
  }

  network(good) {
    this.troubled = good ? 0 : this.troubled || performance.now();
    const away = this.troubled && performance.now() - this.troubled > 1000;
    this.box.querySelector("[data-if-network]").hidden = !away;
    if (this.troubled && performance.now() - this.troubled > GIVE_UP_MS) this.over({ reason: "lost", seconds: this.place / RATE });
  }

  async look() {
    const talk = this.talk;
    try {
      const standing = await this.ask(this.address, {});
      if (this.talk !== talk || !talk) return;
      this.hears(standing);
      if (standing.state === "over" && !this.stopping) this.over(standing);
    } catch {
      // The next look comes soon.
    }
  }

  hears(standing) {
    for (const each of ["stations", "acknowledged", "hearing"]) this.box.querySelector(`[data-${each}]`).textContent = standing[each];
    this.box.querySelector("[data-if-covered]").hidden = !standing.over_it.length;
    this.box.querySelector("[data-covered]").textContent = standing.over_it.join(", ");
  }

  async stop() {
    if (!this.talk || this.stopping) return;
    this.stopping = true;
    this.red = false;
    const until = performance.now() + 1500;
    while (this.pending.length && performance.now() < until) await new Promise((done) => setTimeout(done, 50));
    const talk = this.talk;
    for (let tries = 0; tries < 20 && this.talk === talk; tries += 1) {
      try {
        this.over(await this.ask(`${this.address}/end`, { method: "POST" }));
        break;
      } catch {
        await new Promise((done) => setTimeout(done, RETRY_MS));
      }
    }
    this.stopping = false;
    if (this.talk === talk && talk) this.over({ reason: "lost", seconds: this.place / RATE });
  }

  over(standing) {
    if (!this.talk) return;
    clearInterval(this.looking);
    clearInterval(this.ticking);
    this.talk = null;
    this.red = false;
    this.silence();
    if (this.awake) this.awake.release().catch(() => {});
    for (const each of this.box.querySelectorAll("[data-end]")) each.hidden = each.dataset.end !== standing.reason;
    this.box.querySelector("[data-spoken]").textContent = Loa.clock(standing.seconds);
    this.show("over");
  }

  /* What the server answers, as JSON; Refused where it says no. Whatever takes too long is asked again by the caller. */
  async ask(address, options) {
    const given = new AbortController();
    const timer = setTimeout(() => given.abort(), CALL_MS);
    try {
      const headers = { Accept: "application/json", "X-CSRFToken": this.secret, ...(options.headers || {}) };
      const answer = await fetch(address, { ...options, headers, signal: given.signal, redirect: "manual" });
      if (answer.type === "opaqueredirect" || answer.status === 401) throw new Refused(401, this.box.dataset.signedOut);
      const told = await answer.json().catch(() => ({}));
      if (!answer.ok) throw new Refused(answer.status, (told.error && told.error.message) || this.box.dataset.notReached);
      return told;
    } catch (error) {
      if (error instanceof Refused) throw error;
      throw new Error(this.box.dataset.notReached);
    } finally {
      clearTimeout(timer);
    }
  }
}

Loa.live = [...document.querySelectorAll("[data-live]")].map((box) => new Live(box));
