/* Runs beside the page, in the audio thread: what the microphone hears, at the rate the server wants, in pieces of a tenth of a second. */
"use strict";

const TAPS = 32;
const PHASES = 64;

/* A low-pass at nine tenths of half the slower rate, one row of weights for each fraction of a sample. */
function weights(ratio) {
  const cutoff = 0.9 * Math.min(1, 1 / ratio);
  const table = [];
  for (let phase = 0; phase < PHASES; phase += 1) {
    const row = new Float32Array(TAPS);
    let sum = 0;
    for (let tap = 0; tap < TAPS; tap += 1) {
      const x = tap - TAPS / 2 + 1 - phase / PHASES;
      const sinc = x === 0 ? 1 : Math.sin(Math.PI * cutoff * x) / (Math.PI * cutoff * x);
      const window = 0.5 + 0.5 * Math.cos((2 * Math.PI * x) / TAPS);
      row[tap] = sinc * window;
      sum += row[tap];
    }
    table.push(row.map((weight) => weight / sum));
  }
  return table;
}

class Microphone extends AudioWorkletProcessor {
  constructor(options) {
    super();
    const { rate } = options.processorOptions;
    this.ratio = sampleRate / rate;
    this.table = weights(this.ratio);
    this.held = new Float32Array(TAPS);
    this.at = 0;
    this.piece = new Int16Array(Math.round(rate / 10));
    this.filled = 0;
    this.peak = 0;
  }

  process(inputs) {
    const channels = inputs[0];
    if (!channels.length) return true;
    const mixed = channels.length === 1 ? channels[0] : channels[0].map((value, n) => (value + channels[1][n]) / 2);
    const sound = new Float32Array(this.held.length + mixed.length);
    sound.set(this.held);
    sound.set(mixed, this.held.length);
    while (Math.floor(this.at) + TAPS < sound.length) {
      const first = Math.floor(this.at);
      const row = this.table[Math.floor((this.at - first) * PHASES)];
      let value = 0;
      for (let tap = 0; tap < TAPS; tap += 1) value += sound[first + tap] * row[tap];
      this.add(value);
      this.at += this.ratio;
    }
    const done = Math.floor(this.at);
    this.held = sound.slice(done);
    this.at -= done;
    return true;
  }

  add(value) {
    this.peak = Math.max(this.peak, Math.abs(value));
    this.piece[this.filled] = Math.max(-32768, Math.min(32767, Math.round(value * 32767)));
    this.filled += 1;
    if (this.filled < this.piece.length) return;
    this.port.postMessage({ samples: this.piece, peak: this.peak }, [this.piece.buffer]);
    this.piece = new Int16Array(this.filled);
    this.filled = 0;
    this.peak = 0;
  }
}

registerProcessor("live-microphone", Microphone);
